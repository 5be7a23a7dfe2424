/** The patience with a full window, at least. */
const MIN_PATIENCE_MS = 200;
/** And in mean residences, and in longest ones. */
const MEAN_FACTOR = 8;
const LONGEST_FACTOR = 2;
/**
 * Each further stall in a row waits this many times longer: a long job is likelier than a client that saves up its acknowledgements. Less so
 * where the client itself said how many it wants.
 */
const BACKOFF = 3;
const ASKED_BACKOFF = 2;
/** But not more than this many times: a client that waits for hundreds gets them while somebody still waits for it. */
const MAX_FACTOR = 25;
/** A client that has settled so many can do with what it has in hands: it is given so many times the patience. */
const KNOWN_SETTLED = 32;
const KNOWN_FACTOR = 8;
/** By this the longest residence fades with each settled message. */
const FADE = 0.999;
/** The largest batch is that of the last one to two times this many acknowledgements. */
const BATCH_MEMORY = 32;
/** Settled this many times closer together than its workers could, or at the same moment: saved up and acknowledged at one go. */
const BURST = 32;
const SAME_MOMENT_MS = 0.2;
/** Fewer at one go happen by chance. */
const MIN_BURST = 3;

/**
 * A client may acknowledge only when it has some number of messages in hands. Nothing tells that number; this keeps a smaller window from
 * standing still for ever, and remembers the number once it was seen.
 */
export class StallGuard {
  readonly #backoff: number;
  #relief = 0;
  #stalls = 0;
  #factor = 1;
  #quietSinceMs = 0;
  #lastSettledMs = -Infinity;
  #settled = 0;
  #longestMs = 0;
  #burst = 1;
  #saver = false;
  #batch = 1;
  #batchBefore = 1;
  #methods = 0;

  /** @param asked whether the client itself has set a limit, above which it is never given more anyway */
  constructor(asked: boolean) {
    this.#backoff = asked ? ASKED_BACKOFF : BACKOFF;
  }

  /** What the client must be allowed to hold for the time being; 0 for nothing beyond the window. */
  get relief(): number {
    return this.#relief;
  }

  get stalls(): number {
    return this.#stalls;
  }

  /** The most messages that were settled at one go of late. */
  get largestBatch(): number {
    return Math.max(this.#batch, this.#batchBefore);
  }

  /** The client was given its only message. */
  began(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** The client settled one: `count` together with it by the same method, `usualGapMs` is what lies between two of its workers' ends. */
  settled(residenceMs: number, count: number, usualGapMs: number, nowMs: number): void {
    const close = nowMs - this.#lastSettledMs <= Math.max(SAME_MOMENT_MS, usualGapMs / BURST);
    this.#burst = close ? this.#burst + 1 : 1;
    // Messages that are settled one by one count as a batch only where saving them up has led to a stall.
    if (this.#relief > 0) this.#saver = true;
    const atOnce = this.#saver ? Math.max(count, this.#burst) : count;
    this.#lastSettledMs = nowMs;
    this.#quietSinceMs = nowMs;
    this.#settled += 1;
    this.#factor = 1;
    this.#relief = 0;
    this.#longestMs = Math.max(residenceMs, this.#longestMs * FADE);
    this.#batch = Math.max(this.#batch, atOnce);
    this.#methods += 1 / count;
    if (this.#methods < BATCH_MEMORY) return;
    this.#batchBefore = this.#batch;
    this.#saver &&= this.#batch >= MIN_BURST;
    this.#batch = 1;
    this.#methods = 0;
  }

  /** The window is full and nothing is settled: has that lasted too long? Then it is doubled until the next message is settled. */
  full(window: number, meanMs: number, nowMs: number): void {
    const known = this.#settled >= KNOWN_SETTLED ? KNOWN_FACTOR : 1;
    const usualMs = Math.max(MIN_PATIENCE_MS, MEAN_FACTOR * meanMs, LONGEST_FACTOR * this.#longestMs);
    if (nowMs - this.#quietSinceMs < usualMs * known * this.#factor) return;
    this.#quietSinceMs = nowMs;
    this.#factor = Math.min(MAX_FACTOR, this.#factor * this.#backoff);
    this.#stalls += 1;
    this.#relief = 2 * window;
  }
}
