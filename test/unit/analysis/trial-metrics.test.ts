import { describe, expect, it } from 'vitest';
import {
  latencyMs,
  meetsObjective,
  type RequestRecord,
  succeeded,
  trialMetrics,
} from '../../../src/analysis/index.ts';

function request(overrides: Partial<RequestRecord> = {}): RequestRecord {
  return {
    className: 'interactive',
    workload: 'pages',
    phase: 'measure',
    intendedMs: 100,
    sentMs: 101,
    endMs: 120,
    status: 200,
    bytes: 1000,
    error: '',
    late: false,
    ...overrides,
  };
}

describe('latencyMs', () => {
  const limits = { timeoutMs: 1000, cutOffMs: 900 };

  it('counts from the intended send time', () => {
    expect(latencyMs(request({ sentMs: 115 }), limits)).toBe(20);
  });

  it('counts a fast refusal as the time-out', () => {
    expect(latencyMs(request({ status: 503 }), limits)).toBe(1000);
    expect(latencyMs(request({ error: 'reset' }), limits)).toBe(1000);
  });

  it('counts a request that the end of the trial cut off as the time it had waited, at most the time-out', () => {
    const cut = { endMs: undefined, status: undefined, error: 'unfinished' };
    expect(latencyMs(request(cut), limits)).toBe(800);
    expect(latencyMs(request(cut), { timeoutMs: 500, cutOffMs: 900 })).toBe(500);
  });

  it('counts a time-out as the time-out, a failure that took longer as what it took', () => {
    expect(latencyMs(request({ endMs: undefined, status: undefined, error: 'timeout' }), limits)).toBe(1000);
    expect(latencyMs(request({ endMs: 1600, error: 'timeout' }), limits)).toBe(1500);
  });
});

describe('succeeded', () => {
  it.each([
    [200, '', true],
    [304, '', true],
    [404, '', false],
    [503, '', false],
    [200, 'truncated', false],
    [undefined, '', false],
  ])('status %s with error `%s`: %s', (status, error, expected) => {
    expect(succeeded(request({ status, error }))).toBe(expected);
  });
});

describe('meetsObjective', () => {
  it('bounds latency, inclusive', () => {
    expect(meetsObjective(request(), { latencyMs: 20 })).toBe(true);
    expect(meetsObjective(request({ endMs: 120.001 }), { latencyMs: 20 })).toBe(false);
  });

  it('bounds the rate of the body since the intended send', () => {
    expect(meetsObjective(request(), { goodputBps: 400_000 })).toBe(true);
    expect(meetsObjective(request(), { goodputBps: 400_001 })).toBe(false);
  });

  it('is never met by a failure', () => {
    expect(meetsObjective(request({ status: 503 }), {})).toBe(false);
    expect(meetsObjective(request(), {})).toBe(true);
  });
});

describe('trialMetrics', () => {
  const window = { startMs: 100, endMs: 1100, cutOffMs: 1600 };

  it('computes every metric of a class', () => {
    const requests = [10, 20, 30, 40].map((took) => request({ endMs: 100 + took }));
    requests.push(request({ status: 503, endMs: 101 }));
    const metrics = trialMetrics({
      requests,
      everyRequest: [
        ...requests,
        request({ phase: 'warmup', intendedMs: 50 }),
        request({ phase: 'warmup', intendedMs: 50, endMs: 99 }),
        request({ endMs: 1100 }),
      ],
      queued: false,
      throughput: [
        { startMs: 0, className: 'interactive', bytes: 5000 },
        { startMs: 100, className: 'interactive', bytes: 1000 },
        { startMs: 1000, className: 'interactive', bytes: 500 },
        { startMs: 1100, className: 'interactive', bytes: 9000 },
      ],
      window,
      objective: { latencyMs: 25 },
      timeoutMs: () => 2000,
    });
    expect(metrics['latencyMs.p50']).toBe(30);
    expect(metrics['latencyMs.p99']).toBeCloseTo(40 + 0.96 * 1960, 9);
    expect(metrics['latencyMs.mean']).toBe(420);
    expect(metrics.goodputRps).toBe(4);
    expect(metrics.throughputRps).toBe(5);
    expect(metrics).not.toHaveProperty(['queueWaitMs.mean']);
    expect(metrics.goodputBps).toBe(12_000);
    expect(metrics.errorRatio).toBe(0.2);
    expect(metrics.sloAttainment).toBe(0.4);
  });

  it('knows the time-out of each workload', () => {
    const requests = [request({ workload: 'slow', error: 'timeout', endMs: undefined })];
    const metrics = trialMetrics({
      requests,
      everyRequest: requests,
      queued: false,
      throughput: [],
      window,
      objective: {},
      timeoutMs: (workload) => (workload === 'slow' ? 7000 : 1),
    });
    expect(metrics['latencyMs.p50']).toBe(7000);
    expect(metrics.goodputBps).toBe(0);
  });

  it('computes the waits in a queue: those that failed with their latency, without those that passed none', () => {
    const failed = { endMs: undefined, status: undefined };
    const requests = [
      ...[10, 20, 30].map((queueWaitMs) => request({ queueWaitMs })),
      request(),
      request({ ...failed, error: 'timeout' }),
      request({ ...failed, error: 'unfinished', intendedMs: 600 }),
    ];
    const given = { requests, everyRequest: requests, throughput: [], window, objective: {} };
    const metrics = trialMetrics({ ...given, queued: true, timeoutMs: () => 2000 });
    expect(metrics['queueWaitMs.p50']).toBe(30);
    expect(metrics['queueWaitMs.mean']).toBe((10 + 20 + 30 + 2000 + 1000) / 5);
    expect(metrics['queueWaitMs.p99']).toBeCloseTo(2000 - 0.04 * 1000, 9);
    expect(metrics['queueWaitMs.p90']).toBeCloseTo(1600, 9);
    expect(
      trialMetrics({ ...given, requests: [request()], queued: true, timeoutMs: () => 2000 }),
    ).not.toHaveProperty(['queueWaitMs.mean']);
  });
});
