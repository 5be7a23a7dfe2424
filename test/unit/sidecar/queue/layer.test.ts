import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../src/config/index.ts';
import type { Policy, QueueSettings } from '../../../../src/core/index.ts';
import { queueLayer } from '../../../../src/sidecar/index.ts';
import { queueSettings } from '../../../../src/sidecar/queue/index.ts';

const FILE = new URL('../../../../policies/overload.yaml', import.meta.url);
const POLICY = parsePolicy(readFileSync(FILE, 'utf8'), 'overload.yaml');
const withQueue = (queue: Partial<QueueSettings>): Policy => ({
  ...POLICY,
  queue: { ...POLICY.queue, ...queue },
});
const ADAPTIVE = {
  adaptive: 'vegas',
  initial: 8,
  min: 2,
  max: 64,
  windowMs: 100,
  probeIntervalMs: 10_000,
} as const;

function planned(policy: Policy): string {
  const site = { ports: [], sidecarNodes: ['right1'], baselineCongestionControl: 'cubic' };
  const { summary, steps } = queueLayer.plan(policy, {} as never, site);
  return [summary, ...steps.map(({ what }) => what)].join('\n');
}

describe('the plan of the layer queue', () => {
  it('says whom it turns away, and from which delay on', () => {
    expect(planned(POLICY)).toMatch(
      /by rank, the least important turned away first, from a delay of 50 ms on/,
    );
    expect(planned(POLICY)).toMatch(/batch: rank 5, at most 4 of 4 at once, given up after 1000 ms/);
    expect(planned(withQueue({ mode: 'fifo', shedding: 'none' }))).toMatch(
      /first come first served, nobody turned away before it is full/,
    );
  });

  it('says between which bounds a limit is found', () => {
    expect(planned(withQueue({ concurrency: ADAPTIVE }))).toMatch(
      /admits 2 to 64 \(vegas, from 8\) requests at once.*batch: rank 5, at most 100 % at once/,
    );
  });
});

describe('the settings of a queue', () => {
  it('are those of the policy', () => {
    expect(queueSettings(withQueue({ concurrency: ADAPTIVE }), true)).toMatchObject({
      mode: 'strict',
      concurrency: 8,
      shedding: 'priority',
      adaptive: ADAPTIVE,
      overload: { targetDelayMs: 50, shedding: 'priority' },
    });
  });

  it('are plain with the layer off: no order, nobody turned away, a fixed limit', () => {
    const settings = queueSettings(withQueue({ concurrency: ADAPTIVE }), false);
    expect(settings).toMatchObject({ mode: 'fifo', concurrency: 8, capacity: 512, shedding: 'none' });
    expect(settings.adaptive).toBeUndefined();
    expect(settings.overload).toBeUndefined();
  });

  it('hold no target where nobody is turned away', () => {
    expect(queueSettings(withQueue({ shedding: 'none' }), true).overload).toBeUndefined();
  });
});
