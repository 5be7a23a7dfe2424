import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueueEntry, RequestQueue, type RequestQueueSettings } from '../../../src/sidecar/queue/index.ts';

class Named extends QueueEntry {
  readonly id: number;

  constructor(id: number, classIndex: number, arrivedMs: number, offeredMs: number) {
    super();
    this.id = id;
    this.classIndex = classIndex;
    this.arrivedMs = arrivedMs;
    this.offeredMs = offeredMs;
  }
}

function idOf(entry: QueueEntry | undefined): number {
  return entry instanceof Named ? entry.id : -1;
}

/** The same rules, written as plainly as possible: arrays, sorted at each step. Weighted order is checked by shares, below. */
class Model {
  readonly settings: RequestQueueSettings;
  limit: number;
  waiting: Named[] = [];
  running: Named[] = [];
  /** By class, in percent of the concurrency limit. */
  readonly shares = new Map<number, number>();

  constructor(settings: RequestQueueSettings) {
    this.settings = settings;
    this.limit = settings.concurrency;
  }

  get fifo(): boolean {
    return this.settings.mode === 'fifo';
  }

  runningOf(classIndex: number): number {
    return this.running.filter((entry) => entry.classIndex === classIndex).length;
  }

  mayRun(classIndex: number): boolean {
    const share = this.shares.get(classIndex) ?? 100;
    const percent = Math.min(share, this.settings.classes[classIndex]?.maxSharePercent ?? 0);
    const most = share === 0 ? 0 : Math.max(1, Math.floor((this.limit * percent) / 100));
    return this.fifo || this.runningOf(classIndex) < most;
  }

  starves(entry: Named, nowMs: number): boolean {
    return nowMs - entry.offeredMs >= this.settings.starvationMs;
  }

  line(entry: Named): number {
    return this.fifo ? 0 : entry.classIndex;
  }

  heads(): Named[] {
    const lines = new Map<number, Named>();
    for (const entry of this.waiting) {
      const head = lines.get(this.line(entry));
      if (head === undefined || entry.arrivedMs < head.arrivedMs) lines.set(this.line(entry), entry);
    }
    return [...lines.values()].sort((a, b) => this.line(a) - this.line(b));
  }

  offer(entry: Named): { verdict: string; displaced: number } {
    const sameLine = this.waiting.some((other) => this.line(other) === this.line(entry));
    if (this.running.length < this.limit && !sameLine && this.mayRun(entry.classIndex)) {
      this.running.push(entry);
      return { verdict: 'run', displaced: -1 };
    }
    let displaced = -1;
    if (this.waiting.length >= this.settings.capacity) {
      const less = this.waiting.filter(
        (other) => this.settings.shedding === 'priority' && this.line(other) > this.line(entry),
      );
      const worst = Math.max(...less.map((other) => this.line(other)));
      const victim = less
        .filter((other) => this.line(other) === worst)
        .reduce<Named | undefined>(
          (last, other) => (last === undefined || other.arrivedMs >= last.arrivedMs ? other : last),
          undefined,
        );
      if (victim === undefined) return { verdict: 'refused', displaced };
      this.waiting = this.waiting.filter((other) => other !== victim);
      displaced = victim.id;
    }
    this.waiting.push(entry);
    return { verdict: 'wait', displaced };
  }

  late(entry: Named, nowMs: number): boolean {
    const { shedding, classes } = this.settings;
    if (shedding === 'none') return false;
    const deadlines = classes.map(({ deadlineMs }) => deadlineMs);
    const deadlineMs =
      shedding === 'fifo' ? Math.min(...deadlines) : (deadlines[entry.classIndex] ?? Number.NaN);
    return nowMs - entry.offeredMs >= deadlineMs || nowMs >= entry.callerDeadlineMs;
  }

  next(nowMs: number): number {
    if (this.running.length >= this.limit) return -1;
    const heads = this.heads().filter(
      (entry) =>
        this.mayRun(entry.classIndex) ||
        (this.starves(entry, nowMs) && this.runningOf(entry.classIndex) === 0),
    );
    const starving = heads.filter((entry) => this.starves(entry, nowMs));
    const chosen =
      starving.length > 0 ? starving.reduce((a, b) => (b.offeredMs < a.offeredMs ? b : a)) : heads[0];
    if (chosen === undefined) return -1;
    this.waiting = this.waiting.filter((entry) => entry !== chosen);
    this.running.push(chosen);
    return chosen.id;
  }
}

const CLASSES = [
  { weight: 4, maxSharePercent: 100, deadlineMs: 50 },
  { weight: 2, maxSharePercent: 60, deadlineMs: 80 },
  { weight: 1, maxSharePercent: 30, deadlineMs: Number.POSITIVE_INFINITY },
];

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('offer' as const),
      classIndex: fc.nat({ max: 2 }),
      lateMs: fc.nat({ max: 30 }),
      patienceMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat({ max: 60 })),
    }),
    fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('next' as const) }),
    fc.record({
      kind: fc.constant('share' as const),
      classIndex: fc.nat({ max: 2 }),
      percent: fc.oneof(fc.constantFrom(0, 100), fc.integer({ min: 0, max: 100 })),
    }),
    fc.record({ kind: fc.constant('expire' as const) }),
    fc.record({ kind: fc.constant('time' as const), byMs: fc.nat({ max: 40 }) }),
  ),
  { maxLength: 120 },
);

