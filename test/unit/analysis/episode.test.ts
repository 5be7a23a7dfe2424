import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpisodeInput, episodeMetrics } from '../../../src/analysis/episode.ts';
import type { HintEvent, MoveEvent, RequestRecord } from '../../../src/analysis/index.ts';
import { latencyOverTime, levelOverTime, shareOverTime } from '../../../src/analysis/index.ts';

const EPISODE = { startMs: 1000, endMs: 3000 };

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

/** A request every 10 ms from 0 to 4 s; `latency` says how long the one that is due at a time takes. */
function load(latency: (atMs: number) => number): RequestRecord[] {
  return Array.from({ length: 400 }, (_, index) => request(10 * index, latency(10 * index)));
}

function metrics(input: Partial<EpisodeInput>) {
  return episodeMetrics({ className: 'interactive', episode: EPISODE, requests: [], took, ...input });
}

const hint = (timeMs: number, congested: boolean, link = 's4>s2'): HintEvent => ({
  timeMs,
  link,
  className: 'interactive',
  congested,
});

const move = (timeMs: number, decider = 'catalog', peer = '10.0.0.1'): MoveEvent => ({
  timeMs,
  className: 'interactive',
  decider,
  peer,
  from: 'primary',
  to: 'secondary',
  reason: 'congested',
});

describe('the time to relief', () => {
  it('ends with the last window whose p99 is twice what it was before', () => {
    const requests = load((atMs) => (atMs >= 1000 && atMs < 1600 ? 80 : 20));
    expect(metrics({ requests })['episode.timeToReliefMs']).toBe(750);
  });

  it('is nothing where it never got worse, or by less than twice', () => {
    expect(metrics({ requests: load(() => 20) })['episode.timeToReliefMs']).toBe(0);
    const worse = load((atMs) => (atMs >= 1000 ? 39 : 20));
    expect(metrics({ requests: worse })['episode.timeToReliefMs']).toBe(0);
  });

  it('is the length of the episode where there is none', () => {
    expect(metrics({ requests: load((atMs) => (atMs < 1000 ? 20 : 90)) })['episode.timeToReliefMs']).toBe(
      2000,
    );
  });

  it('does not look at what comes after the episode', () => {
    const requests = load((atMs) => (atMs >= 3000 ? 500 : 20));
    expect(metrics({ requests })['episode.timeToReliefMs']).toBe(0);
  });

  it('is not known without requests before the episode', () => {
    const requests = load(() => 20).filter(({ intendedMs }) => intendedMs >= 1000);
    expect(metrics({ requests })).not.toHaveProperty('episode.timeToReliefMs');
  });

  it('starts anew with every relapse', () => {
    const requests = load((atMs) => (atMs === 1000 || atMs === 2400 ? 100 : 20));
    expect(metrics({ requests })['episode.timeToReliefMs']).toBe(1500);
  });
});

describe('latencies of the episode', () => {
  it('are of the requests that were due in it', () => {
    const requests = load((atMs) => (atMs >= 1000 && atMs < 3000 ? 50 : 500));
    expect(metrics({ requests })).toMatchObject({
      'episode.latencyMs.p50': 50,
      'episode.latencyMs.p99': 50,
    });
  });
});

