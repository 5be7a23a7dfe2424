import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Platform } from '../../../src/core/index.ts';
import { depthLines } from '../../../src/experiment/broker-watch.ts';
import { type ExperimentPlan, loadExperimentSource, planExperiment } from '../../../src/experiment/index.ts';
import type { ExperimentSource } from '../../../src/experiment/plan.ts';
import { configureTrial, type TrialConfiguration } from '../../../src/experiment/trial-configuration.ts';
import { chooseSockets } from '../../../src/experiment/trial-sockets.ts';
import type { Lab, LabKind } from '../../../src/lab/index.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const PLATFORM: Platform = {
  congestionControls: ['cubic'],
  socketOptions: true,
  pacing: false,
  qdiscs: [],
  filters: [],
  trafficControl: false,
  rabbitmqVersion: '3.10.8',
};
const BROKER_PLACE = {
  address: { host: '10.0.0.3', port: 5672 },
  virtualHost: '000-governed-0',
  userName: 'guest',
};

const source = await loadExperimentSource(path.join(ROOT, 'experiments/broker'));
const planned = (own: ExperimentSource, lab: LabKind = 'mininet', platform = PLATFORM): ExperimentPlan =>
  planExperiment(own, { formName: 'quick', lab, platform, ports: [] });

function armOf(plan: ExperimentPlan, name: string) {
  const arm = plan.arms.find((one) => one.name === name);
  if (arm === undefined) throw new Error(`no arm ${name}`);
  return arm;
}

function configured(plan: ExperimentPlan, armName: string, broker = true): TrialConfiguration {
  const nodes = Object.fromEntries(
    ['left1', 'left2', 'left3', 'right1'].map((name, index) => [name, { address: `10.0.0.${index + 1}` }]),
  );
  const lab = { kind: plan.lab, nodes } as unknown as Lab;
  const trial = { index: 0, block: 0, arm: armName, seed: 'a' };
  return configureTrial(plan, armOf(plan, armName), trial as never, lab, {
    file: (name) => `/trial/${name}`,
    tapSocket: (sidecar) => `/tap/${sidecar}`,
    ...(broker ? { broker: BROKER_PLACE } : {}),
  });
}

/** The same experiment with other arms, and with a graph that sends no messages. */
function withRoutes(routes: boolean): ExperimentSource {
  const [worker = { routes: [] }] = [source.graph.services['worker']];
  const { consumes: _, ...plain } = worker as { consumes?: unknown } & typeof worker;
  const place = { file: 'policy.yaml', line: 1, column: 1 };
  const route = { name: 'jobs', service: 'worker', path: '/**', via: 'amqp', queue: 'jobs', place } as const;
  return {
    ...source,
    policy: { ...source.policy, routes: routes ? [route] : [] },
    graph: { ...source.graph, services: { worker: plain } },
  } as ExperimentSource;
}

describe('which arms need a message broker', () => {
  it('is every arm where services use queues by themselves', () => {
    expect(planned(source).arms.every((arm) => arm.usesBroker)).toBe(true);
  });

  it('is an arm with the layer broker where the policy routes through a queue', () => {
    const using = planned(withRoutes(true)).arms.filter((arm) => arm.usesBroker);
    expect(using.map(({ name }) => name)).not.toContain('fifo');
    expect(using.map(({ name }) => name)).toContain('governed');
  });

  it('is none without routes, without RabbitMQ and without the section', () => {
    expect(planned(withRoutes(false)).arms.some((arm) => arm.usesBroker)).toBe(false);
    const { rabbitmqVersion: _, ...without } = PLATFORM;
    const plan = planned(withRoutes(true), 'mininet', without);
    expect(plan.arms.some((arm) => arm.usesBroker)).toBe(false);
    expect(armOf(plan, 'governed').layerPlans).toMatchObject([{ layer: 'broker', served: false }]);
    const { broker: __, ...experiment } = source.experiment;
    expect(planned({ ...source, experiment }).arms.some((arm) => arm.usesBroker)).toBe(false);
  });
});

