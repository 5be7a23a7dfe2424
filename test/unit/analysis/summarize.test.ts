import { describe, expect, it } from 'vitest';
import {
  find,
  judge,
  type RequestRecord,
  type SummaryInput,
  summarize,
  summaryJsonSchema,
  summarySchema,
  type Trial,
} from '../../../src/analysis/index.ts';
import { PriomeshError } from '../../../src/core/index.ts';

function trial(arm: string, block: number, latencies: { interactive: number; batch?: number }): Trial {
  const requests: RequestRecord[] = [];
  const add = (className: string, tookMs: number) => {
    for (let index = 0; index < 40; index += 1) {
      requests.push({
        className,
        workload: className,
        phase: index < 4 ? 'warmup' : 'measure',
        intendedMs: index * 25,
        sentMs: index * 25,
        endMs: index * 25 + tookMs * (index < 4 ? 50 : 1) * (1 + index / 40),
        status: 200,
        bytes: 1000,
        error: '',
        late: false,
      });
    }
  };
  add('interactive', latencies.interactive);
  if (latencies.batch !== undefined) add('batch', latencies.batch);
  const throughput = ['interactive', 'batch'].flatMap((className) =>
    className === 'batch' && latencies.batch === undefined
      ? []
      : [{ startMs: 500, className, bytes: 10_000 + block }],
  );
  return { arm, block, requests, throughput };
}

function input(overrides: Partial<SummaryInput> = {}): SummaryInput {
  const arm = (layers: string[], allWorkloads = true, sidecars = true) => ({
    layers,
    sidecars,
    description: layers.join(' and ') || 'nothing',
    allWorkloads,
  });
  const blocks = [0, 1, 2];
  return {
    experiment: 'case-study',
    title: 'A title',
    lab: 'mininet',
    form: 'quick',
    window: { startMs: 100, endMs: 1000, cutOffMs: 2000 },
    arms: {
      direct: arm([], true, false),
      mesh: arm([]),
      queue: arm(['queue']),
      kernel: arm(['mark', 'kernel']),
      all: arm(['queue', 'mark', 'kernel']),
      'interactive-only': arm([], false),
    },
    classes: [
      { name: 'interactive', objective: { latencyMs: 50 } },
      { name: 'batch', objective: { goodputBps: 1000 } },
    ],
    timeoutsMs: { interactive: 1000, batch: 5000 },
    comparisons: [
      { metric: 'latencyMs.p99', class: 'interactive', of: 'mesh', to: 'all', atLeast: 3, claim: 'Faster.' },
      { metric: 'goodputBps', class: 'batch', of: 'all', to: 'mesh', atLeast: 0.9, claim: 'Batch keeps.' },
      {
        metric: 'latencyMs.p99',
        class: 'interactive',
        of: 'all',
        to: 'interactive-only',
        atMost: 1.5,
        claim: 'Near the ideal.',
      },
    ],
    trials: blocks.flatMap((block) => [
      trial('direct', block, { interactive: 100 + block, batch: 500 }),
      trial('mesh', block, { interactive: 100 + block, batch: 500 }),
      trial('queue', block, { interactive: 95 + 6 * block, batch: 500 + block }),
      trial('kernel', block, { interactive: 22 + block, batch: 510 }),
      trial('all', block, { interactive: 20 + block, batch: 510 }),
      trial('interactive-only', block, { interactive: 18 + block }),
    ]),
    limitations: [],
    audit: { trusted: true, void: [], laboratory: [] },
    evidence: {},
    ...overrides,
  };
}

