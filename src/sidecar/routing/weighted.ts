import type { Random, WeightedService } from '../../core/index.ts';

const POINTS = 0x1_0000_0000;

/** FNV-1a with a last mix, so that names that differ in one character are far apart. */
function pointOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return ((hash ^ (hash >>> 15)) >>> 0) / POINTS;
}

/** Draws one of some services by weight. */
export class WeightedServices {
  readonly #services: readonly string[];
  readonly #upTo: readonly number[];
  readonly #random: Random;

  constructor(services: readonly WeightedService[], random: Random) {
    const total = services.reduce((sum, { weight }) => sum + weight, 0);
    let upTo = 0;
    this.#upTo = services.map(({ weight }) => {
      upTo += weight / total;
      return upTo;
    });
    this.#services = services.map(({ service }) => service);
    this.#random = random;
  }

  /** @param key what is drawn for one key is drawn for it always, while services and weights stay; undefined: by chance */
  draw(key: string | undefined): string {
    const point = key === undefined ? this.#random.next() : pointOf(key);
    const last = this.#services.length - 1;
    for (let index = 0; index < last; index += 1) {
      if (point < (this.#upTo[index] as number)) return this.#services[index] as string;
    }
    return this.#services[last] as string;
  }
}