describe('the request queue', () => {
  const modes = (['strict', 'fifo'] as const).flatMap((mode) =>
    (['priority', 'fifo', 'none'] as const).map((shedding) => ({ mode, shedding })),
  );
  for (const { mode, shedding } of modes) {
    it(`does in ${mode} mode with ${shedding} shedding what a plain model does`, () => {
      fc.assert(
        fc.property(
          steps,
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 0, max: 6 }),
          (todo, concurrency, capacity) => {
            const settings = { mode, shedding, concurrency, capacity, starvationMs: 60, classes: CLASSES };
            const queue = new RequestQueue(settings);
            const model = new Model(settings);
            let nowMs = 1000;
            let id = 0;
            for (const step of todo) {
              switch (step.kind) {
                case 'time':
                  nowMs += step.byMs;
                  break;
                case 'offer': {
                  // Ids make arrivals differ, so that no order depends on ties.
                  id += 1;
                  const arrivedMs = nowMs - step.lateMs + id / 1e6;
                  const entry = new Named(id, step.classIndex, arrivedMs, nowMs + id / 1e6);
                  entry.callerDeadlineMs = nowMs + step.patienceMs;
                  let displaced = -1;
                  const verdict = queue.offer(entry, (other) => {
                    displaced = idOf(other);
                  });
                  expect({ verdict, displaced }).toEqual(model.offer(entry));
                  break;
                }
                case 'share':
                  queue.setShare(step.classIndex, step.percent);
                  model.shares.set(step.classIndex, step.percent);
                  break;
                case 'limit':
                  queue.setLimit(step.limit);
                  model.limit = step.limit;
                  break;
                case 'next':
                  expect(idOf(queue.next(nowMs))).toBe(model.next(nowMs));
                  break;
                case 'release': {
                  const entry = model.running[step.which % Math.max(1, model.running.length)];
                  if (entry === undefined) break;
                  queue.release(entry);
                  model.running = model.running.filter((other) => other !== entry);
                  break;
                }
                case 'cancel': {
                  const entry = model.waiting[step.which % Math.max(1, model.waiting.length)];
                  if (entry === undefined) break;
                  queue.cancel(entry);
                  model.waiting = model.waiting.filter((other) => other !== entry);
                  break;
                }
                case 'expire': {
                  const gone: number[] = [];
                  queue.expire(nowMs, (entry) => gone.push(idOf(entry)));
                  const late = (entry: Named): boolean => model.late(entry, nowMs);
                  expect(gone.sort()).toEqual(
                    model.waiting
                      .filter(late)
                      .map((entry) => entry.id)
                      .sort(),
                  );
                  model.waiting = model.waiting.filter((entry) => !late(entry));
                  break;
                }
              }
              expect(queue.running).toBe(model.running.length);
              expect(queue.waiting).toBe(model.waiting.length);
              expect(queue.waiting).toBeLessThanOrEqual(capacity);
            }
          },
        ),
        { numRuns: 250 },
      );
    });
  }

  it('shares turns by weight in weighted mode', () => {
    const queue = new RequestQueue({
      mode: 'weighted',
      concurrency: 1,
      capacity: 1000,
      shedding: 'priority',
      starvationMs: Number.POSITIVE_INFINITY,
      classes: CLASSES.map((row) => ({ ...row, maxSharePercent: 100 })),
    });
    for (let id = 0; id < 900; id += 1) queue.offer(new Named(id, id % 3, id, id), () => undefined);
    const turns = [0, 0, 0];
    queue.release(Object.assign(new QueueEntry(), { classIndex: 0 }));
    for (let turn = 0; turn < 350; turn += 1) {
      const entry = queue.next(1000);
      if (entry === undefined) break;
      turns[entry.classIndex] = (turns[entry.classIndex] ?? 0) + 1;
      queue.release(entry);
    }
    const [first = 0, second = 0, third = 0] = turns;
    expect(first + second + third).toBe(350);
    expect(Math.abs(first - 200)).toBeLessThanOrEqual(3);
    expect(Math.abs(second - 100)).toBeLessThanOrEqual(3);
  });

  it('gives a class that was away no turns for the time of its absence', () => {
    const queue = new RequestQueue({
      mode: 'weighted',
      concurrency: 1,
      capacity: 1000,
      shedding: 'priority',
      starvationMs: Number.POSITIVE_INFINITY,
      classes: CLASSES.map((row) => ({ ...row, weight: 1, maxSharePercent: 100 })),
    });
    for (let id = 0; id < 300; id += 1) queue.offer(new Named(id, 0, id, id), () => undefined);
    queue.release(Object.assign(new QueueEntry(), { classIndex: 0 }));
    for (let turn = 0; turn < 100; turn += 1) {
      const entry = queue.next(0);
      if (entry !== undefined) queue.release(entry);
    }
    const held = queue.next(0);
    for (let id = 300; id < 400; id += 1) queue.offer(new Named(id, 1, id, id), () => undefined);
    if (held !== undefined) queue.release(held);
    let ofSecond = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      const entry = queue.next(0);
      if (entry === undefined) break;
      ofSecond += entry.classIndex;
      queue.release(entry);
    }
    expect(Math.abs(ofSecond - 10)).toBeLessThanOrEqual(1);
  });

  it('starts none of a paused class, but one at a time of those who would starve', () => {
    const queue = new RequestQueue({
      mode: 'strict',
      concurrency: 4,
      capacity: 10,
      shedding: 'priority',
      starvationMs: 100,
      classes: CLASSES.map((row) => ({ ...row, deadlineMs: Number.POSITIVE_INFINITY })),
    });
    queue.setShare(1, 0);
    const entries = [0, 1].map((id) => new Named(id, 1, id, 0));
    for (const entry of entries) expect(queue.offer(entry, () => undefined)).toBe('wait');
    expect(idOf(queue.next(99))).toBe(-1);
    expect(idOf(queue.next(100))).toBe(0);
    expect(idOf(queue.next(100))).toBe(-1);
    queue.setShare(1, 100);
    expect(idOf(queue.next(100))).toBe(1);
  });
});
