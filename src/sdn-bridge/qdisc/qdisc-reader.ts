import { type Clock, type Logger, messageOf } from '../../core/index.ts';
import { parseQdiscs, type Qdisc } from './qdisc-counters.ts';
import { TcSession } from './tc-session.ts';

/** What a {@link QdiscReader} works with. */
export interface QdiscReaderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Starts a session; tests hand in their own. */
  readonly open?: () => TcSession;
}

/** An answer that takes longer than this is none: the session is ended and another one begun. */
const ANSWER_TIMEOUT_MS = 1000;
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5000;

/** A reading of all queueing disciplines of this network namespace. */
export interface QdiscReading {
  /** Milliseconds of the monotonic clock, between question and answer. */
  readonly timeMs: number;
  readonly qdiscs: readonly Qdisc[];
}

/** Reads the queueing disciplines again and again through one tc, and begins another when that ends. */
export class QdiscReader {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #open: () => TcSession;
  #session: TcSession | undefined;
  #retryMs = RETRY_FIRST_MS;
  #notBeforeMs = 0;
  #failing = false;

  constructor({ clock, logger, open = () => new TcSession() }: QdiscReaderOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#open = open;
  }

  /** A reading, or nothing where tc does not answer; the first failure of a row is logged. One call at a time. */
  async read(): Promise<QdiscReading | undefined> {
    const beforeMs = this.#clock.nowMs();
    if (beforeMs < this.#notBeforeMs) return undefined;
    this.#session ??= this.#open();
    try {
      const line = await this.#session.ask(AbortSignal.timeout(ANSWER_TIMEOUT_MS));
      const timeMs = (beforeMs + this.#clock.nowMs()) / 2;
      const qdiscs = parseQdiscs(line);
      if (this.#failing) this.#logger.log('info', 'queues can be read again');
      this.#failing = false;
      this.#retryMs = RETRY_FIRST_MS;
      return { timeMs, qdiscs };
    } catch (error) {
      if (!this.#failing) this.#logger.log('warn', 'queues cannot be read', { cause: messageOf(error) });
      this.#failing = true;
      this.#notBeforeMs = this.#clock.nowMs() + this.#retryMs;
      this.#retryMs = Math.min(RETRY_MOST_MS, 2 * this.#retryMs);
      await this.close();
      return undefined;
    }
  }

  /** Ends the tc that runs, if one does. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }
}
