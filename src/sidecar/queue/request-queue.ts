import type { ClassIndex } from '../../core/index.ts';
import type { QueueEntry } from './queue-entry.ts';
import type { RequestQueueSettings } from './settings.ts';
import { WaitingList } from './waiting-list.ts';

/** What became of an offered request: it runs, it waits, or there is no room for it. */
type Placed = 'run' | 'wait' | 'refused';

/** One turn of a class of weight 1 in weighted mode (stride scheduling; Waldspurger and Weihl, 1995). */
const STRIDE_UNIT = 1 << 20;

/**
 * Which request goes to the application next: a pure data structure, with the clock handed in. At most `limit` run, at most `capacity` wait.
 *
 * - strict: the most important class that has somebody waiting; weighted: classes take turns by weight; fifo: first come first served.
 * - Inside a class the oldest by arrival at the mesh goes first.
 * - A class's head that has waited `starvationMs` goes before all that have not, the longest waiting first.
 * - No class holds more than its share of the limit, not even a starving one: that room is what keeps important requests fast.
 * - In a full queue a more important request takes the place of the youngest of the least important (`shedding: priority`).
 * - Who has waited for longer than its class allows, or than its caller does, is not started.
 */
export class RequestQueue {
  readonly #settings: RequestQueueSettings;
  readonly #lists: readonly WaitingList[];
  readonly #runningByClass: Int32Array;
  readonly #pass: Float64Array;
  /** The most of each class that may run now: what its row says, or less for a while. */
  readonly #mostRunning: Int32Array;
  /** What is left to each class of the limit, percent: 100, or less for a while. */
  readonly #sharePercent: Float64Array;
  /** In `fifo` shedding for all, because it does not know classes. */
  readonly #shortestDeadlineMs: number;
  #limit: number;
  #turn = 0;
  #running = 0;
  #waiting = 0;

  constructor(settings: RequestQueueSettings) {
    this.#settings = settings;
    this.#limit = settings.concurrency;
    const lists = settings.mode === 'fifo' ? 1 : settings.classes.length;
    this.#lists = Array.from({ length: lists }, () => new WaitingList());
    this.#runningByClass = new Int32Array(settings.classes.length);
    this.#pass = new Float64Array(settings.classes.length);
    this.#mostRunning = new Int32Array(settings.classes.length);
    this.#sharePercent = new Float64Array(settings.classes.length).fill(100);
    this.#shortestDeadlineMs = Math.min(...settings.classes.map(({ deadlineMs }) => deadlineMs));
    this.#divide();
  }

  /** How many may run now. */
  get limit(): number {
    return this.#limit;
  }

