import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Platform } from '../../../src/core/index.ts';
import { loadExperimentSource, planExperiment } from '../../../src/experiment/index.ts';
import { configureTrial } from '../../../src/experiment/trial-configuration.ts';
import type { Lab } from '../../../src/lab/index.ts';

const PLATFORM: Platform = {
  congestionControls: ['cubic'],
  socketOptions: true,
  pacing: false,
  qdiscs: [],
  filters: [],
  trafficControl: false,
};
const source = await loadExperimentSource(path.resolve(import.meta.dirname, '../../../experiments/overload'));
const plan = planExperiment(source, { formName: 'full', lab: 'mininet', platform: PLATFORM, ports: [] });
const nodes = { left1: { address: '10.0.0.1' }, right1: { address: '10.0.0.2' } };
const lab = { kind: 'mininet', nodes } as unknown as Lab;

function configured(name: string) {
  const arm = plan.arms.find((one) => one.name === name);
  if (arm === undefined) throw new Error(`no arm ${name}`);
  const trial = { index: 0, block: 0, arm: name, seed: 7 };
  return configureTrial(plan, arm, trial, lab, { file: (file) => `/trial/${file}`, tapSocket: (one) => one });
}

describe('the experiment overload', () => {
  it('gives the sidecars of each arm the queue that the arm names', () => {
    const queueOf = (name: string) => configured(name).sidecars[0]?.config.policy.queue;
    expect(queueOf('priority')).toEqual(source.policy.queue);
    expect(queueOf('priority-control')).toEqual(source.policy.queue);
    expect(queueOf('fifo')).toEqual({ ...source.policy.queue, mode: 'fifo', shedding: 'fifo' });
    expect(queueOf('wide')?.concurrency).toBe(64);
    expect(queueOf('adaptive')).toMatchObject({
      shedding: 'priority',
      concurrency: { adaptive: 'gradient' },
    });
    expect(configured('plain').sidecars[0]?.config.layers).toEqual([]);
  });

  it('tells the generator of every arm the same steps', () => {
    const steps = plan.arms.map(({ name }) =>
      configured(name).generator.config.workloads.map((workload) => workload.steps),
    );
    const first = steps[0];
    expect(first?.[1]).toEqual([
      { atMs: 3000, rateRps: 305 },
      { atMs: 6500, rateRps: 50 },
    ]);
    for (const one of steps) expect(one).toEqual(first);
  });
});