describe('summarize', () => {
  it('gives every metric of every arm and class, and leaves out a class without load', () => {
    const summary = summarize(input());
    expect(Object.keys(summary.arms)).toEqual([
      'direct',
      'mesh',
      'queue',
      'kernel',
      'all',
      'interactive-only',
    ]);
    expect(Object.keys(summary.arms['mesh']?.classes ?? {})).toEqual(['interactive', 'batch']);
    expect(Object.keys(summary.arms['interactive-only']?.classes ?? {})).toEqual(['interactive']);
    expect(summary.arms['all']).toMatchObject({ layers: ['queue', 'mark', 'kernel'], trials: 3 });
    expect(summary.arms['mesh']?.classes['interactive']?.requests).toBe(108);
    expect(summarySchema.parse(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
  });

  it('leaves the warm-up out', () => {
    const p999 = summarize(input()).arms['mesh']?.classes['interactive']?.latencyMs.p999.value;
    expect(p999).toBeLessThan(250);
  });

  it('takes the sidecars without layers for the baseline, and gives each arm against it, more being better', () => {
    const summary = summarize(input());
    expect(summary.baseline).toBe('mesh');
    const faster = find(summary.ratios, {
      metric: 'latencyMs.p99',
      class: 'interactive',
      of: 'mesh',
      to: 'kernel',
    });
    expect(faster?.value).toBeGreaterThan(4);
    expect(faster?.blocks).toBe(3);
    expect(
      find(summary.ratios, { metric: 'goodputBps', class: 'batch', of: 'kernel', to: 'mesh' })?.value,
    ).toBe(1);
    expect(summary.ratios[0]).toMatchObject({ of: 'mesh', to: 'all' });
    const keys = summary.ratios.map(({ metric, class: name, of, to }) => [metric, name, of, to].join());
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('pairs by block and leaves out blocks that one arm lacks', () => {
    const given = input();
    const trials = given.trials.filter(({ arm, block }) => !(arm === 'all' && block === 1));
    const ratio = find(summarize({ ...given, trials }).ratios, {
      metric: 'latencyMs.p99',
      class: 'interactive',
      of: 'mesh',
      to: 'all',
    });
    expect(ratio?.blocks).toBe(2);
    expect(ratio?.value).toBeCloseTo(Math.sqrt((100 / 20) * (102 / 22)), 4);
  });

  it('judges the claims', () => {
    const { findings } = summarize(input());
    expect(findings.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', 'holds']);
    expect(findings[0]?.words).toMatch(/^Interactive p99 latency of `mesh` over that of `all` is 4\.8\d* \[/);
  });

  it('says in words what each layer does, and what the data cannot tell', () => {
    const { words } = summarize(input());
    expect(words.paragraph).toMatch(
      /With queue, mark and kernel together \(arm `all`\) interactive p99 was 4\.8\d* times lower/,
    );
    expect(words.paragraph).toMatch(/`kernel` made it 4\.39 times lower/);
    expect(words.paragraph).toMatch(
      /of `queue` \(ratio .*\) the data cannot tell an effect on it from noise/,
    );
    expect(words.paragraph).toContain('All 3 bounds that the experiment states hold.');
    const queue = words.points.find((point) => point.startsWith('`queue`'));
    expect(queue).toContain('`queue` has no effect that the data can tell from noise, against `mesh`.');
    expect(queue).toMatch(
      /rule out that it changes interactive p99 by more than a factor of 1\.\d+ either way/,
    );
    expect(words.points.find((point) => point.startsWith('`interactive-only`'))).toContain(
      'It carries no batch load.',
    );
  });

  it('adds limitations and evidence to the arm that they touch', () => {
    const limitation = {
      layer: 'kernel',
      arms: ['kernel'],
      what: 'no prio',
      why: 'not in this kernel',
      instead: 'HTB',
    };
    const { words, limitations } = summarize(
      input({ limitations: [limitation], evidence: { queue: ['Its queue never held a request.'] } }),
    );
    expect(limitations).toEqual([limitation]);
    expect(words.points.find((point) => point.startsWith('`kernel`'))).toContain(
      'Its kernel layer was not whole: no prio (not in this kernel); instead: HTB.',
    );
    expect(words.points.find((point) => point.startsWith('`queue`'))).toContain(
      'Its queue never held a request.',
    );
    expect(words.points.find((point) => point.startsWith('`all`'))).not.toContain('not whole');
  });

  it('says when the intervals are too wide to say anything', () => {
    const given = input();
    const trials = given.trials.map((one) =>
      one.arm === 'queue'
        ? trial('queue', one.block, { interactive: [3, 100, 900][one.block] ?? 1, batch: 500 })
        : one,
    );
    const { words } = summarize({ ...given, trials });
    expect(words.points.find((point) => point.startsWith('`queue`'))).toContain(
      'too wide to rule out even a large effect',
    );
  });

  it('cannot tell with one trial', () => {
    const given = input();
    const summary = summarize({ ...given, trials: given.trials.filter(({ block }) => block === 0) });
    expect(summary.findings.map(({ verdict }) => verdict)).toEqual(['undecided', 'undecided', 'undecided']);
    expect(summary.findings[0]?.words).toContain('no interval to judge by');
    expect(summary.words.paragraph).toContain('3 cannot be told from these data');
    expect(summary.words.paragraph).toMatch(
      /interactive p99 was 5 times lower \(no interval\), within noise and/,
    );
    expect(summary.words.points.find((point) => point.startsWith('`all`'))).toContain(
      'Ratios without an interval: interactive p99 5,',
    );
  });

  it('reports the A/A control and the audit', () => {
    const given = input();
    const arms = {
      ...given.arms,
      'mesh-control': { ...given.arms['mesh'], description: 'again' },
    } as SummaryInput['arms'];
    const trials = [
      ...given.trials,
      ...[0, 1, 2].map((block) => trial('mesh-control', block, { interactive: 101 + block, batch: 499 })),
    ];
    const summary = summarize({
      ...given,
      arms,
      trials,
      control: { arm: 'mesh-control', of: 'mesh' },
      audit: { trusted: false, void: ['late', 'late', 'steal'], laboratory: ['no delay'] },
    });
    expect(summary.baseline).toBe('mesh');
    expect(summary.audit).toMatchObject({
      verdict: 'untrusted',
      void: 3,
      reasons: ['late (2 times)', 'steal'],
      laboratory: ['no delay'],
    });
    expect(summary.audit.control?.words).toMatch(/^A\/A control: of 13 ratios of `mesh` against itself/);
    expect(summary.words.points.some((point) => point.startsWith('`mesh-control`'))).toBe(false);
  });

  it('refuses what proves nothing', () => {
    const refused = (overrides: Partial<SummaryInput>) => () => summarize(input(overrides));
    expect(refused({ trials: [] })).toThrow(PriomeshError);
    expect(
      refused({ trials: [trial('mesh', 0, { interactive: 1 }), trial('mesh', 0, { interactive: 1 })] }),
    ).toThrow(/twice/);
    expect(refused({ timeoutsMs: { batch: 1 } })).toThrow(/unknown workload `interactive`/);
    expect(
      refused({ comparisons: [{ metric: 'p99', class: 'batch', of: 'mesh', to: 'all', claim: '' }] }),
    ).toThrow(/unknown metric `p99`/);
  });
});

describe('judge', () => {
  it.each([
    [{ value: 5, low: 4, high: 6 }, { atLeast: 3 }, 'holds'],
    [{ value: 5, low: 2, high: 9 }, { atLeast: 3 }, 'undecided'],
    [{ value: 2, low: 1, high: 2.9 }, { atLeast: 3 }, 'fails'],
    [{ value: 2, low: 1, high: 3.2 }, { atLeast: 3 }, 'undecided'],
    [{ value: 1.7, low: 1.4, high: 2 }, { atMost: 1.5 }, 'undecided'],
    [{ value: 1.2, low: 1.1, high: 1.3 }, { atMost: 1.5 }, 'holds'],
    [{ value: 1.7, low: 1.6, high: 1.8 }, { atMost: 1.5 }, 'fails'],
    [{ value: 1, low: 0.9, high: 1.1 }, { atLeast: 0.8, atMost: 1.2 }, 'holds'],
    [{ value: 1, low: 0.7, high: 1.1 }, { atLeast: 0.8, atMost: 1.2 }, 'undecided'],
    [{ value: 5, low: null, high: null }, { atLeast: 3 }, 'undecided'],
  ] as const)('%j with %j: %s', (ratio, bounds, verdict) => {
    expect(judge(ratio, bounds)).toBe(verdict);
  });

  it('cannot tell without a ratio', () => {
    expect(judge(undefined, { atLeast: 1 })).toBe('undecided');
  });
});

describe('summaryJsonSchema', () => {
  it('describes the core', () => {
    expect(summaryJsonSchema()).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['schema', 'experiment', 'arms', 'ratios', 'audit']),
    });
  });
});
