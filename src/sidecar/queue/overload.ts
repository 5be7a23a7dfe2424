import type { QueueEntry } from './queue-entry.ts';
import type { RequestQueue } from './request-queue.ts';

/** How fast the estimate of the time between two starts follows. */
const FOLLOW = 0.2;
/** For so long after the last sign of overload of a line the classes below it stay out. */
export const HOLD_MS = 100;
/** A class that is not the least important is only turned away itself when keeping out those below has not helped for this long. */
export const ESCALATE_MS = 100;

/** What overload control needs to know. */
export interface OverloadSettings {
  readonly targetDelayMs: number;
  /** `fifo`: all are turned away alike. */
  readonly shedding: 'priority' | 'fifo';
}

/**
 * Who is turned away on arrival, because the queue would make it wait too long: a pure data structure, with the clock handed in.
 *
 * The _delay_ of a line is the larger of two: for how long its oldest has been waiting, and for how long who comes now would wait, by the number of
 * those before it and the mean time between two starts. The first is never wrong and sees a standstill; the second sees a step of the load before
 * anybody has waited long, and keeps the line at one length, where the first alone would let bursts in.
 *
 * - A line whose delay exceeds the target is overloaded: at once, all less important classes are turned away, until 100 ms after the last sign of
 *   it (fast up, slowly down, one line at a time).
 * - The least important class is turned away while its own line is overloaded. Another is so only when its line has been overloaded for 100 ms with those
 *   below kept out.
 * - Who would run at once is never turned away: no place stays empty. So who came first is served first, and who comes last is turned away.
 *
 * The signal is the delay of the queue, as in Breakwater (Cho et al., OSDI 2020) and DAGOR (Zhou et al., SoCC 2018), whose order by importance and
 * shedding on arrival this has too; a load that must be counted or a rate that must be known is not needed.
 */
export class OverloadControl {
  readonly #settings: OverloadSettings;
  readonly #queue: RequestQueue;
  /** Of each line: for how long its head waits on average until it is started, 0 while unknown, and when the last one was; NaN where nobody has waited since. */
  readonly #gapMs: Float64Array;
  readonly #lastStartMs: Float64Array;
  /** Since when it is overloaded, NaN when it is not; and until when those below stay out. */
  readonly #sinceMs: Float64Array;
  readonly #holdUntilMs: Float64Array;

  constructor(settings: OverloadSettings, queue: RequestQueue) {
    this.#settings = settings;
    this.#queue = queue;
    this.#gapMs = new Float64Array(queue.lines);
    this.#lastStartMs = new Float64Array(queue.lines).fill(Number.NaN);
    this.#sinceMs = new Float64Array(queue.lines).fill(Number.NaN);
    this.#holdUntilMs = new Float64Array(queue.lines).fill(Number.NEGATIVE_INFINITY);
  }

  /** How long who comes to a line now has to wait, as far as can be told. */
  delayMs(line: number, nowMs: number): number {
    const waiting = this.#queue.waitingIn(line);
    if (waiting === 0) return 0;
    return Math.max(nowMs - this.#queue.oldestIn(line), waiting * (this.#gapMs[line] as number));
  }

  /** Whether an arriving request is to be turned away. */
  refuses(classIndex: number, nowMs: number): boolean {
    const queue = this.#queue;
    if (queue.hasRoomFor(classIndex)) return false;
    this.#look(nowMs);
    const line = queue.lineOf(classIndex);
    const last = queue.lines - 1;
    if (this.#settings.shedding === 'fifo') {
      for (let one = 0; one <= last; one += 1) if (!Number.isNaN(this.#sinceMs[one])) return true;
      return false;
    }
    for (let above = 0; above < line; above += 1) {
      if (nowMs < (this.#holdUntilMs[above] as number)) return true;
    }
    const sinceMs = this.#sinceMs[line] as number;
    return line === last ? !Number.isNaN(sinceMs) : nowMs - sinceMs >= ESCALATE_MS;
  }

  /** A request that waited is started. To be told after it has left its line. */
  started(entry: QueueEntry, nowMs: number): void {
    const line = this.#queue.lineOf(entry.classIndex);
    const lastMs = this.#lastStartMs[line] as number;
    // Who came to an empty line was its head from then on. Without this a line that is kept at one by what was measured long ago would learn nothing.
    const gapMs = nowMs - (Number.isNaN(lastMs) ? entry.offeredMs : lastMs);
    const known = this.#gapMs[line] as number;
    this.#gapMs[line] = known === 0 ? gapMs : known + FOLLOW * (gapMs - known);
    this.#lastStartMs[line] = this.#queue.waitingIn(line) > 0 ? nowMs : Number.NaN;
    this.#look(nowMs);
  }

  /** By line: for how long it has been overloaded, 0 when it is not. */
  overloadedMs(nowMs: number): readonly number[] {
    return Array.from(this.#sinceMs, (sinceMs) => (Number.isNaN(sinceMs) ? 0 : nowMs - sinceMs));
  }

  #look(nowMs: number): void {
    for (let line = 0; line < this.#queue.lines; line += 1) {
      if (this.delayMs(line, nowMs) > this.#settings.targetDelayMs) {
        if (Number.isNaN(this.#sinceMs[line])) this.#sinceMs[line] = nowMs;
        this.#holdUntilMs[line] = nowMs + HOLD_MS;
      } else {
        this.#sinceMs[line] = Number.NaN;
      }
    }
  }
}
