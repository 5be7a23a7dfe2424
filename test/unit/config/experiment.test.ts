import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findingsOf, loadStudy, parseExperiment } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, repositoryFile, repositoryText } from './support.ts';

const FILE = 'experiments/case-study/experiment.yaml';
const TEXT = repositoryText(FILE);
const faults = (text: string) => listed(findingsIn(() => parseExperiment(text, 'e.yaml')));

describe('the case study', () => {
  it('has the arms that are to be compared', async () => {
    const { experiment, policy, graph } = await loadStudy(repositoryFile(FILE));
    const arms = Object.entries(experiment.arms).map(([name, arm]) => [
      name,
      arm.sidecars,
      arm.layers,
      arm.workloads,
    ]);
    expect(arms).toEqual([
      ['direct', false, [], undefined],
      ['mesh', true, [], undefined],
      ['queue', true, ['queue'], undefined],
      ['transport', true, ['transport'], undefined],
      ['kernel', true, ['mark', 'kernel'], undefined],
      ['all', true, ['queue', 'transport', 'mark', 'kernel'], undefined],
      ['interactive-only', true, [], ['interactive']],
    ]);
    expect(policy.name).toBe('case-study');
    expect(Object.keys(graph.services)).toEqual(['frontend', 'catalog', 'reviews', 'ratings']);
  });

  it('claims what it has to show', () => {
    const claims = parseExperiment(TEXT, 'e.yaml').comparisons.filter(
      ({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined,
    );
    expect(
      claims.map((one) => [one.metric, one.class, `${one.of} / ${one.to}`, one.atLeast, one.atMost]),
    ).toEqual([
      ['latencyMs.p99', 'interactive', 'mesh / all', 3, undefined],
      ['latencyMs.p50', 'interactive', 'mesh / all', 1.5, undefined],
      ['goodputBps', 'batch', 'all / mesh', 0.9, undefined],
      ['latencyMs.p99', 'interactive', 'all / interactive-only', undefined, 1.5],
    ]);
  });
});

describe('defaults', () => {
  it('are filled in', () => {
    const text = TEXT.replace(/^audit:.*$/m, '').replace(/^baselineCongestionControl:.*$/m, '');
    const experiment = parseExperiment(text, 'e.yaml');
    expect(experiment.baselineCongestionControl).toBe('cubic');
    expect(experiment.audit).toMatchObject({ maxLateSendRatio: 0.01, maxVoidRatio: 0.25, maxRetries: 2 });
    expect(experiment.arms['mesh']).toMatchObject({ sidecars: true, layers: [] });
    expect(experiment.workloads[0]).toMatchObject({ method: 'GET', arrivals: 'poisson' });
  });
});

describe('contradictions', () => {
  it.each([
    [
      'a layer that needs sidecars',
      edited(TEXT, 'sidecars: false', 'sidecars: false\n    layers: [queue]'),
      /CONFLICT layer queue is served by sidecars, but arm direct has none/,
    ],
    [
      'a kernel layer that has no marks to sort by',
      edited(TEXT, 'layers: [mark, kernel]', 'layers: [kernel]'),
      /CONFLICT arm kernel sorts packets by their mark/,
    ],
    [
      'a layer twice',
      edited(TEXT, 'layers: [transport]', 'layers: [transport, transport]'),
      /CONFLICT layer transport stands twice/,
    ],
    [
      'an unknown workload',
      edited(TEXT, 'workloads: [interactive]', 'workloads: [interactiv]'),
      /INVALID there is no workload interactiv/,
    ],
    [
      'an unknown control arm',
      edited(TEXT, 'control: { of: mesh }', 'control: { of: mash }'),
      /INVALID there is no arm mash/,
    ],
    [
      'an arm compared with itself',
      edited(TEXT, 'of: mesh, to: direct', 'of: mesh, to: mesh'),
      /CONFLICT an arm is compared with itself/,
    ],
    [
      'bounds that cross',
      edited(TEXT, 'atMost: 1.5', 'atMost: 1.5\n    atLeast: 2'),
      /CONFLICT no ratio is at least 2 and at most 1.5/,
    ],
    [
      'a figure of a class that the arm does not run',
      edited(TEXT, 'class: batch, of: queue, to: mesh', 'class: batch, of: interactive-only, to: mesh'),
      /CONFLICT arm interactive-only has no workload of class batch/,
    ],
    [
      'a service that is placed nowhere',
      edited(TEXT, '    frontend: left2\n', ''),
      /INVALID frontend is placed nowhere/,
    ],
    [
      'a generator that calls itself',
      edited(TEXT, 'entry: frontend', 'entry: generator'),
      /INVALID the generator cannot call itself/,
    ],
    [
      'two workloads of one name',
      edited(TEXT, '      name: batch,\n', '      name: interactive,\n'),
      /CONFLICT workload interactive stands twice/,
    ],
  ])('%s', (_, text, expected) => {
    expect(faults(text).join('\n')).toMatch(expected);
  });

  it('an unknown metric, with the nearest known one', () => {
    const text = edited(TEXT, 'metric: latencyMs.p50', 'metric: latency_ms.p50');
    const findings = findingsIn(() => parseExperiment(text, 'e.yaml'));
    expect(findings).toHaveLength(1);
    expect(findings[0]?.fix).toMatch(/^Did you mean latencyMs\.p50\?/);
  });

  it('no arm and no workload', () => {
    expect(faults(TEXT.replace(/^arms:\n( .*\n|\n)*/m, 'arms: {}\n')).join('\n')).toMatch(/has no arm/);
    expect(faults(TEXT.replace(/^workloads:\n( .*\n)*/m, 'workloads: []\n'))).toEqual([
      expect.stringMatching(/workloads is a list of 0; it must be a list of 1 to 64 items/),
    ]);
  });
});

describe('the three files of a study', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'priomesh-study-'));
    await mkdir(join(folder, 'experiments/x'), { recursive: true });
    await cp(repositoryFile('policies'), join(folder, 'policies'), { recursive: true });
    await cp(
      repositoryFile('experiments/case-study/application.yaml'),
      join(folder, 'experiments/x/application.yaml'),
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  const study = async (text: string) => {
    const file = join(folder, 'experiments/x/experiment.yaml');
    await writeFile(file, text);
    return loadStudy(file).then(
      () => [],
      (error: unknown) => listed(findingsOf(error)),
    );
  };

  it('fit together', async () => {
    expect(await study(TEXT)).toEqual([]);
  });

  it('are checked against each other', async () => {
    let text = edited(TEXT, 'path: /product/7', 'path: /products/7');
    text = edited(text, '    ratings: right3\n', '    rating: right3\n');
    text = edited(text, 'name: batch,\n      class: batch,', 'name: batch,\n      class: bulk,');
    text = text.replaceAll('class: batch', 'class: bulk');
    expect(await study(text)).toEqual([
      expect.stringMatching(/INVALID ratings is placed nowhere/),
      expect.stringMatching(/INVALID there is no service rating$/),
      expect.stringMatching(/INVALID frontend has no route GET \/products\/7/),
      expect.stringMatching(/INVALID there is no class bulk/),
    ]);
  });
});
