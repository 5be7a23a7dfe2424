import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Platform } from '../../../src/core/index.ts';
import { auditTrial } from '../../../src/experiment/audit.ts';
import { type ExperimentPlan, loadExperimentSource, planExperiment } from '../../../src/experiment/index.ts';
import { joinCounters } from '../../../src/experiment/join-counters.ts';
import type { ExperimentSource } from '../../../src/experiment/plan.ts';
import {
  configureSender,
  configureTrial,
  sidecarNames,
  type TrialPlaces,
} from '../../../src/experiment/trial-configuration.ts';
import { configureNetwork, setRoutes } from '../../../src/experiment/trial-network.ts';
import type { Controller, Lab, LabKind } from '../../../src/lab/index.ts';

const PLATFORM: Platform = {
  congestionControls: ['cubic'],
  socketOptions: true,
  pacing: false,
  qdiscs: [],
  filters: [],
  trafficControl: false,
};
const NODES = ['left1', 'left2', 'left3', 'right1', 'right2', 'right3', 'right4'];

const source = await loadExperimentSource(path.resolve(import.meta.dirname, '../../../experiments/reroute'));
const planned = (own: ExperimentSource = source, lab: LabKind = 'mininet'): ExperimentPlan =>
  planExperiment(own, { formName: 'quick', lab, platform: PLATFORM, ports: [] });

function armOf(plan: ExperimentPlan, name: string) {
  const arm = plan.arms.find((one) => one.name === name);
  if (arm === undefined) throw new Error(`no arm ${name}`);
  return arm;
}

function labOf(kind: LabKind = 'mininet'): Lab {
  const nodes = Object.fromEntries(NODES.map((name, index) => [name, { address: `10.0.0.${index + 1}` }]));
  const links = [
    { id: 's1>s2', node: 's1', device: 's1-eth3', rateBps: 20_000_000, portLabel: 'primary, there' },
    { id: 's2>s4', node: 's2', device: 's2-eth2', rateBps: null, portLabel: null },
  ];
  return { kind, nodes, links } as unknown as Lab;
}

function configured(plan: ExperimentPlan, armName: string, places: Partial<TrialPlaces> = {}) {
  const trial = { index: 0, block: 0, arm: armName, seed: 1 };
  return configureTrial(plan, armOf(plan, armName), trial as never, labOf(plan.lab), {
    file: (name) => `/trial/${name}`,
    tapSocket: (sidecar) => `/tap/${sidecar}`,
    ...places,
  });
}

/** The same experiment with the catalog at two nodes. */
const replicated: ExperimentSource = {
  ...source,
  experiment: {
    ...source.experiment,
    topology: {
      ...source.experiment.topology,
      placement: { ...source.experiment.topology.placement, catalog: ['right1', 'right4'] },
    },
  },
};

describe('the plan', () => {
  it('has hints where the layer network is on, and spreads where an arm says so', () => {
    expect(planned().arms.map(({ name, usesHints, spread }) => [name, usesHints, spread])).toEqual([
      ['no-hints', false, 'default'],
      ['ecmp', false, 'hash'],
      ['sidecars', true, 'default'],
      ['controller', true, 'default'],
      ['both', true, 'default'],
    ]);
  });

  it('has neither in a laboratory without switches', () => {
    for (const { usesHints, spread } of planned(source, 'local').arms) {
      expect([usesHints, spread]).toEqual([false, undefined]);
    }
  });

  it("puts an arm's reactions in the place of the policy's", () => {
    const reactions = (arm: string) =>
      armOf(planned(), arm).policy.network.reactions.map(({ owner, classes }) => [owner, ...classes]);
    expect(reactions('sidecars')).toEqual([['sidecar', 'interactive', 'batch']]);
    expect(reactions('both')).toEqual([
      ['sidecar', 'batch'],
      ['controller', 'interactive'],
    ]);
  });
});

