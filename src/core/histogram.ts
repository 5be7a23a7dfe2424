const SUB_BITS = 5;
const SUB_BUCKETS = 1 << SUB_BITS;
const MAX_EXPONENT = 26;
const BUCKETS = SUB_BUCKETS * (MAX_EXPONENT + 1);

/**
 * Counts values in buckets whose width grows with the value: log-linear, 32 buckets for each doubling, so that a quantile is off by
 * at most 1/32 of itself. Recording costs about 2 ns and allocates nothing. Values are whole, in a unit of the caller's choice
 * (microseconds, say); what is beyond 2^31 - 1 counts as that, what is negative as 0.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** The largest value, exactly. */
  get max(): number {
    return this.#max;
  }

  /** Records one value. */
  record(value: number): void {
    const whole = value > 0x7fff_ffff ? 0x7fff_ffff : value > 0 ? value | 0 : 0;
    const index = bucketOf(whole);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count += 1;
    this.#sum += whole;
    if (whole > this.#max) this.#max = whole;
  }

  /**
   * How many values lie below each of some edges, in ascending order. Exact for powers of two, which are edges of buckets; else values of the
   * bucket that holds the edge are counted as not below it.
   */
  countsBelow(edges: readonly number[]): readonly number[] {
    let index = 0;
    let seen = 0;
    return edges.map((edge) => {
      for (const end = Math.min(BUCKETS, bucketOf(edge)); index < end; index += 1) {
        seen += this.#counts[index] as number;
      }
      return seen;
    });
  }

  /** The value below or at which the share `quantile` (0 to 1) of the values lies; 0 when there are none. */
  quantile(quantile: number): number {
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      seen += this.#counts[index] as number;
      if (seen >= wanted) return Math.min(upperEdge(index), this.#max);
    }
    return this.#max;
  }

  /** Forgets everything. */
  reset(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#max = 0;
  }
}

function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + ((value >>> shift) - SUB_BUCKETS);
}

/** The largest value that falls into a bucket. */
function upperEdge(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  const base = (index % SUB_BUCKETS) + SUB_BUCKETS;
  return (base + 1) * 2 ** shift - 1;
}
