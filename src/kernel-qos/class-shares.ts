import type { BottleneckPort, Limitation, Policy, RequestClass } from '../core/index.ts';
import { PriomeshError } from '../core/index.ts';
import { BASELINE_CLASS, UNMARKED_CLASS } from './port-plan.ts';
import { shareBps } from './shaping.ts';

/** What the unmarked traffic of a port is guaranteed, so that ARP and neighbour discovery pass whatever the classes do. */
const UNMARKED_SHARE_PERCENT = 1;

/** HTB has eight priorities (TC_HTB_NUMPRIO in linux/pkt_sched.h). */
const HTB_PRIORITIES = 8;

/** What a class of traffic gets of a port, before any qdisc is chosen. */
export interface ClassShare {
  readonly className: string;
  /** Absent where the class receives no packets by a filter. */
  readonly dscp?: number;
  /** The marks by which its packets take other network paths; they are treated alike. */
  readonly alternateDscp: readonly number[];
  readonly guaranteedBps: number;
  readonly ceilingBps: number;
  /** Order of borrowing: 0 first, 7 last. */
  readonly prio: number;
}

/** The shares of a policy's classes at a port, by rank, with the unmarked last. */
export interface ClassShares {
  readonly shares: readonly ClassShare[];
  readonly limitations: readonly Limitation[];
}

function refuseReserved(policy: Policy): void {
  for (const { name } of policy.classes) {
    if (name === UNMARKED_CLASS || name === BASELINE_CLASS) {
      throw new PriomeshError('CONFIG_CONFLICT', `a class of policy ${policy.name} is called "${name}"`, {
        fix: `Rename it: at a port, "${UNMARKED_CLASS}" and "${BASELINE_CLASS}" name other things.`,
      });
    }
  }
}

function sharedMark(one: RequestClass, first: RequestClass): Limitation {
  return {
    what: `class ${one.name} told apart at the port`,
    why: `it has the same mark as ${first.name} (DSCP ${one.mark.dscp})`,
    instead: `its packets are treated as those of ${first.name}`,
  };
}

/** Takes what the smallest rate of many small shares is too much on a slow link from the largest share. */
function withinLink(shares: readonly ClassShare[], rateBps: number): readonly ClassShare[] {
  const excess = shares.reduce((sum, share) => sum + share.guaranteedBps, 0) - rateBps;
  if (excess <= 0) return shares;
  const largest = Math.max(...shares.map((share) => share.guaranteedBps));
  const at = shares.findIndex((share) => share.guaranteedBps === largest);
  return shares.map((share, index) => {
    if (index !== at) return share;
    const guaranteedBps = share.guaranteedBps - Math.ceil(excess / 8) * 8;
    const ceilingBps = share.ceilingBps === share.guaranteedBps ? guaranteedBps : share.ceilingBps;
    return { ...share, guaranteedBps, ceilingBps };
  });
}

/**
 * Turns the kernel column into rates. Each class is guaranteed its share of the link; where the shares add up to more
 * than 99 % all are scaled alike, because 1 % belongs to the unmarked. The guarantees never add up to more than the
 * link: HTB lets a class that stays within its guarantee send whatever its parent has left.
 */
export function classShares(policy: Policy, port: BottleneckPort): ClassShares {
  refuseReserved(policy);
  const limitations: Limitation[] = [];
  const total = policy.classes.reduce((sum, each) => sum + each.kernel.sharePercent, 0);
  const scale = Math.min(1, (100 - UNMARKED_SHARE_PERCENT) / Math.max(total, 1));
  const byDscp = new Map<number, RequestClass>();
  const shares = policy.classes.map((each, index): ClassShare => {
    const first = byDscp.get(each.mark.dscp);
    if (first === undefined) byDscp.set(each.mark.dscp, each);
    else limitations.push(sharedMark(each, first));
    const guaranteedBps = shareBps(port.rateBps, each.kernel.sharePercent * scale);
    return {
      className: each.name,
      ...(first === undefined ? { dscp: each.mark.dscp } : {}),
      alternateDscp: each.network.alternateDscp,
      guaranteedBps,
      ceilingBps: each.kernel.mayBorrow ? port.rateBps : guaranteedBps,
      prio: Math.min(index, HTB_PRIORITIES - 1),
    };
  });
  if (policy.classes.length > HTB_PRIORITIES) {
    limitations.push({
      what: `an order of borrowing among ${policy.classes.length} classes`,
      why: `HTB has ${HTB_PRIORITIES} priorities`,
      instead: `class ${HTB_PRIORITIES} and those after it take turns`,
    });
  }
  const defaultIndex = policy.classes.findIndex((each) => each.name === policy.ingress.defaultClass);
  shares.push({
    className: UNMARKED_CLASS,
    alternateDscp: [],
    guaranteedBps: shareBps(port.rateBps, UNMARKED_SHARE_PERCENT),
    ceilingBps: port.rateBps,
    prio: Math.min(defaultIndex < 0 ? policy.classes.length : defaultIndex, HTB_PRIORITIES - 1),
  });
  return { shares: withinLink(shares, port.rateBps), limitations };
}
