import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Exchange, ExchangeQueueEntry } from '../../../../src/sidecar/exchange.ts';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import type { AdmissionSettings } from '../../../../src/sidecar/queue/index.ts';
import { openAdmission, requestQueue } from '../../../../src/sidecar/stages/index.ts';
import { ClassCounters } from '../../../../src/sidecar/statistics/index.ts';
import { HeldClock } from '../held-clock.ts';

const ROW = { weight: 1, maxSharePercent: 100, deadlineMs: 500 };
const SETTINGS: AdmissionSettings = {
  mode: 'strict',
  concurrency: 1,
  capacity: 10,
  starvationMs: 5000,
  shedding: 'priority',
  classes: [ROW, ROW],
  overload: { targetDelayMs: 200, shedding: 'priority' },
};

let clock: HeldClock;
let wheel: TimerWheel;
beforeEach(() => {
  clock = new HeldClock();
  wheel = new TimerWheel(clock);
});
afterEach(() => wheel.close());

function pass(ms: number): void {
  for (const endMs = clock.ms + ms; clock.ms < endMs; ) {
    clock.ms += 20;
    wheel.advance();
  }
}

/** What the stage touches of an exchange. */
function scene(settings: AdmissionSettings) {
  const stage = requestQueue(openAdmission(settings, clock, wheel));
  const counters = new ClassCounters();
  const limits: string[] = [];
  const enter = (classIndex: number, deadlineMs = Number.POSITIVE_INFINITY) => {
    const told: string[] = [];
    const exchange = {
      classIndex,
      deadlineMs,
      counters,
      upstream: undefined,
      arrivedMs: clock.ms,
      respondedMs: -1,
      queueHeld: false,
      queueWaiting: false,
      side: { clock, counters: { hit: (limit: string) => limits.push(limit) } },
      proceed: () => told.push('proceeds'),
      answer: (code: string) => {
        told.push(code);
        return 'answered';
      },
    } as unknown as Exchange;
    Object.assign(exchange, { queueEntry: new ExchangeQueueEntry(exchange) });
    const leave = (respondedMs = -1): void => {
      exchange.respondedMs = respondedMs;
      stage.leave?.(exchange);
    };
    return { step: stage.enter(exchange), told, exchange, leave };
  };
  return { stage, counters, enter };
}

describe('the stage of the request queue', () => {
  it('says whose time is up: the caller, who has none left, or the class', () => {
    const { counters, enter } = scene(SETTINGS);
    const first = enter(1);
    expect(first.step).toBe('next');
    expect(enter(1, clock.ms)).toMatchObject({ step: 'answered', told: ['CALLER_DEADLINE'] });
    const [patient, hasty] = [enter(1), enter(1, clock.ms + 100)];
    expect([patient.step, hasty.step]).toEqual(['wait', 'wait']);
    pass(100);
    expect([patient.told, hasty.told]).toEqual([[], ['CALLER_DEADLINE']]);
    pass(400);
    expect(patient.told).toEqual(['QUEUE_DEADLINE']);
    expect(counters).toMatchObject({ expired: 3, shed: 0, queued: 0 });
    first.leave();
    expect([patient.told, hasty.told]).toEqual([['QUEUE_DEADLINE'], ['CALLER_DEADLINE']]);
  });

  it('answers who comes while the queue is too slow, and lets the important wait', () => {
    const { counters, enter } = scene(SETTINGS);
    enter(1);
    enter(1);
    pass(220);
    expect(enter(1)).toMatchObject({ step: 'answered', told: ['QUEUE_OVERLOAD'] });
    expect(enter(0).step).toBe('wait');
    expect(counters.shed).toBe(1);
  });

  it('takes the time to the head of the response for what the application took', () => {
    const adaptive = {
      adaptive: 'gradient',
      initial: 4,
      min: 1,
      max: 8,
      windowMs: 100,
      probeIntervalMs: 10_000,
    } as const;
    const { stage, enter } = scene({ ...SETTINGS, adaptive });
    for (let count = 0; count < 50; count += 1) {
      const one = enter(1);
      const startedMs = clock.ms;
      clock.ms += 15;
      // The rest of the response took half as long as the head.
      one.leave(startedMs + 10);
    }
    expect(stage.admission.statistics().adaptive).toMatchObject({ probes: 1, baselineMs: [0, 10] });
    // What had no response says nothing.
    enter(1).leave();
    expect(stage.admission.statistics().adaptive).toMatchObject({ windows: 0, baselineMs: [0, 10] });
  });
});
