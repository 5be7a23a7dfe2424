import type { BottleneckPort, Limitation, Platform } from '../../core/index.ts';
import type { ClassShare } from '../class-shares.ts';
import type { Tree } from '../htb-tree.ts';
import type { NftRule } from '../nft.ts';
import type { CommandStep } from '../port-plan.ts';

/** What a strategy makes of the classes' shares at a port. */
export interface StrategyPlan extends Tree {
  readonly nftRules: readonly NftRule[];
  /** Steps beside those that the tree's objects stand for; they come last. */
  readonly furtherSteps: readonly CommandStep[];
  readonly limitations: readonly Limitation[];
}

/** One way to serve the kernel column. A new one is one file and one line in the list. */
export interface Strategy {
  readonly name: string;
  /** In a few words, for people. */
  readonly what: string;
  /** The capabilities that it needs and this platform lacks; it can be used when there is none. */
  missing(platform: Platform): readonly string[];
  plan(platform: Platform, port: BottleneckPort, shares: readonly ClassShare[]): StrategyPlan;
}

/** The names that are in neither list of the platform. */
export function lacking(platform: Platform, qdiscs: readonly string[], filters: readonly string[]): string[] {
  return [
    ...qdiscs.filter((name) => !platform.qdiscs.includes(name)).map((name) => `qdisc ${name}`),
    ...filters.filter((name) => !platform.filters.includes(name)).map((name) => `filter ${name}`),
  ];
}
