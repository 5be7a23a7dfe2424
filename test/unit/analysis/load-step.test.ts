import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadOverTime, type RequestRecord } from '../../../src/analysis/index.ts';
import { stepMetrics } from '../../../src/analysis/load-step.ts';

const WINDOW = { startMs: 500, endMs: 4500, cutOffMs: 5500 };
const STEP = { startMs: 1500, endMs: 3500 };

function request(intendedMs: number, tookMs: number): RequestRecord {
  return {
    className: 'interactive',
    workload: 'pages',
    phase: 'measure',
    intendedMs,
    sentMs: intendedMs,
    endMs: intendedMs + tookMs,
    status: 200,
    bytes: 1000,
    error: '',
    late: false,
  };
}

const took = (one: RequestRecord): number => (one.endMs ?? 0) - one.intendedMs;
const met = (one: RequestRecord): boolean => took(one) <= 100;

/** A request every 10 ms of the window; `latency` says how long the one that is due at a time after the step up takes. */
function load(latency: (sinceStepMs: number) => number): RequestRecord[] {
  return Array.from({ length: 400 }, (_, index) => {
    const at = WINDOW.startMs + 10 * index;
    return request(at, latency(at - STEP.startMs));
  });
}

const metrics = (requests: readonly RequestRecord[]) =>
  stepMetrics({ step: STEP, window: WINDOW, requests, took, met });

describe('the figures of a step', () => {
  it('are of the requests that were due before, during and after it', () => {
    const found = metrics(load((since) => (since < 0 ? 20 : since < 1000 ? 200 : since < 2000 ? 30 : 400)));
    expect(found).toMatchObject({
      'step.goodShare.before': 1,
      'step.goodShare.during': 0.5,
      'step.goodShare.after': 0,
      'step.goodRps': 50,
    });
    expect(found['step.latencyMs.p50']).toBe(115);
    expect(found['step.latencyMs.p99']).toBe(200);
  });

  it('settle at the first instant from which on all windows are good', () => {
    // Bad until 300 ms: the window that begins at 280 ms holds two bad ones of ten, the one at 290 ms one, which is good enough.
    const found = metrics(load((since) => (since >= 0 && since < 300 ? 200 : 20)));
    expect(found['step.timeToSettleMs.up']).toBe(290);
    expect(found['step.timeToSettleMs.down']).toBe(0);
  });

  it('count what is bad again later, and not a single bad request', () => {
    const again = metrics(load((since) => (since >= 1000 && since < 1050 ? 200 : 20)));
    expect(again['step.timeToSettleMs.up']).toBe(1040);
    expect(metrics(load((since) => (since === 1000 ? 200 : 20)))['step.timeToSettleMs.up']).toBe(0);
  });

  it('are as long as the phase where it never settles', () => {
    const found = metrics(load((since) => (since >= 0 ? 200 : 20)));
    expect(found['step.timeToSettleMs.up']).toBe(2000);
    expect(found['step.timeToSettleMs.down']).toBe(1000);
  });

  it('are left out of a phase without requests', () => {
    const found = metrics(load(() => 20).filter(({ intendedMs }) => intendedMs < STEP.startMs));
    expect(Object.keys(found)).toEqual(['step.goodShare.before']);
    expect(metrics([])).toEqual({});
  });

  it('settle never later when more requests are good', () => {
    const bad = fc.uniqueArray(fc.integer({ min: 0, max: 199 }), { maxLength: 120 });
    fc.assert(
      fc.property(bad, fc.nat(), (indexes, which) => {
        const of = (list: readonly number[]) =>
          metrics(load((since) => (since >= 0 && list.includes(since / 10) ? 200 : 20)));
        const settled = of(indexes)['step.timeToSettleMs.up'] as number;
        const fewer = indexes.filter((_, index) => index !== which % Math.max(1, indexes.length));
        expect(of(fewer)['step.timeToSettleMs.up']).toBeLessThanOrEqual(settled);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the load over time', () => {
  it('puts trials on top of each other, by when requests were due', () => {
    const trials = [load(() => 20), load((since) => (since >= 0 ? 200 : 20))];
    const answeredMs = (one: RequestRecord) => (one.status === 200 ? took(one) : undefined);
    const points = loadOverTime(trials, { met, answeredMs }, { startMs: 500, endMs: 4500, widthMs: 500 });
    expect(points).toHaveLength(8);
    expect(points[0]).toEqual({ timeS: 0, offeredRps: 100, goodRps: 100, p99Ms: 20 });
    expect(points[2]).toEqual({ timeS: 1, offeredRps: 100, goodRps: 50, p99Ms: 200 });
    const failed = trials.map((requests) => requests.map((one) => ({ ...one, status: 503 })));
    const none = loadOverTime(failed, { met, answeredMs }, { startMs: 500, endMs: 4500, widthMs: 500 });
    expect(none[0]?.p99Ms).toBeUndefined();
  });
});
