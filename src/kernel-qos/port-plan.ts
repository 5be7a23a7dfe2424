import type { BottleneckPort, Limitation, PlanStep } from '../core/index.ts';
import type { NftRule } from './nft.ts';
import type { TcObject } from './tc-commands.ts';
import { makeArgv, removeArgv } from './tc-commands.ts';

/** The name under which {@link ClassStatistics} are kept of what matches no class of the policy: ARP, LLDP, IP of another DSCP. */
export const UNMARKED_CLASS = 'unmarked';
/** The name under which the one queue of a baseline is counted. */
export const BASELINE_CLASS = 'all';

/** A class of traffic at a port, and the queue that holds it. */
export interface PortClass {
  /** The policy's name of it, {@link UNMARKED_CLASS} or {@link BASELINE_CLASS}. */
  readonly className: string;
  /** The class of the tree. */
  readonly classid: string;
  /** The handle of the qdisc in which its packets wait. */
  readonly leafHandle: string;
  readonly dscp?: number;
  /** Further marks of its packets, by which they take other network paths. */
  readonly alternateDscp?: readonly number[];
  readonly guaranteedBps: number;
  readonly ceilingBps: number;
}

/** Every mark, and the class of the tree that its packets wait in: the classes' own marks first, then those of other network paths. */
export function markedClasses(
  classes: readonly PortClass[],
): readonly { readonly dscp: number; readonly classid: string }[] {
  return [
    ...classes.flatMap(({ classid, dscp }) => (dscp === undefined ? [] : [{ classid, dscp }])),
    ...classes.flatMap(({ classid, alternateDscp = [] }) => alternateDscp.map((dscp) => ({ classid, dscp }))),
  ];
}

/** A step with the command and its exact undo. */
export interface CommandStep extends PlanStep {
  readonly command: readonly [string, ...string[]];
  readonly undo: readonly [string, ...string[]];
}

/** What would stand at a port: a pure value. */
export interface PortPlan {
  readonly port: BottleneckPort;
  /** The strategy's name; `none` when nothing can be done here. */
  readonly strategy: string;
  readonly summary: string;
  /** The policy's classes by rank, then the unmarked; or the baseline's one. */
  readonly classes: readonly PortClass[];
  /** What tc is asked for: what `verify` compares with. */
  readonly objects: readonly TcObject[];
  /** nft rules that sort packets into the classes, where no tc filter does. */
  readonly nftRules: readonly NftRule[];
  readonly steps: readonly CommandStep[];
  readonly limitations: readonly Limitation[];
  readonly served: boolean;
}

function words(object: TcObject): string {
  switch (object.type) {
    case 'qdisc':
      return `${object.spec.kind} at ${object.parent} of ${object.device}`;
    case 'class':
      return `class ${object.classid}: ${object.rateBps} bit/s guaranteed, ${object.ceilBps} bit/s at most, priority ${object.prio}`;
    case 'filter':
      return `${object.protocol === 'ip' ? 'IPv4' : 'IPv6'} packets of DSCP ${object.dscp} go to ${object.classid}`;
  }
}

/** The steps that create tc objects in the order given. */
export function stepsOf(port: BottleneckPort, objects: readonly TcObject[]): CommandStep[] {
  return objects.map((object) => ({
    what: words(object),
    where: port.node,
    command: makeArgv(object),
    undo: removeArgv(object),
  }));
}
