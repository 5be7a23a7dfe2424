import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import {
  Admission,
  type AdmissionSettings,
  ESCALATE_MS,
  HOLD_MS,
  type Offer,
  QueueEntry,
} from '../../../../src/sidecar/queue/index.ts';
import { HeldClock } from '../held-clock.ts';

const TARGET_MS = 20;
const [IMPORTANT, MIDDLE, LEAST] = [0, 1, 2];
const ROW = { weight: 1, maxSharePercent: 100, deadlineMs: 10_000 };

function settingsOf(shedding: 'priority' | 'fifo', more: Partial<AdmissionSettings> = {}): AdmissionSettings {
  return {
    mode: shedding === 'fifo' ? 'fifo' : 'strict',
    concurrency: 4,
    capacity: 500,
    starvationMs: 5000,
    shedding,
    classes: [ROW, ROW, ROW],
    overload: { targetDelayMs: TARGET_MS, shedding },
    ...more,
  };
}

/** An admission whose requests end when they are told to. */
class Scene {
  readonly clock = new HeldClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly admission: Admission;
  readonly running: QueueEntry[] = [];
  readonly displaced: QueueEntry[] = [];
  readonly expired: QueueEntry[] = [];
  readonly originMs = this.clock.ms;

  constructor(settings: AdmissionSettings) {
    this.admission = new Admission(settings, this.clock, this.wheel, {
      admitted: (entry) => this.running.push(entry),
      expired: (entry) => this.expired.push(entry),
      displaced: (entry) => this.displaced.push(entry),
    });
  }

  offer(classIndex: number, callerDeadlineMs = Number.POSITIVE_INFINITY): Offer {
    const entry = Object.assign(new QueueEntry(), { classIndex, arrivedMs: this.clock.ms, callerDeadlineMs });
    const verdict = this.admission.offer(entry, this.clock.ms);
    if (verdict === 'run') this.running.push(entry);
    return verdict;
  }

  end(): void {
    const entry = this.running.shift();
    if (entry !== undefined) this.admission.release(entry);
  }

  pass(ms: number): void {
    this.clock.ms += ms;
    this.wheel.advance();
  }

  get waiting(): readonly number[] {
    const { queue } = this.admission;
    return Array.from({ length: queue.lines }, (_, line) => queue.waitingIn(line));
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene(settingsOf('priority'));
});
afterEach(() => scene.wheel.close());

function fill(): void {
  for (let place = 0; place < 4; place += 1) expect(scene.offer(LEAST)).toBe('run');
}

