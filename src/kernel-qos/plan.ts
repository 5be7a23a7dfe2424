import type { BottleneckPort, Limitation, Platform, Policy } from '../core/index.ts';
import { PriomeshError } from '../core/index.ts';
import { classShares } from './class-shares.ts';
import { htbTree, leafLimitations } from './htb-tree.ts';
import { BASELINE_CLASS, type PortPlan, stepsOf } from './port-plan.ts';
import { STRATEGIES, type Strategy } from './strategies/index.ts';

/** How a port is planned. */
export interface PlanOptions {
  /** Use this strategy ({@link STRATEGIES}) instead of the best available one. */
  readonly strategy?: string;
  /**
   * `best`, the default: each class waits in fq_codel where the kernel has it. `fifo`: each waits in a plain FIFO, as all do in
   * {@link planBaselinePort}, so that a comparison of the two shows the classes and not fq_codel, on every kernel alike.
   */
  readonly leaves?: 'best' | 'fifo';
}

const megabits = (rateBps: number): string => `${rateBps / 1e6} Mbit/s`;

function nothing(port: BottleneckPort, why: string): PortPlan {
  const limitation: Limitation = {
    what: `classes at ${port.label}`,
    why,
    instead: 'packets of all classes are treated alike there',
  };
  return {
    port,
    strategy: 'none',
    summary: `${port.device}: nothing (${why})`,
    classes: [],
    objects: [],
    nftRules: [],
    steps: [],
    limitations: [limitation],
    served: false,
  };
}

function named(name: string, platform: Platform): Strategy {
  const strategy = STRATEGIES.find((each) => each.name === name);
  if (strategy === undefined) {
    const names = STRATEGIES.map((each) => each.name).join(', ');
    throw new PriomeshError('USAGE', `there is no kernel strategy "${name}"`, {
      fix: `Use one of: ${names}.`,
    });
  }
  const missing = strategy.missing(platform);
  if (missing.length > 0) {
    throw new PriomeshError(
      'PLATFORM_MISSING',
      `the kernel strategy ${name} needs ${missing.join(', ')}, which this kernel lacks`,
      { fix: 'Leave the strategy open; the best available one is chosen.' },
    );
  }
  return strategy;
}

/**
 * Plans the classes of a policy at a port. Pure: the same arguments give the same plan. Where the platform has no way to
 * serve the column the plan is not `served`, has no steps and says why.
 * Throws PLATFORM_MISSING when a strategy is demanded that the platform cannot serve, and CONFIG_CONFLICT when a class
 * has a reserved name.
 */
export function planPort(
  policy: Policy,
  platform: Platform,
  port: BottleneckPort,
  options: PlanOptions = {},
): PortPlan {
  const { shares, limitations } = classShares(policy, port);
  if (!platform.trafficControl) return nothing(port, 'this user may not change queueing disciplines here');
  const strategy =
    options.strategy === undefined
      ? STRATEGIES.find((each) => each.missing(platform).length === 0)
      : named(options.strategy, platform);
  if (strategy === undefined) {
    const wanted = STRATEGIES.map((each) => `${each.name}: ${each.missing(platform).join(', ')}`).join('; ');
    return nothing(port, `the kernel lacks what each strategy needs (${wanted})`);
  }
  const fifo = options.leaves === 'fifo';
  const usable = fifo
    ? { ...platform, qdiscs: platform.qdiscs.filter((name) => name !== 'fq_codel') }
    : platform;
  const plan = strategy.plan(usable, port, shares);
  return {
    port,
    strategy: strategy.name,
    summary: `${port.device}: ${megabits(port.rateBps)} in ${plan.classes.length} classes; ${strategy.what}`,
    classes: plan.classes,
    objects: plan.objects,
    nftRules: plan.nftRules,
    steps: [...stepsOf(port, plan.objects), ...plan.furtherSteps],
    limitations: [...limitations, ...(fifo ? [] : leafLimitations(platform, port)), ...plan.limitations],
    served: true,
  };
}

/**
 * Plans what stands at a port when no class is told apart: the same shaper at the same rate with the same burst, and one
 * FIFO of the port's length for everything. What differs from {@link planPort} with `leaves: 'fifo'` is the classes alone.
 */
export function planBaselinePort(port: BottleneckPort): PortPlan {
  const { rateBps, queuePackets } = port;
  const share = {
    className: BASELINE_CLASS,
    alternateDscp: [],
    guaranteedBps: rateBps,
    ceilingBps: rateBps,
    prio: 0,
  };
  const tree = htbTree(port, [share], () => ({ kind: 'pfifo', limitPackets: queuePackets }));
  return {
    port,
    strategy: 'baseline',
    summary: `${port.device}: ${megabits(rateBps)}, one FIFO of ${queuePackets} packets for all`,
    classes: tree.classes,
    objects: tree.objects,
    nftRules: [],
    steps: stepsOf(port, tree.objects),
    limitations: [],
    served: true,
  };
}