describe('the processes of a trial', () => {
  it('are one application and one sidecar for each replica, and callers know them all', () => {
    const plan = planned(replicated);
    const { applications, sidecars } = configured(plan, 'sidecars');
    expect(sidecarNames(plan, armOf(plan, 'sidecars'))).toEqual([
      'sidecar-frontend',
      'sidecar-catalog',
      'sidecar-catalog-2',
      'sidecar-reviews',
    ]);
    expect(applications.map(({ name, node }) => [name, node])).toContainEqual([
      'application-catalog-2',
      'right4',
    ]);
    const [frontend, , second] = sidecars;
    expect(frontend?.config.outbound?.upstreams['catalog']?.endpoints).toEqual([
      { host: '10.0.0.4', port: 15006 },
      { host: '10.0.0.7', port: 15006 },
    ]);
    expect(second?.config).toMatchObject({
      service: 'catalog',
      inbound: { listen: { host: '10.0.0.7' }, ingress: false },
      statistics: { file: '/trial/sidecar-catalog-2.jsonl' },
      tap: { socket: '/tap/sidecar-catalog-2' },
    });
  });

  it('know the control plane and their own host where there are hints', () => {
    const { sidecars } = configured(planned(), 'sidecars', { controlPlane: 'unix:/c.sock' });
    expect(sidecars[1]?.config.controlPlane).toEqual({ target: 'unix:/c.sock', node: '10.0.0.4' });
    expect(configured(planned(), 'ecmp').sidecars[1]?.config).not.toHaveProperty('controlPlane');
  });

  it('are a sink for each flow, and a sender that knows when', () => {
    const plan = planned();
    const [flow] = armOf(plan, 'sidecars').crossTraffic;
    const [sink] = configured(plan, 'sidecars').sinks;
    if (flow === undefined || sink === undefined) throw new Error('no flow');
    expect(sink).toMatchObject({
      name: 'sink-flood',
      node: 'left3',
      config: { listen: { host: '10.0.0.3' } },
    });
    expect(configureSender(plan, flow, sink, 5000)).toMatchObject({
      name: 'cross-traffic-flood',
      node: 'right3',
      config: { originMs: 5000, startMs: 4500, durationMs: 5000, rateBps: 14_000_000 },
    });
    const long = { ...flow, durationMs: 1e6 };
    expect(configureSender(plan, long, sink, 5000).config).toMatchObject({ durationMs: 6000 });
  });
});

describe('who tells of the network', () => {
  const controller = { url: 'unix:/n.sock' } as Controller;
  const networkOf = (arm: string, controlPlane?: string) => {
    const plan = planned();
    const places = {
      lab: labOf(),
      ports: [],
      controller,
      controlPlane,
      file: (name: string) => `/trial/${name}`,
    };
    return configureNetwork(plan, armOf(plan, arm), places).map(({ process }) => process);
  };

  it('are control plane and bridge where somebody is told', () => {
    const [plane, bridge] = networkOf('both', 'unix:/c.sock');
    expect(plane).toMatchObject({ name: 'control-plane', config: { listen: 'unix:/c.sock' } });
    expect(bridge).toMatchObject({
      name: 'bridge',
      config: {
        northbound: { kind: 'priomesh', url: 'unix:/n.sock' },
        controlPlane: { target: 'unix:/c.sock' },
        log: '/trial/network.jsonl',
      },
    });
  });

  it('is a bridge that only looks where nobody is', () => {
    const [bridge, ...others] = networkOf('no-hints');
    expect(others).toEqual([]);
    expect(bridge?.config).not.toHaveProperty('controlPlane');
    expect(bridge?.config).toMatchObject({ policy: { network: { reactions: [] } } });
  });

  it('steer the marks of other paths where sidecars may use them, and start a controller that died', async () => {
    const said: unknown[] = [];
    let restarts = 0;
    const fake = {
      running: false,
      restart: async () => {
        restarts += 1;
      },
      topology: async () => ({
        paths: [
          { id: 'primary', forward: ['s1>s2'], backward: ['s2>s1'] },
          { id: 'secondary', forward: ['s1>s3'], backward: ['s3>s1'] },
        ],
      }),
      setRoutes: async (routes: unknown) => {
        said.push(routes);
      },
    } as unknown as Controller;
    const { signal } = new AbortController();
    const paths = await setRoutes(fake, armOf(planned(), 'sidecars'), signal);
    await setRoutes(fake, armOf(planned(), 'ecmp'), signal);
    const marks = source.policy.classes.flatMap(({ network }) => network.alternateDscp);
    expect(said).toEqual([
      { spread: 'default', marks: Object.fromEntries(marks.map((dscp) => [dscp, 'secondary'])) },
      { spread: 'hash', marks: {} },
    ]);
    expect(restarts).toBe(2);
    expect(paths).toEqual([
      { id: 'primary', links: ['s1>s2', 's2>s1'] },
      { id: 'secondary', links: ['s1>s3', 's3>s1'] },
    ]);
  });
});