describe('overload control by priority', () => {
  it('turns the least important away as soon as their line has stood still for longer than the target', () => {
    fill();
    expect(scene.offer(LEAST)).toBe('wait');
    scene.pass(TARGET_MS);
    expect(scene.offer(LEAST)).toBe('wait');
    scene.pass(1);
    expect(scene.offer(LEAST)).toBe('overloaded');
    expect(scene.offer(MIDDLE)).toBe('wait');
    expect(scene.offer(IMPORTANT)).toBe('wait');
  });

  it('sees a step of the load before anybody has waited for as long as the target', () => {
    fill();
    // One is served in 10 ms; who comes as the third would wait for 30.
    for (let turn = 0; turn < 8; turn += 1) {
      while (scene.admission.queue.waiting < 2) scene.offer(LEAST);
      scene.pass(10);
      scene.end();
    }
    scene.end();
    scene.end();
    expect(scene.waiting).toEqual([0, 0, 0]);
    scene.offer(LEAST);
    const verdicts = [1, 2, 3, 4].map(() => scene.offer(LEAST));
    expect(verdicts.filter((verdict) => verdict === 'wait').length).toBeLessThanOrEqual(3);
    expect(verdicts.at(-1)).toBe('overloaded');
  });

  it('forgets that the application was slow when it is not any more', () => {
    fill();
    for (let turn = 0; turn < 20; turn += 1) {
      scene.offer(LEAST);
      scene.pass(200);
      scene.end();
    }
    scene.offer(LEAST);
    expect(scene.offer(LEAST)).toBe('overloaded');
    // From now on a place becomes free each millisecond.
    for (let turn = 0; turn < 20; turn += 1) {
      scene.pass(1);
      scene.end();
      scene.offer(LEAST);
    }
    expect([1, 2, 3].map(() => scene.offer(LEAST))).toEqual(['wait', 'wait', 'wait']);
  });

  it('takes them again as soon as their own line is short', () => {
    fill();
    scene.offer(LEAST);
    scene.pass(TARGET_MS + 1);
    expect(scene.offer(LEAST)).toBe('overloaded');
    scene.end();
    expect(scene.offer(LEAST)).toBe('wait');
  });

  it('keeps less important ones out while a more important line is slow, and for a while after', () => {
    fill();
    scene.offer(MIDDLE);
    scene.pass(TARGET_MS + 1);
    expect(scene.offer(LEAST)).toBe('overloaded');
    expect(scene.offer(IMPORTANT)).toBe('wait');
    scene.end();
    scene.end();
    expect(scene.waiting).toEqual([0, 0, 0]);
    expect(scene.offer(IMPORTANT)).toBe('wait');
    scene.pass(HOLD_MS - 1);
    expect(scene.offer(LEAST)).toBe('overloaded');
    // But no place stays empty for that.
    scene.end();
    scene.end();
    expect(scene.offer(LEAST)).toBe('run');
  });

  it('turns an important one away only when the less important are gone and that has not helped', () => {
    fill();
    scene.offer(LEAST);
    expect(scene.offer(IMPORTANT)).toBe('wait');
    scene.pass(TARGET_MS + 1);
    expect(scene.offer(IMPORTANT)).toBe('wait');
    expect(scene.displaced).toEqual([]);
    scene.pass(ESCALATE_MS);
    expect(scene.offer(IMPORTANT)).toBe('overloaded');
    expect(scene.displaced.map(({ classIndex }) => classIndex)).toEqual([LEAST]);
    expect(scene.waiting).toEqual([2, 0, 0]);
  });

  it('never starts what comes after its own deadline, and nothing whose caller has waited in vain', () => {
    fill();
    expect(scene.offer(LEAST, scene.clock.ms)).toBe('too-late');
    expect(scene.offer(LEAST, scene.clock.ms + 15)).toBe('wait');
    scene.pass(15);
    scene.end();
    expect(scene.expired).toHaveLength(1);
    expect(scene.running).toHaveLength(3);
  });

  it('holds whatever happens: no place is left empty, and the least important go first', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('offer' as const), classIndex: fc.nat({ max: 2 }) }),
        fc.record({ kind: fc.constant('end' as const) }),
        fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 60 }) }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (todo, concurrency) => {
        const classes = [ROW, ROW, { ...ROW, maxSharePercent: 50 }];
        const one = new Scene(settingsOf('priority', { concurrency, capacity: 12, classes }));
        for (const step of todo) {
          if (step.kind === 'pass') one.pass(step.ms);
          else if (step.kind === 'end') one.end();
          else {
            const { queue } = one.admission;
            const wouldRun = queue.hasRoomFor(step.classIndex);
            const verdict = one.offer(step.classIndex);
            if (wouldRun) expect(verdict).toBe('run');
            if (verdict === 'refused' || verdict === 'overloaded') {
              for (let below = step.classIndex + 1; below <= LEAST; below += 1) {
                expect(queue.waitingIn(below)).toBe(0);
              }
            }
          }
        }
        one.wheel.close();
      }),
      { numRuns: 300 },
    );
  });
});

describe('who has waited for too long', () => {
  it('goes before all that have not, however many important ones come', () => {
    const STARVATION_MS = 100;
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ classIndex: fc.nat({ max: 2 }), ms: fc.nat({ max: 15 }) }) },
        { weight: 1, arbitrary: fc.constant('end' as const) },
      ),
      { minLength: 40, maxLength: 200 },
    );
    let starved = 0;
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (todo, concurrency) => {
        const one = new Scene(settingsOf('priority', { concurrency, starvationMs: STARVATION_MS }));
        const { queue } = one.admission;
        for (const step of todo) {
          if (step !== 'end') {
            one.pass(step.ms);
            one.offer(step.classIndex);
            continue;
          }
          const oldest = [IMPORTANT, MIDDLE, LEAST].map((line) => queue.oldestIn(line));
          const starving = oldest.filter((sinceMs) => one.clock.ms - sinceMs >= STARVATION_MS);
          const others = one.running.length - 1;
          one.end();
          if (starving.length === 0 || others < 0) continue;
          starved += 1;
          expect(one.running[others]?.offeredMs).toBe(Math.min(...starving));
        }
        one.wheel.close();
      }),
      { numRuns: 200 },
    );
    expect(starved).toBeGreaterThan(50);
  });
});

