/** Spans that wait for export, at most; more are dropped. */
const CAPACITY = 2048;
/** Spans of one export, at most. */
const BATCH = 512;
const INTERVAL_MS = 1000;

/** What has become of spans. */
export interface SpanStatistics {
  readonly waiting: number;
  readonly exported: number;
  /** There was no room for them. */
  readonly dropped: number;
  /** They were lost with an export that failed. */
  readonly failed: number;
}

/** Sends spans away. @returns whether they have arrived */
export type SendSpans<Span> = (spans: Span[]) => Promise<boolean>;

/** Spans on their way out: exports one after the other, each at most once a second unless many wait. The data path never waits for one. */
export class SpanQueue<Span> {
  readonly #send: SendSpans<Span>;
  #waiting: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #exported = 0;
  #dropped = 0;
  #failed = 0;

  constructor(send: SendSpans<Span>) {
    this.#send = send;
    this.#timer = setInterval(() => this.#flush(), INTERVAL_MS);
    this.#timer.unref();
  }

  add(span: Span): void {
    if (this.#waiting.length >= CAPACITY) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) this.#flush();
  }

  statistics(): SpanStatistics {
    return {
      waiting: this.#waiting.length,
      exported: this.#exported,
      dropped: this.#dropped,
      failed: this.#failed,
    };
  }

  /** Sends what waits, once. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sending;
    while (this.#waiting.length > 0) {
      this.#flush();
      await this.#sending;
    }
  }

  #flush(): void {
    if (this.#sending !== undefined || this.#waiting.length === 0) return;
    const batch = this.#waiting.slice(0, BATCH);
    this.#waiting = this.#waiting.slice(BATCH);
    this.#sending = this.#export(batch).finally(() => {
      this.#sending = undefined;
    });
  }

  async #export(batch: Span[]): Promise<void> {
    const arrived = await this.#send(batch).catch(() => false);
    if (arrived) this.#exported += batch.length;
    else this.#failed += batch.length;
  }
}