describe('the audit of cross traffic', () => {
  const limits = source.experiment.audit;
  const seen = {
    sent: 100,
    late: 0,
    p99LatenessMs: 0,
    stealRatio: 0,
    idleRatio: 0.5,
    clockStepMs: 0,
    ports: [],
    died: [],
  };
  const sent = { packets: 1000, wireBytes: 1_500_000, skipped: 0, refused: 0, lateMs: 0 };

  it.each([
    ['passes a flow that was sent', { name: 'flood', sent }, []],
    ['misses a sender', { name: 'flood' }, [expect.stringContaining('did not come to its end')]],
    [
      'sees packets that were left out',
      { name: 'flood', sent: { ...sent, packets: 900, skipped: 100 } },
      [expect.stringContaining('10.0 % of the cross traffic flood was not sent in time')],
    ],
    [
      'sees a late beginning',
      { name: 'flood', sent: { ...sent, lateMs: 40 } },
      [expect.stringContaining('began 40 ms late')],
    ],
  ])('%s', (_, flow, reasons) => {
    expect(auditTrial({ ...seen, crossTraffic: [flow] }, limits).reasons).toEqual(reasons);
  });
});

describe('the joined counters', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-join-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('tell statistics from events, on the time scale of the trial, and leave out a line that was cut off', async () => {
    const at = (name: string) => path.join(folder, name);
    const lines = (...values: object[]) => values.map((one) => `${JSON.stringify(one)}\n`).join('');
    const statistics = { event: 'statistics', service: 'catalog', timeMs: 1500.6 };
    const move = { event: 'move', service: 'catalog', timeMs: 1234.567, class: 'batch' };
    await writeFile(
      at('sidecar.jsonl'),
      `${lines(statistics, move, { event: 'statistics-full' })}{"event":"mo`,
    );
    await writeFile(at('network.jsonl'), lines({ event: 'hint', timeMs: 1100.5, link: 's4>s2' }));
    const paths = [{ id: 'primary', links: ['s4>s2'] }];
    await joinCounters(
      [
        { name: 'catalog-2', file: at('sidecar.jsonl') },
        { name: 'gone', file: at('none.jsonl') },
      ],
      { file: at('network.jsonl'), paths },
      { into: at('counters.jsonl'), originMs: 1000 },
    );
    const joined = (await readFile(at('counters.jsonl'), 'utf8')).trim().split('\n');
    expect(joined.map((line) => JSON.parse(line))).toEqual([
      { ...statistics, t_ms: 501, source: 'sidecar', name: 'catalog-2' },
      { ...move, t_ms: 234.57, source: 'network', name: 'catalog-2' },
      { event: 'paths', timeMs: 1000, paths, t_ms: 0, source: 'network', name: 'bridge' },
      { event: 'hint', timeMs: 1100.5, link: 's4>s2', t_ms: 100.5, source: 'network', name: 'bridge' },
    ]);
    await expect(readFile(at('sidecar.jsonl'))).rejects.toThrow('ENOENT');
  });
});
