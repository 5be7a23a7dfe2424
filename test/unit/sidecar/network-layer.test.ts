import { describe, expect, it } from 'vitest';
import type { NetworkDecision, Platform, Policy, Reaction, Site } from '../../../src/core/index.ts';
import { networkLayer } from '../../../src/sidecar/index.ts';
import { caseStudy, platformOf } from '../kernel-qos/fixture.ts';

const PLACE = { file: 'test', line: 1, column: 1 };
const SITE: Site = { ports: [], sidecarNodes: ['left1'], baselineCongestionControl: 'cubic' };

function reaction(
  decide: NetworkDecision,
  owner: Reaction['owner'],
  classes: readonly string[],
  sharePercent = 25,
): Reaction {
  return { decide, owner, classes, sharePercent, maxDurationMs: 2000, place: PLACE };
}

/** Batch leaves first; interactive stays where it has gone. */
function policyWith(...reactions: readonly Reaction[]): Policy {
  return {
    ...caseStudy,
    network: { ...caseStudy.network, reactions },
    classes: caseStudy.classes.map((one, index) => ({
      ...one,
      network: {
        path: index === 0 ? 'least-congested' : 'default',
        moveOrder: 1 - index,
        alternateDscp: [3 + 4 * index],
      },
    })),
  };
}

const plan = (policy: Policy, platform: Platform = platformOf([], [])) =>
  networkLayer.plan(policy, platform, SITE);

describe('the plan of the network layer', () => {
  it('says who decides what, and by which marks', () => {
    const both = policyWith(
      reaction('path', 'sidecar', ['interactive', 'batch']),
      reaction('replica', 'sidecar', ['interactive']),
      reaction('admission', 'sidecar', ['batch']),
    );
    const { layer, served, summary, steps, limitations } = plan(both);
    expect([layer, served, limitations]).toEqual(['network', true, []]);
    expect(summary).toBe(
      'path of interactive, batch by the sidecars; replica of interactive by the sidecars; admission of batch by the sidecars; a path is congested from level 0.7 on (1 is 20 ms of queueing)',
    );
    expect(steps.map(({ where, what }) => `${where}: ${what}`)).toEqual([
      'sidecar: batch leaves a congested path first: its connections, open ones too, get DSCP 7 for path 2; it goes back when the first path has been calm for 5000 ms',
      'sidecar: interactive leaves a congested path in step 2: its connections, open ones too, get DSCP 3 for path 2; it stays where it is when it is calm there',
      'sidecar: requests of interactive go to endpoints that are healthy and whose path is not congested, where there is one',
      'sidecar: when no other path helps, at most 25 % of the concurrency limit for batch, for 2000 ms at most, where the layer queue is on',
    ]);
  });

  it('names the controller where it decides, and what it cannot tell apart', () => {
    const steered = policyWith(reaction('path', 'controller', ['interactive']));
    expect(plan(steered).steps).toEqual([
      {
        where: 'controller',
        what: 'packets with the mark of interactive (DSCP 46) leave a congested path first; the class stays where it is when it is calm there',
      },
    ]);
    const alike = {
      ...steered,
      classes: steered.classes.map((one) => ({ ...one, mark: { dscp: 46, dscpName: 'EF' } })),
    };
    expect(plan(alike).limitations).toEqual([
      {
        what: 'a path of its own for interactive',
        why: 'batch has the same mark (DSCP EF), and the controller sees nothing else',
        instead: 'they move together',
      },
    ]);
  });

  it('is not served where packets cannot be marked, but for what needs no marks', () => {
    const unmarked = { ...platformOf([], []), socketOptions: false };
    for (const owner of ['sidecar', 'controller'] as const) {
      const paths = plan(policyWith(reaction('path', owner, ['batch'])), unmarked);
      expect([paths.served, paths.steps]).toEqual([false, []]);
      expect(paths.limitations.map(({ instead }) => instead)).toEqual(['all packets take the default path']);
    }
    const replicas = plan(
      policyWith(reaction('path', 'sidecar', ['batch']), reaction('replica', 'sidecar', ['batch'])),
      unmarked,
    );
    expect([replicas.served, replicas.steps.length, replicas.limitations.length]).toEqual([true, 1, 1]);
  });

  it('says which class has no mark for another path', () => {
    const policy = policyWith(reaction('path', 'sidecar', ['interactive', 'batch']));
    const bare = {
      ...policy,
      classes: policy.classes.map((one) =>
        one.name === 'batch' ? { ...one, network: { ...one.network, alternateDscp: [] } } : one,
      ),
    };
    expect(plan(bare).limitations.map(({ what }) => what)).toEqual(['another path for batch']);
    expect(plan(bare).steps).toHaveLength(1);
  });

  it('has nothing to apply and nothing to undo', async () => {
    const undo = await networkLayer.apply(plan(policyWith()), {
      execOn: () => {
        throw new Error('nothing is to be run');
      },
      signal: new AbortController().signal,
    });
    await undo();
    expect(plan(policyWith()).served).toBe(false);
  });
});