  /** Lets more or fewer run. Who runs is left alone. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.#divide();
  }

  /**
   * Lets a class hold less than its row says, or all of it again. Who runs is left alone.
   * @param percent of the concurrency limit, 0 to 100; 0 starts none of the class, but one at a time of those who have waited `starvationMs`
   */
  setShare(classIndex: ClassIndex, percent: number): void {
    if (classIndex >= this.#sharePercent.length) return;
    this.#sharePercent[classIndex] = percent;
    this.#divide();
  }

  #divide(): void {
    for (const [index, { maxSharePercent }] of this.#settings.classes.entries()) {
      const share = this.#sharePercent[index] as number;
      const percent = Math.min(share, maxSharePercent);
      this.#mostRunning[index] = share > 0 ? Math.max(1, Math.floor((this.#limit * percent) / 100)) : 0;
    }
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  runningOf(classIndex: ClassIndex): number {
    return this.#runningByClass[classIndex] as number;
  }

  /** How many wait in a class's line; in fifo mode everybody stands in line 0. */
  waitingIn(line: number): number {
    return this.#lists[line]?.length ?? 0;
  }

  get lines(): number {
    return this.#lists.length;
  }

  /** The line in which requests of a class stand. */
  lineOf(classIndex: ClassIndex): number {
    return this.#settings.mode === 'fifo' ? 0 : classIndex;
  }

  /** Since when the oldest of a line has been waiting here; NaN when nobody does. */
  oldestIn(line: number): number {
    return this.#lists[line]?.head?.offeredMs ?? Number.NaN;
  }

  /** Whether a request of a class would run at once. */
  hasRoomFor(classIndex: ClassIndex): boolean {
    const noneBefore = this.waitingIn(this.lineOf(classIndex)) === 0;
    return this.#running < this.#limit && noneBefore && this.#mayRun(classIndex);
  }

  /**
   * Offers a request whose class and times are set.
   * @param displaced called with the entry that makes room for this one, when the queue is full and this one is more important
   */
  offer(entry: QueueEntry, displaced: (entry: QueueEntry) => void): Placed {
    const line = this.lineOf(entry.classIndex);
    if (this.hasRoomFor(entry.classIndex)) {
      this.#start(entry, entry.offeredMs);
      return 'run';
    }
    if (this.#waiting >= this.#settings.capacity) {
      const victim = this.#settings.shedding === 'priority' ? this.#leastImportantBelow(line) : undefined;
      if (victim === undefined) return 'refused';
      this.#take(victim);
      displaced(victim);
    }
    this.adopt(entry);
    return 'wait';
  }

  /** Lets an entry wait, also where there is no room: it has been let in before, by another queue. */
  adopt(entry: QueueEntry): void {
    const line = this.lineOf(entry.classIndex);
    const list = this.#lists[line] as WaitingList;
    if (list.length === 0 && this.#settings.mode === 'weighted') {
      // A class that comes back does not catch up on the turns that it did not want.
      this.#pass[line] = Math.max(this.#pass[line] as number, this.#turn);
    }
    list.insert(entry);
    this.#waiting += 1;
  }

  /** Takes out all that wait, and hands each over. */
  takeAll(use: (entry: QueueEntry) => void): void {
    for (const list of this.#lists) {
      for (let entry = list.head; entry !== undefined; entry = list.head) {
        this.#take(entry);
        use(entry);
      }
    }
  }

  /** Takes the next request to run, or undefined when none may. Call {@link expire} first. */
  next(nowMs: number): QueueEntry | undefined {
    if (this.#waiting === 0 || this.#running >= this.#limit) return undefined;
    const line = this.#chooseLine(nowMs);
    if (line < 0) return undefined;
    const entry = this.#lists[line]?.head;
    if (entry === undefined) return undefined;
    this.#take(entry);
    this.#start(entry, nowMs);
    return entry;
  }

  /** A request that ran has ended. */
  release(entry: QueueEntry): void {
    this.#running -= 1;
    this.#runningByClass[entry.classIndex] = (this.#runningByClass[entry.classIndex] as number) - 1;
  }

  /** Takes a waiting request out: its caller is gone. */
  cancel(entry: QueueEntry): void {
    if (entry.waiting) this.#take(entry);
  }

  /** Takes out all that wait in less important lines than this one, and hands each over. */
  shedBelow(line: number, gone: (entry: QueueEntry) => void): void {
    for (let victim = this.#leastImportantBelow(line); victim !== undefined; ) {
      this.#take(victim);
      gone(victim);
      victim = this.#leastImportantBelow(line);
    }
  }

  /** Whether a request has waited longer than its class or its caller allows. */
  expired(entry: QueueEntry, nowMs: number): boolean {
    const { shedding, classes } = this.#settings;
    if (shedding === 'none') return false;
    if (nowMs >= entry.callerDeadlineMs) return true;
    const deadlineMs =
      shedding === 'fifo' ? this.#shortestDeadlineMs : (classes[entry.classIndex]?.deadlineMs ?? Infinity);
    return nowMs - entry.offeredMs >= deadlineMs;
  }

  /** Takes out all that have waited longer than they may, and hands each over. */
  expire(nowMs: number, gone: (entry: QueueEntry) => void): void {
    if (this.#settings.shedding === 'none' || this.#waiting === 0) return;
    for (const list of this.#lists) {
      let entry = list.head;
      while (entry !== undefined) {
        const next: QueueEntry | undefined = entry.next;
        if (this.expired(entry, nowMs)) {
          this.#take(entry);
          gone(entry);
        }
        entry = next;
      }
    }
  }

  #mayRun(classIndex: ClassIndex): boolean {
    if (this.#settings.mode === 'fifo') return true;
    return this.runningOf(classIndex) < (this.#mostRunning[classIndex] as number);
  }

  #start(entry: QueueEntry, nowMs: number): void {
    const { classIndex } = entry;
    this.#running += 1;
    entry.startedMs = nowMs;
    entry.startedAmong = this.#running;
    this.#runningByClass[classIndex] = this.runningOf(classIndex) + 1;
    if (this.#settings.mode !== 'weighted') return;
    const weight = this.#settings.classes[classIndex]?.weight ?? 1;
    const at = Math.max(this.#pass[classIndex] as number, this.#turn);
    this.#turn = at;
    this.#pass[classIndex] = at + STRIDE_UNIT / weight;
  }

  #take(entry: QueueEntry): void {
    entry.list?.remove(entry);
    this.#waiting -= 1;
  }

  /** The youngest of the least important class that is less important than `line`. */
  #leastImportantBelow(line: number): QueueEntry | undefined {
    for (let other = this.#lists.length - 1; other > line; other -= 1) {
      const tail = this.#lists[other]?.tail;
      if (tail !== undefined) return tail;
    }
    return undefined;
  }

  #chooseLine(nowMs: number): number {
    let starving = -1;
    let longest = this.#settings.starvationMs;
    let best = -1;
    for (let line = 0; line < this.#lists.length; line += 1) {
      const head = this.#lists[line]?.head;
      if (head === undefined) continue;
      const waited = nowMs - head.offeredMs;
      // A class that is paused altogether still gets one place for who would starve.
      const owed = waited >= this.#settings.starvationMs && this.runningOf(head.classIndex) === 0;
      if (!owed && !this.#mayRun(head.classIndex)) continue;
      if (waited > longest || (waited === longest && starving < 0)) {
        longest = waited;
        starving = line;
      }
      if (best < 0 || this.#goesBefore(line, best)) best = line;
    }
    return starving >= 0 ? starving : best;
  }

  #goesBefore(line: number, other: number): boolean {
    return this.#settings.mode === 'weighted' && (this.#pass[line] as number) < (this.#pass[other] as number);
  }
}
