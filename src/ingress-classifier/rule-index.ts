import type { KeyKind, KeySet, KeySink } from './matcher.ts';

/** The rules that are filed under one key. */
interface Bucket {
  readonly rules: number[];
  /** The request that the bucket was last opened for: a key that comes again costs nothing. */
  request: number;
}

/** Files each rule under the set of keys whose fullest bucket is the emptiest; rules without keys are candidates always. */
function chooseKeySets(rules: readonly (readonly KeySet[])[]): readonly (KeySet | undefined)[] {
  const load = new Map<number, number>();
  for (const keySets of rules) {
    for (const key of new Set(keySets.flatMap(({ keys }) => keys))) load.set(key, (load.get(key) ?? 0) + 1);
  }
  return rules.map((keySets) => {
    let best: KeySet | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const keySet of keySets) {
      const fullest = Math.max(...keySet.keys.map((key) => load.get(key) ?? 0));
      if (fullest < least) {
        least = fullest;
        best = keySet;
      }
    }
    return best;
  });
}

/**
 * An inverted index over rules: by the keys that a request offers it gives the rules that could match, in their order.
 * Candidates stand in a bit set of two levels, so that 1,000 rules cost a look at 32 more words at the most.
 */
export class RuleIndex implements KeySink {
  readonly #buckets = new Map<number, Bucket>();
  readonly #always: readonly number[];
  readonly #words: Int32Array;
  /** Bit n of word m: word 32 m + n of `#words` is not zero. */
  readonly #summary: Int32Array;
  #kinds = 0;
  #request = 0;

  /** @param rules for each rule the ways in which it can be filed */
  constructor(rules: readonly (readonly KeySet[])[]) {
    const always: number[] = [];
    chooseKeySets(rules).forEach((keySet, rule) => {
      if (keySet === undefined) always.push(rule);
      else this.#file(rule, keySet);
    });
    this.#always = always;
    this.#words = new Int32Array(Math.ceil(rules.length / 32));
    this.#summary = new Int32Array(Math.ceil(this.#words.length / 32));
  }

  #file(rule: number, { kind, keys }: KeySet): void {
    this.#kinds |= kind;
    for (const key of keys) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) this.#buckets.set(key, { rules: [rule], request: 0 });
      else bucket.rules.push(rule);
    }
  }

  /** Starts on a request. Call before the keys are offered. */
  begin(): void {
    this.#request = (this.#request + 1) & 0x3fffffff;
    // Not fill(): for the few words that there mostly are, a call costs more.
    for (let index = 0; index < this.#words.length; index += 1) this.#words[index] = 0;
    for (let index = 0; index < this.#summary.length; index += 1) this.#summary[index] = 0;
    for (let index = 0; index < this.#always.length; index += 1) this.#mark(this.#always[index] ?? 0);
  }

  offer(kind: KeyKind, key: number): void {
    if ((this.#kinds & kind) === 0) return;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined || bucket.request === this.#request) return;
    bucket.request = this.#request;
    for (let index = 0; index < bucket.rules.length; index += 1) this.#mark(bucket.rules[index] ?? 0);
  }

  /** The next candidate at or after `rule`; -1 when there is none. */
  next(rule: number): number {
    let word = rule >>> 5;
    if (word >= this.#words.length) return -1;
    const rest = (this.#words[word] ?? 0) & (-1 << (rule & 31));
    if (rest !== 0) return word * 32 + lowestBit(rest);
    word = this.#nextWord(word + 1);
    return word < 0 ? -1 : word * 32 + lowestBit(this.#words[word] ?? 0);
  }

  #nextWord(word: number): number {
    let index = word >>> 5;
    let rest = (this.#summary[index] ?? 0) & (-1 << (word & 31));
    while (rest === 0) {
      index += 1;
      if (index >= this.#summary.length) return -1;
      rest = this.#summary[index] ?? 0;
    }
    return index * 32 + lowestBit(rest);
  }

  #mark(rule: number): void {
    const word = rule >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (rule & 31));
    this.#summary[word >>> 5] = (this.#summary[word >>> 5] ?? 0) | (1 << (word & 31));
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
