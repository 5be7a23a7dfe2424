import { describe, expect, it } from 'vitest';
import {
  find,
  type QueueSample,
  type RequestRecord,
  type SummaryInput,
  summarize,
  summarySchema,
  type Trial,
} from '../../../src/analysis/index.ts';

const WINDOW = { startMs: 100, endMs: 1100, cutOffMs: 2000 };

/** 40 interactive requests with this wait, and as many jobs as were answered. */
function trial(arm: string, block: number, waitMs: number, jobs: number): Trial {
  const request = (className: string, index: number, queueWaitMs: number): RequestRecord => ({
    className,
    workload: className,
    phase: 'measure',
    intendedMs: 100 + index,
    sentMs: 100 + index,
    endMs: 125 + index + queueWaitMs,
    status: 200,
    bytes: 100,
    error: '',
    late: false,
    queueWaitMs,
  });
  const sample = (timeMs: number, waiting: number, unacked: number): QueueSample => ({
    timeMs,
    queue: 'jobs',
    ready: { '0': 0, '1': waiting, ...(timeMs > 500 ? { '2': 1 } : {}) },
    unacked,
  });
  return {
    arm,
    block,
    requests: [
      ...Array.from({ length: 40 }, (_, index) => request('interactive', index, waitMs + block)),
      ...Array.from({ length: jobs }, (_, index) => request('batch', index, 600)),
    ],
    throughput: [],
    queueSamples: [
      sample(0, 1000, 1000),
      sample(200, 100 + block, 4),
      sample(600, 200 + block, 8),
      sample(1100, 1000, 1000),
    ],
  };
}

function input(overrides: Partial<SummaryInput> = {}): SummaryInput {
  const arm = (layers: string[]) => ({
    layers,
    sidecars: true,
    description: layers.join(' and ') || 'nothing',
    allWorkloads: true,
  });
  const difference = { metric: 'queueWaitMs.mean', class: 'interactive', kind: 'difference' } as const;
  return {
    experiment: 'broker',
    title: 'A title',
    lab: 'mininet',
    form: 'quick',
    window: WINDOW,
    arms: { fifo: arm([]), one: arm(['broker']), governed: arm(['broker']), again: arm(['broker']) },
    classes: [
      { name: 'interactive', objective: {} },
      { name: 'batch', objective: {} },
    ],
    timeoutsMs: { interactive: 1000, batch: 5000 },
    comparisons: [
      { ...difference, of: 'governed', to: 'one', atMost: 40, claim: 'At most one service time longer.' },
      { ...difference, of: 'governed', to: 'one', atMost: 5, claim: 'At most 5 ms longer.' },
      { ...difference, of: 'one', to: 'governed', atLeast: -20, atMost: -4, claim: 'And the other way.' },
      {
        metric: 'throughputRps',
        class: 'batch',
        of: 'governed',
        to: 'one',
        atLeast: 1.1,
        claim: 'More jobs.',
      },
    ],
    trials: [0, 1, 2].flatMap((block) => [
      trial('fifo', block, 500, 90),
      trial('one', block, 20, 80),
      trial('governed', block, 26 + block, 90 + block),
      trial('again', block, 26 + block, 90),
    ]),
    limitations: [],
    audit: { trusted: true, void: [], laboratory: [] },
    evidence: {},
    ...overrides,
  };
}

