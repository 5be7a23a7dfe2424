import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findingsOf, loadStudy, parseExperiment } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, repositoryFile, repositoryText } from './support.ts';

const TEXT = repositoryText('experiments/reroute/experiment.yaml');
const faults = (text: string): string => listed(findingsIn(() => parseExperiment(text, 'e.yaml'))).join('\n');
const arm = (lines: string): string =>
  edited(TEXT, 'arms:\n', `arms:\n  odd:\n    description: Odd.\n${lines}`);

describe('the experiment reroute', () => {
  it('is sound, and resolves the reactions of its arms with their places', async () => {
    const file = repositoryFile('experiments/reroute/experiment.yaml');
    const { reactions, policy } = await loadStudy(file);
    expect(Object.keys(reactions)).toEqual(['controller', 'both']);
    expect(reactions['controller']).toMatchObject([
      { decide: 'path', owner: 'controller', classes: ['interactive', 'batch'] },
    ]);
    expect(reactions['both']).toMatchObject([
      { owner: 'sidecar', classes: ['batch'] },
      { owner: 'controller', classes: ['interactive'] },
    ]);
    expect(reactions['both']?.[0]?.place.file).toBe(file);
    expect(policy.network.reactions).toMatchObject([{ decide: 'path', owner: 'sidecar' }]);
  });
});

describe('what an arm says of the network', () => {
  it.each([
    [
      'needs a controller',
      TEXT.replace(/^controller:.*\n/m, ''),
      /CONFLICT arm ecmp says what the network does, and the experiment has no controller[\s\S]*arm sidecars has the layer network/,
    ],
    [
      'needs the layer where it says who reacts',
      arm('    layers: [mark]\n    network: { reactions: [] }\n'),
      /CONFLICT arm odd says who reacts to congestion, but the layer network is off/,
    ],
    ['names flows that are there', arm('    crossTraffic: [flod]\n'), /INVALID there is no flow flod/],
    [
      'needs sidecars where a service has replicas',
      edited(arm('    sidecars: false\n'), 'catalog: right1', 'catalog: [right1, right4]'),
      /CONFLICT arm odd has no sidecars, which choose among the replicas of catalog \(e\.yaml:\d+:\d+\)/,
    ],
  ])('%s', (_, text, expected) => {
    expect(faults(text)).toMatch(expected);
  });

  it('may be that nobody reacts', () => {
    const text = arm('    layers: [mark, network]\n    network: { reactions: [] }\n');
    expect(parseExperiment(text, 'e.yaml').arms['odd']?.network?.reactions).toEqual([]);
  });
});

describe('cross traffic', () => {
  it.each([
    [
      'goes from one host to another',
      edited(TEXT, 'to: left3', 'to: right3'),
      /CONFLICT flow flood goes from a host to itself/,
    ],
    [
      'begins within the measurement',
      edited(TEXT, 'startMs: 3000', 'startMs: 9000'),
      /CONFLICT flow flood begins when the measurement is over \(e\.yaml:\d+:\d+\)/,
    ],
    [
      'begins when its sender can have been started',
      edited(edited(TEXT, 'startMs: 3000', 'startMs: 0'), 'warmupMs: 1500', 'warmupMs: 500'),
      /CONFLICT flow flood begins less than 1000 ms after the warm-up does/,
    ],
    [
      'has a name of its own',
      edited(
        TEXT,
        'durationMs: 5000 }\n',
        'durationMs: 5000 }\n  - { name: flood, from: right4, to: left3, rateBps: 1000000, startMs: 2000, durationMs: 5 }\n',
      ),
      /CONFLICT flow flood stands twice/,
    ],
    [
      'is what metrics of the episode speak of',
      TEXT.replace(/^crossTraffic:\n.*\n/m, ''),
      /CONFLICT episode\.timeToHintMs speaks of the episode, which cross traffic makes, and there is none/,
    ],
    ['comes from hosts', edited(TEXT, 'from: right3', 'from: s1'), /a host of the topology/],
  ])('%s', (_, text, expected) => {
    expect(faults(text)).toMatch(expected);
  });
});

describe('the value of one arm', () => {
  it('is compared with nothing', () => {
    const text = TEXT.replace('of: sidecars\n    atMost: 100', 'of: sidecars\n    to: both\n    atMost: 100');
    expect(faults(text)).toMatch(/CONFLICT a value is of one arm/);
  });

  it('is the only comparison without another arm', () => {
    expect(faults(TEXT.replace('kind: value', 'kind: ratio'))).toMatch(/INVALID a ratio is of two arms/);
  });
});

describe('reactions of an arm and the policy', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'priomesh-study-'));
    await mkdir(join(folder, 'experiments/x'), { recursive: true });
    await cp(repositoryFile('policies'), join(folder, 'policies'), { recursive: true });
    const graph = 'application.yaml';
    await cp(repositoryFile(`experiments/reroute/${graph}`), join(folder, 'experiments/x', graph));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const study = async (text: string): Promise<string> => {
    const file = join(folder, 'experiments/x/experiment.yaml');
    await writeFile(file, text);
    return loadStudy(file).then(
      () => '',
      (error: unknown) => listed(findingsOf(error)).join('\n'),
    );
  };

  it('are refused with both places where two own one decision', async () => {
    const text = edited(TEXT, 'owner: controller, classes: [interactive] }', 'owner: controller }');
    const said = await study(text);
    expect(said).toMatch(/CONFLICT the controller would decide the path of batch, and so would the sidecar/);
    expect(said).toMatch(/experiment\.yaml:\d+:\d+\)/);
  });

  it('name classes of the policy', async () => {
    expect(await study(edited(TEXT, 'classes: [batch] }', 'classes: [bulk] }'))).toMatch(
      /INVALID there is no class bulk/,
    );
  });
});