describe('hints and moves', () => {
  const of = (hints: readonly HintEvent[], moves: readonly MoveEvent[] = []) =>
    metrics({ events: { hints, moves } });

  it('count from the start of the episode', () => {
    expect(of([hint(1068, true)], [move(1112), move(1300)])).toMatchObject({
      'episode.timeToHintMs': 68,
      'episode.timeToFirstMoveMs': 112,
    });
  });

  it('have no delay where the class was congested when it began', () => {
    expect(of([hint(900, true)])['episode.timeToHintMs']).toBe(0);
    expect(of([hint(900, true), hint(1500, true, 's1>s2')])['episode.timeToHintMs']).toBe(0);
  });

  it('begin anew where the congestion of before had ended', () => {
    expect(of([hint(800, true), hint(900, false), hint(1200, true)])['episode.timeToHintMs']).toBe(200);
  });

  it('count the length of the episode where no hint came, and know nothing of a move that did not', () => {
    const none = of([hint(3500, true), { ...hint(1100, true), className: 'batch' }], [move(3200)]);
    expect(none['episode.timeToHintMs']).toBe(2000);
    expect(none).not.toHaveProperty('episode.timeToFirstMoveMs');
  });

  it('count moves by decider: several hosts at one instant are one move', () => {
    const moves = [
      move(1100, 'catalog', '10.0.0.1'),
      move(1100.2, 'catalog', '10.0.0.2'),
      move(1150, 'reviews', '10.0.0.1'),
      move(2500, 'reviews', '10.0.0.1'),
    ];
    expect(of([], moves)['episode.moves']).toBe(2);
    expect(of([], [])['episode.moves']).toBe(0);
  });

  it('are not known where nobody looked at the network', () => {
    expect(Object.keys(metrics({ requests: load(() => 20) }))).toEqual([
      'episode.latencyMs.p50',
      'episode.latencyMs.p99',
      'episode.timeToReliefMs',
    ]);
  });

  it('never leave the episode, whatever comes in whatever order', () => {
    const event = fc.record({
      timeMs: fc.double({ min: -500, max: 4000, noNaN: true }),
      congested: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        fc.array(fc.nat(4000), { maxLength: 30 }),
        (all, times) => {
          const found = of(
            all.map(({ timeMs, congested }) => hint(timeMs, congested)),
            times.map((timeMs) => move(timeMs)),
          );
          const { 'episode.timeToHintMs': toHint = -1, 'episode.timeToFirstMoveMs': toMove = 0 } = found;
          expect(toHint).toBeGreaterThanOrEqual(0);
          expect(toHint).toBeLessThanOrEqual(2000);
          expect(toMove).toBeGreaterThanOrEqual(0);
          expect(toMove).toBeLessThan(2000);
          expect(found['episode.moves']).toBe(new Set(times).size);
        },
      ),
    );
  });
});

describe('courses over time', () => {
  const span = { startMs: 1000, endMs: 2000, widthMs: 250 };
  const pathOf = (link: string) => ({ 's4>s2': 'primary', 's4>s3': 'secondary' })[link];
  const sample = (timeMs: number, link: string, level: number, utilization: number) => ({
    timeMs,
    link,
    className: 'batch',
    level,
    utilization,
  });

  it('give the latency of the requests that were due in each window', () => {
    const requests = [request(1010, 10), request(1240, 30), request(1800, 70), request(2000, 900)];
    expect(latencyOverTime(requests, took, span)).toEqual([
      { timeS: 0, p50Ms: 20, p99Ms: 29.8 },
      { timeS: 0.75, p50Ms: 70, p99Ms: 70 },
    ]);
  });

  it('give the worst level of each path', () => {
    const samples = [
      sample(1000, 's4>s2', 0.2, 0),
      sample(1100, 's4>s2', 0.9, 0),
      sample(1100, 's4>s3', 0.1, 0),
      sample(1100, 's9>s8', 1, 0),
      sample(2000, 's4>s2', 1, 0),
    ];
    expect(levelOverTime(samples, pathOf, span)).toEqual([
      { timeS: 0, path: 'primary', value: 0.9 },
      { timeS: 0, path: 'secondary', value: 0.1 },
    ]);
  });

  it('give the share of each path, and nothing where nothing was sent', () => {
    const samples = [
      sample(1000, 's4>s2', 0, 0.3),
      sample(1000, 's4>s3', 0, 0.1),
      sample(1300, 's4>s2', 0, 0),
      sample(1300, 's4>s3', 0, 0),
    ];
    expect(shareOverTime(samples, pathOf, span)).toEqual([
      { timeS: 0, path: 'primary', value: expect.closeTo(0.75, 9) },
      { timeS: 0, path: 'secondary', value: expect.closeTo(0.25, 9) },
    ]);
  });
});
