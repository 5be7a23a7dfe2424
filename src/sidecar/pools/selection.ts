import type { Random } from '../../core/index.ts';
import { type BalancerKind, type BalancerSettings, mixed, NO_HASH, type Picker } from '../balancers/index.ts';
import type { Endpoint } from './endpoint.ts';
import { type Level, sharesOf } from './levels.ts';

/** What of a request makes its key. */
export interface BalancingKey {
  readonly from: 'header' | 'cookie' | 'source-address' | 'path';
  /** Of the header, in lower case, or of the cookie. */
  readonly name: string;
}

/** How an upstream balances. */
export interface Balancing extends BalancerSettings {
  readonly kind: BalancerKind;
  /** Undefined where requests have no key. */
  readonly key: BalancingKey | undefined;
  readonly overprovisioningFactor: number;
}

interface Part {
  readonly endpoints: readonly Endpoint[];
  readonly picker: Picker;
  /** The sum of its share and of those before it. */
  readonly upTo: number;
}

/** So that which level a key goes to says nothing of where it goes within one. */
const LEVEL_SEED = 0x27d4eb2f;

/** Endpoints to choose from, as they were at one moment: levels with their shares, and a picker for each. */
export class Selection {
  readonly #parts: readonly Part[];
  readonly #random: Random;

  constructor(levels: readonly Level[], balancing: Balancing, random: Random) {
    const shares = sharesOf(
      levels.map(({ all, usable }) => usable.length / all.length),
      balancing.overprovisioningFactor,
    );
    this.#random = random;
    let upTo = 0;
    this.#parts = levels.flatMap(({ usable }, index) => {
      if (usable.length === 0) return [];
      upTo += shares[index] ?? 0;
      return [{ endpoints: usable, picker: balancing.kind.over(usable, random, balancing), upTo }];
    });
  }

  get empty(): boolean {
    return this.#parts.length === 0;
  }

  /** An endpoint that has not been tried; undefined when all have been. */
  pick(classIndex: number, hash: number, tried: readonly Endpoint[]): Endpoint | undefined {
    const parts = this.#parts;
    const first = parts.length < 2 ? 0 : this.#level(hash);
    for (let step = 0; step < parts.length; step += 1) {
      const { endpoints, picker } = parts[(first + step) % parts.length] as Part;
      const picked = endpoints[picker.pick(classIndex, hash, tried)];
      if (picked !== undefined) return picked;
    }
    return undefined;
  }

  #level(hash: number): number {
    const point = hash === NO_HASH ? this.#random.next() : mixed(hash ^ LEVEL_SEED) / 0x1_0000_0000;
    const parts = this.#parts;
    let index = 0;
    while (index < parts.length - 1 && point >= (parts[index] as Part).upTo) index += 1;
    return index;
  }
}