describe('overload control without regard to class', () => {
  it('turns all away alike', () => {
    const one = new Scene(settingsOf('fifo'));
    for (let place = 0; place < 5; place += 1) one.offer(LEAST);
    one.pass(TARGET_MS + 1);
    expect([IMPORTANT, MIDDLE, LEAST].map((index) => one.offer(index))).toEqual(
      [IMPORTANT, MIDDLE, LEAST].map(() => 'overloaded'),
    );
    expect(one.displaced).toEqual([]);
    one.wheel.close();
  });
});

/** What became of the requests of one class in a span of a simulation. */
interface Tally {
  offered: number;
  refused: number;
  /** How long those waited that were started. */
  readonly waitsMs: number[];
}

/** A step of the load in front of four workers with 16 ms a request (250 requests a second): 150 important ones a second, and batch from 50 on. */
function simulateStep(settings: AdmissionSettings, batchRps: number, seed: number) {
  const one = new Scene(settings);
  const random = seededRandom(seed);
  const STEP_MS = 1000;
  const END_MS = 4000;
  const tallies = [IMPORTANT, MIDDLE, LEAST].map((): Tally => ({ offered: 0, refused: 0, waitsMs: [] }));
  let firstRefusalMs = Number.NaN;
  const arrivals = [
    { classIndex: IMPORTANT, atMs: 0, rate: () => 150 },
    { classIndex: LEAST, atMs: 0, rate: (ms: number) => (ms < STEP_MS ? 50 : batchRps) },
  ];
  const ends: { entry: QueueEntry; atMs: number }[] = [];
  let started = 0;
  const begin = () => {
    for (; started < one.running.length; started += 1) {
      const entry = one.running[started] as QueueEntry;
      ends.push({ entry, atMs: entry.startedMs + 16 });
      if (entry.offeredMs - one.originMs >= STEP_MS) {
        tallies[entry.classIndex]?.waitsMs.push(entry.startedMs - entry.offeredMs);
      }
    }
  };
  for (;;) {
    const next = arrivals.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    const [end] = ends;
    const endMs = end === undefined ? Number.POSITIVE_INFINITY : end.atMs - one.originMs;
    const nowMs = Math.min(next.atMs, endMs);
    if (nowMs > END_MS) break;
    one.clock.ms = one.originMs + nowMs;
    one.wheel.advance();
    if (end !== undefined && endMs <= next.atMs) {
      ends.shift();
      one.admission.release(end.entry);
    } else {
      const verdict = one.offer(next.classIndex);
      const tally = tallies[next.classIndex] as Tally;
      if (nowMs >= STEP_MS) {
        tally.offered += 1;
        if (verdict === 'overloaded' || verdict === 'refused') {
          tally.refused += 1;
          if (Number.isNaN(firstRefusalMs)) firstRefusalMs = nowMs - STEP_MS;
        }
      }
      next.atMs += random.exponential(1000 / next.rate(nowMs));
    }
    begin();
  }
  one.wheel.close();
  const startedRps = (index: number) => ((tallies[index]?.waitsMs.length ?? 0) * 1000) / (END_MS - STEP_MS);
  return { tallies, firstRefusalMs, startedRps };
}

describe('a step to twice the capacity', () => {
  for (const batchRps of [200, 350]) {
    it(`leaves important requests alone, and batch what they leave (${150 + batchRps} offered of 250 a second)`, () => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const { tallies, firstRefusalMs, startedRps } = simulateStep(settingsOf('priority'), batchRps, seed);
        const [important, , batch] = tallies as [Tally, Tally, Tally];
        expect(important.refused).toBe(0);
        expect(important.waitsMs.filter((ms) => ms > 50)).toEqual([]);
        expect(firstRefusalMs).toBeLessThan(batchRps === 350 ? 100 : 250);
        expect(startedRps(IMPORTANT) + startedRps(LEAST)).toBeGreaterThan(0.95 * 250);
        // Who was not turned away does not wait for long.
        const longest = batch.waitsMs.sort((a, b) => a - b).at(Math.floor(0.95 * batch.waitsMs.length)) ?? 0;
        expect(longest).toBeLessThan(6 * TARGET_MS);
      }
    });
  }

  it('hits all classes alike where shedding does not know them', () => {
    const { tallies } = simulateStep(settingsOf('fifo'), 350, 1);
    const share = ({ offered, refused }: Tally) => refused / offered;
    const [important, , batch] = tallies as [Tally, Tally, Tally];
    expect(share(important)).toBeGreaterThan(0.3);
    expect(Math.abs(share(important) - share(batch))).toBeLessThan(0.1);
  });
});
