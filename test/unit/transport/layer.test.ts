import { describe, expect, it } from 'vitest';
import type { Platform, Site } from '../../../src/core/index.ts';
import {
  chooseCongestionControl,
  classProfiles,
  kernelPriorityFor,
  probeCongestionControls,
  probeTransport,
  transportLayer,
  tryCongestionControls,
} from '../../../src/transport/index.ts';
import { POLICY, SCAVENGER } from './policy-fixture.ts';

const PLATFORM: Platform = {
  congestionControls: ['reno', 'bbr'],
  socketOptions: true,
  pacing: true,
  qdiscs: [],
  filters: [],
  trafficControl: false,
};
const SITE: Site = { ports: [], sidecarNodes: ['left1'], baselineCongestionControl: 'cubic' };

describe('chooseCongestionControl', () => {
  it('takes the first that can be had and names those before it', () => {
    expect(chooseCongestionControl(['bbr', 'cubic'], ['cubic', 'bbr'])).toEqual({
      chosen: 'bbr',
      refused: [],
    });
    const fallback = chooseCongestionControl(['pcc', 'bbr', 'reno'], ['reno']);
    expect(fallback.chosen).toBe('reno');
    expect(fallback.refused.map(({ name }) => name)).toEqual(['pcc', 'bbr']);
    expect(chooseCongestionControl(['pcc'], ['reno']).chosen).toBeUndefined();
  });
});

describe('probes', () => {
  it('really try each algorithm', () => {
    expect(probeCongestionControls(['absent'])).toContain('reno');
    expect(tryCongestionControls(['absent'])).toContainEqual({ name: 'absent', errno: 'ENOENT' });
    expect(probeTransport()).toMatchObject({ socketOptions: true, pacing: true });
  });
});

describe('classProfiles', () => {
  it('merges the columns that are on', () => {
    expect(classProfiles(POLICY, ['transport', 'mark'], PLATFORM, 'cubic')).toEqual([
      { congestionControl: 'bbr', dscp: 46, kernelPriority: 6 },
      { congestionControl: 'cubic', dscp: 0, kernelPriority: 0 },
      { congestionControl: 'reno', scavenger: SCAVENGER, dscp: 1, kernelPriority: 2 },
    ]);
  });

  it('keeps the baseline where a column is off, and where no preference can be had', () => {
    const same = { congestionControl: 'cubic' };
    expect(classProfiles(POLICY, [], PLATFORM, 'cubic')).toEqual([same, same, same]);
    expect(classProfiles(POLICY, ['queue'], PLATFORM, '')).toEqual([{}, {}, {}]);
    expect(classProfiles(POLICY, ['mark'], PLATFORM, '')[0]).toEqual({ dscp: 46, kernelPriority: 6 });
  });

  it('leaves the scavenger out without pacing, and everything out without socket options', () => {
    expect(classProfiles(POLICY, ['transport'], { ...PLATFORM, pacing: false }, '')[2]).toEqual({
      congestionControl: 'reno',
    });
    expect(
      classProfiles(POLICY, ['transport', 'mark'], { ...PLATFORM, socketOptions: false }, 'cubic'),
    ).toEqual([{}, {}, {}]);
  });
});

describe('kernelPriorityFor', () => {
  it.each([
    [46, 6],
    [34, 6],
    [32, 6],
    [26, 0],
    [0, 0],
    [8, 2],
    [1, 2],
  ])('DSCP %i has priority %i', (dscp, priority) => {
    expect(kernelPriorityFor(dscp)).toBe(priority);
  });
});

describe('the transport layer', () => {
  it('says what each class gets, and each fallback', () => {
    const plan = transportLayer.plan(POLICY, PLATFORM, SITE);
    expect(plan).toMatchObject({ layer: 'transport', served: true });
    expect(plan.summary).toBe('interactive bbr, default cubic, batch reno as scavenger with 10 ms');
    expect(plan.limitations.map(({ what, instead }) => [what, instead])).toEqual([
      ['class default: congestion control cubic', 'cubic'],
      ['class batch: congestion control ledbat', 'reno'],
    ]);
    expect(plan.steps).toHaveLength(4);
  });

  it('names the missing scavenger', () => {
    const plan = transportLayer.plan(POLICY, { ...PLATFORM, pacing: false }, SITE);
    expect(plan.limitations.at(-1)).toMatchObject({
      what: 'class batch: scavenger',
      instead: 'reno without pacing',
    });
  });

  it('is not served without socket options, and says so', () => {
    const plan = transportLayer.plan(POLICY, { ...PLATFORM, socketOptions: false }, SITE);
    expect(plan).toMatchObject({ served: false, steps: [] });
    expect(plan.limitations[0]?.why).toMatch(/^transport and mark columns can't be served: /);
  });

  it('has nothing to do at a node and nothing to take back', async () => {
    const plan = transportLayer.plan(POLICY, PLATFORM, SITE);
    const undo = await transportLayer.apply(plan, {
      execOn: () => {
        throw new Error('no command belongs to this layer');
      },
      signal: new AbortController().signal,
    });
    await undo();
    await undo();
  });
});
