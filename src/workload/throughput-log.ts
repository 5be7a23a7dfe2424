/** The width of a bin of throughput.csv, milliseconds. */
const THROUGHPUT_BIN_MS = 100;

/** Response-body bytes received over time, by class. */
export class ThroughputLog {
  readonly classes: readonly string[];
  readonly #bins: readonly Float64Array[];
  #last = -1;

  /** `spanMs` is the longest that the trial can take; bytes after it are counted in the last bin. */
  constructor(classes: readonly string[], spanMs: number) {
    this.classes = classes;
    const count = Math.max(1, Math.ceil(spanMs / THROUGHPUT_BIN_MS));
    this.#bins = classes.map(() => new Float64Array(count));
  }

  add(classPosition: number, atMs: number, bytes: number): void {
    const bins = this.#bins[classPosition];
    if (bins === undefined) return;
    const bin = Math.min(bins.length - 1, Math.max(0, Math.floor(atMs / THROUGHPUT_BIN_MS)));
    bins[bin] = (bins[bin] ?? 0) + bytes;
    this.#last = Math.max(this.#last, bin);
  }

  /** The rows of throughput.csv: every class in every bin up to `endMs` or the last bytes, whichever is later. */
  *rows(endMs: number): Generator<{ tMs: number; className: string; bytes: number }, void> {
    const last = Math.max(this.#last, Math.ceil(endMs / THROUGHPUT_BIN_MS) - 1);
    for (let bin = 0; bin <= last; bin += 1) {
      for (const [position, className] of this.classes.entries()) {
        yield { tMs: bin * THROUGHPUT_BIN_MS, className, bytes: this.#bins[position]?.[bin] ?? 0 };
      }
    }
  }
}