describe('the processes of a trial with a message broker', () => {
  const plan = planned(source);

  it("talk through the sidecar, which knows the broker, the trial's virtual host and the arm's prefetch", () => {
    const { applications, sidecars } = configured(plan, 'prefetch-10');
    for (const one of applications) {
      expect(one.config.broker).toEqual({
        address: { host: '127.0.0.1', port: 15_002 },
        virtualHost: '000-governed-0',
      });
    }
    for (const one of sidecars) {
      expect(one.config).toMatchObject({
        layers: ['broker'],
        policy: { broker: { prefetch: 10, maxPriority: 2 } },
        broker: { ...BROKER_PLACE, listen: { host: '127.0.0.1', port: 15_002 } },
        tap: { socket: `/tap/${one.name}` },
      });
    }
    const governed = configured(plan, 'governed').sidecars;
    expect(governed.map(({ config }) => config.policy.broker.prefetch)).toEqual(['governed', 'governed']);
    expect(configured(plan, 'fifo').sidecars.map(({ config }) => config.layers)).toEqual([[], []]);
  });

  it('talk to the broker itself in an arm without sidecars', () => {
    const { fifo } = source.experiment.arms;
    const direct = { ...fifo, description: 'no sidecars', sidecars: false, layers: [] };
    const arms = { direct } as unknown as typeof source.experiment.arms;
    const { control: _, ...experiment } = source.experiment;
    const own = planned({ ...source, experiment: { ...experiment, arms } });
    const { applications, sidecars } = configured(own, 'direct');
    expect(sidecars).toEqual([]);
    expect(applications[0]?.config.broker?.address).toEqual(BROKER_PLACE.address);
  });

  it("use the node's own address in the local laboratory, where the broker may be a neighbour", () => {
    const [frontend] = configured(planned(source, 'local'), 'governed').sidecars;
    expect(frontend?.config.broker?.listen).toEqual({ host: '10.0.0.2', port: 15_002 });
  });

  it('know nothing of it in an arm that has none', () => {
    const { applications, sidecars } = configured(plan, 'fifo', false);
    expect(applications.some(({ config }) => config.broker !== undefined)).toBe(false);
    expect(sidecars.some(({ config }) => config.broker !== undefined)).toBe(false);
  });
});

it('depths become a line for each queue, without those that the broker names itself', () => {
  const queues = [
    { name: 'jobs', ready: { 0: 0, 1: 7 }, unacked: 4 },
    { name: 'amq.gen-x', ready: { 0: 1 }, unacked: 0 },
  ];
  expect(depthLines({ atMs: 1250.4, queues }, 1000)).toEqual([
    '{"t_ms":250,"source":"broker","name":"jobs","ready":{"0":0,"1":7},"unacked":4}\n',
  ]);
});

describe('sockets for watching', () => {
  const names = ['sidecar-frontend', 'sidecar-worker'];

  it("stand in the trial's folder, and go with the trial", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'pm-'));
    const sockets = await chooseSockets(folder, names);
    const socket = sockets.socketOf('sidecar-worker');
    expect(socket).toBe(path.join(folder, 'sidecar-worker.sock'));
    await writeFile(socket, '');
    await sockets[Symbol.asyncDispose]();
    await expect(access(socket)).rejects.toThrow();
    await rm(folder, { recursive: true });
  });

  it('stand in a short folder where that path is too long, counted in bytes', async () => {
    const folder = `/${'ü'.repeat(45)}`;
    const sockets = await chooseSockets(folder, names);
    const paths = names.map((name) => sockets.socketOf(name));
    expect(new Set(paths).size).toBe(2);
    for (const one of paths) expect(Buffer.byteLength(one)).toBeLessThanOrEqual(100);
    await access(path.dirname(paths[0] ?? ''));
    await sockets[Symbol.asyncDispose]();
    await expect(access(path.dirname(paths[0] ?? ''))).rejects.toThrow();
  });
});
