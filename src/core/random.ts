/** A seeded source of random numbers. The same seed and the same calls give the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1), with 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** Exponentially distributed with the given mean: the gaps of a Poisson process. */
  exponential(mean: number): number;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent stream, named: adding a stream does not disturb the others. */
  child(name: string): Random;
}

/** FNV-1a over UTF-16 code units, then splitmix32: spreads a name and a seed over four words of state. */
function mix(seed: number, name: string): Uint32Array {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  const words = new Uint32Array(4);
  for (let index = 0; index < 4; index += 1) {
    hash = (hash + 0x9e3779b9) >>> 0;
    let z = hash;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    words[index] = (z ^ (z >>> 15)) >>> 0;
  }
  return words;
}

class Xoshiro128 implements Random {
  readonly #seed: number;
  readonly #name: string;
  readonly #s: Uint32Array;

  constructor(seed: number, name: string) {
    this.#seed = seed;
    this.#name = name;
    this.#s = mix(seed, name);
  }

  #word(): number {
    const s = this.#s;
    const s0 = s[0] as number;
    const s1 = s[1] as number;
    const s2 = s[2] as number;
    const s3 = s[3] as number;
    const times5 = Math.imul(s1, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    s[2] = s2 ^ s0;
    s[3] = s3 ^ s1;
    s[1] = s1 ^ (s[2] as number);
    s[0] = s0 ^ (s[3] as number);
    s[2] = (s[2] as number) ^ (s1 << 9);
    const top = s[3] as number;
    s[3] = (top << 11) | (top >>> 21);
    return result;
  }

  next(): number {
    return this.#word() / 0x1_0000_0000;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let last = copy.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      const kept = copy[last] as T;
      copy[last] = copy[other] as T;
      copy[other] = kept;
    }
    return copy;
  }

  child(name: string): Random {
    return new Xoshiro128(this.#seed, `${this.#name}/${name}`);
  }
}

/**
 * Makes the root stream of a seed (an integer, 0 to 2^32 - 1).
 * The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018).
 */
export function seededRandom(seed: number): Random {
  return new Xoshiro128(seed >>> 0, 'root');
}
