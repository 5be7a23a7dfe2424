import { describe, expect, it } from 'vitest';
import { loadStudy, parseExperiment, parsePolicy } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, repositoryFile, repositoryText } from './support.ts';

const TEXT = repositoryText('experiments/overload/experiment.yaml');
const POLICY = repositoryText('policies/overload.yaml');
const faults = (text: string): string => listed(findingsIn(() => parseExperiment(text, 'e.yaml'))).join('\n');
const policyFaults = (text: string): string =>
  listed(findingsIn(() => parsePolicy(text, 'p.yaml'))).join('\n');
const STEPS = 'steps: [{ atMs: 3000, rateRps: 305 }, { atMs: 6500, rateRps: 50 }]';

describe('the experiment overload', () => {
  it('is sound, and its arms say how their queue works', async () => {
    const { experiment, policy } = await loadStudy(repositoryFile('experiments/overload/experiment.yaml'));
    expect(policy.queue).toMatchObject({ shedding: 'priority', targetDelayMs: 50 });
    expect(experiment.arms['fifo']?.queue).toEqual({ mode: 'fifo', shedding: 'fifo' });
    expect(experiment.arms['adaptive']?.queue?.concurrency).toEqual({
      adaptive: 'gradient',
      initial: 8,
      min: 2,
      max: 64,
      windowMs: 100,
      probeIntervalMs: 10_000,
    });
    expect(experiment.workloads[1]?.steps).toHaveLength(2);
  });
});

describe('steps of the load', () => {
  it.each([
    [
      'stand in the order of time',
      edited(TEXT, STEPS, 'steps: [{ atMs: 6500, rateRps: 305 }, { atMs: 3000, rateRps: 50 }]'),
      /CONFLICT a step of batch at 3000 ms stands behind one at 6500 ms \(e\.yaml:\d+:\d+\)/,
    ],
    [
      'lie in the measurement',
      edited(TEXT, 'atMs: 6500', 'atMs: 9500'),
      /CONFLICT a step of batch at 9500 ms comes when a measurement of 9500 ms is over/,
    ],
    [
      'are there where something speaks of them',
      edited(TEXT, STEPS, 'steps: [{ atMs: 3000, rateRps: 305 }]'),
      /CONFLICT step\.goodShare\.during is of a step of the load, up and down again/,
    ],
  ])('%s', (_, text, expected) => {
    expect(faults(text)).toMatch(expected);
  });
});

describe('what is said of the queue', () => {
  it.each([
    [
      'in an arm needs the layer',
      TEXT.replace('layers: [queue]\n    queue: { mode: fifo', 'layers: []\n    queue: { mode: fifo'),
      /CONFLICT arm fifo says how the layer queue works, which is off in it/,
    ],
    [
      'in an arm keeps the limit between its bounds',
      edited(TEXT, 'initial: 8, min: 2', 'initial: 8, min: 9'),
      /CONFLICT the limit would begin at 8, outside of min 9 to max 64/,
    ],
  ])('%s', (_, text, expected) => {
    expect(faults(text)).toMatch(expected);
  });

  it('names no target where nobody is turned away', () => {
    expect(policyFaults(edited(POLICY, 'shedding: priority', 'shedding: none'))).toMatch(
      /CONFLICT targetDelayMs is what shedding holds, and shedding is none/,
    );
  });

  it('is a number, or says how the number is found', () => {
    expect(policyFaults(POLICY.replace(/concurrency: 4.*/, 'concurrency: many'))).toMatch(
      /a whole number from 1 to 10000, or \{ adaptive: gradient \}/,
    );
    const found = parsePolicy(
      POLICY.replace(/concurrency: 4.*/, 'concurrency: { adaptive: vegas }'),
      'p.yaml',
    );
    expect(found.queue.concurrency).toMatchObject({ adaptive: 'vegas', initial: 8, min: 2, max: 256 });
  });
});