describe('an experiment with a message queue', () => {
  const summary = summarize(input());

  it('gives waits and throughputs of every arm and class', () => {
    const { interactive, batch } = summary.arms['one']?.classes ?? {};
    expect(interactive?.queueWaitMs?.mean.value).toBeCloseTo((20 * 21 * 22) ** (1 / 3), 3);
    expect(interactive?.queueWaitMs?.p99.low).toBeLessThan(21);
    expect(batch?.throughputRps?.value).toBeCloseTo(80, 9);
    expect(summarySchema.parse(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
  });

  it('gives what the queue held in the window: a trial is one observation', () => {
    const jobs = summary.arms['one']?.queues?.['jobs'];
    expect(jobs?.ready['1']).toMatchObject({ value: 151 });
    expect(jobs?.ready['2']).toMatchObject({ value: 0.5, low: 0.5, high: 0.5 });
    expect(jobs?.unacked.value).toBe(6);
    expect(jobs?.mostReady).toBe(203);
    // Three means, 150, 151 and 152: Student's t with two degrees of freedom is 4.303.
    expect(jobs?.ready['1']?.high).toBeCloseTo(151 + 4.302_65 / Math.sqrt(3), 3);
  });

  it('judges differences by their own interval, in the unit of the metric', () => {
    expect(summary.findings.map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ['difference', 'holds'],
      ['difference', 'undecided'],
      ['difference', 'holds'],
      [undefined, 'holds'],
    ]);
    expect(summary.findings.map(({ words }) => words)).toEqual([
      'Interactive mean queue wait of `governed` less that of `one` is 7 ms [4.52, 9.48]; claimed is at most 40 ms.',
      'Interactive mean queue wait of `governed` less that of `one` is 7 ms [4.52, 9.48]; claimed is at most 5 ms, which the interval straddles.',
      'Interactive mean queue wait of `one` less that of `governed` is -7 ms [-9.48, -4.52]; claimed is at least -20 ms and at most -4 ms.',
      expect.stringMatching(/^Batch throughput of `governed` over that of `one` is 1\.14 \[/),
    ]);
  });

  it('cannot tell a difference of one block', () => {
    const { trials } = input();
    const { findings } = summarize(input({ trials: trials.filter(({ block }) => block === 0) }));
    expect(findings[0]).toMatchObject({
      verdict: 'undecided',
      words: expect.stringContaining('6 ms (no interval)'),
    });
  });

  it('tells waits, their price and what the queue held', () => {
    expect(summary.words.paragraph).toContain(
      'waited 501 ms (95 % interval 499 to 503 ms) in the message queue',
    );
    expect(summary.words.paragraph).toMatch(
      /Arm by arm, on interactive mean queue wait: `one` made it 23\.\d times lower .*`governed` made it 17.9 times lower/,
    );
    expect(summary.words.paragraph).toMatch(
      /throughput of batch, in percent of that in `fifo`: `one` 88\.9 % \[88\.9, 88\.9\], `governed` 101 % \[/,
    );
    const one = summary.words.points.find((point) => point.startsWith('`one`'));
    expect(one).toContain('interactive mean queue wait 23.9 times lower');
    expect(one).toContain(
      'In queue `jobs` 0.5 of priority 2 and 151 of priority 1 were waiting on average (at most 203 at once), and 6 were with consumers.',
    );
    expect(summary.words.points[0]).toContain('In queue `jobs`');
  });

  it('compares the A/A control with the arm that it repeats, which is not the baseline', () => {
    const controlled = summarize(input({ control: { arm: 'again', of: 'governed' } }));
    const wanted = { metric: 'queueWaitMs.mean', class: 'interactive', of: 'governed', to: 'again' };
    expect(find(controlled.ratios, wanted)?.value).toBe(1);
    expect(controlled.audit.control?.words).toMatch(
      /^A\/A control: of \d+ ratios of `governed` against itself .*mean queue wait: interactive 1 \[1, 1\]/,
    );
    expect(controlled.words.paragraph).not.toContain('`again`');
    expect(controlled.words.points.some((point) => point.startsWith('`again`'))).toBe(false);
  });

  it('counts a trial in which nothing was answered with what its requests waited, not as nothing', () => {
    const trials = input().trials.map((one) =>
      one.arm === 'one' && one.block === 1
        ? {
            ...one,
            requests: one.requests.map((request) => ({
              ...request,
              endMs: undefined,
              status: undefined,
              error: 'timeout',
              queueWaitMs: undefined,
            })),
          }
        : one,
    );
    const waits = summarize(input({ trials })).arms['one']?.classes['interactive']?.queueWaitMs?.mean;
    expect(waits?.value).toBeCloseTo((20 * 1000 * 22) ** (1 / 3), 2);
  });

  it('says nothing of queues where there are none', () => {
    const trials = input().trials.map(({ queueSamples: _, ...one }) => ({
      ...one,
      requests: one.requests.map(({ queueWaitMs: __, ...request }) => request),
    }));
    const without = summarize(input({ trials, comparisons: [] }));
    expect(JSON.stringify(without.arms)).not.toMatch(/queue/i);
    expect(without.ratios.some(({ metric }) => /queueWait|throughput/.test(metric))).toBe(false);
    expect(JSON.stringify(without.words)).not.toMatch(/queue|throughput/);
    expect(without.arms['one']?.classes['batch']?.throughputRps?.value).toBeCloseTo(80, 9);
  });
});
