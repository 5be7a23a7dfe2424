import type { BottleneckPort, Limitation, Platform } from '../core/index.ts';
import type { ClassShare } from './class-shares.ts';
import { dscpFilters, leafSpec, ROOT_MAJOR, type Tree } from './htb-tree.ts';
import type { PortClass } from './port-plan.ts';
import { burstBytes, FRAME_BYTES } from './shaping.ts';
import type { QdiscSpec, TcObject } from './tc-commands.ts';
import { classId, handleId } from './tc-commands.ts';

/** prio and ets have 16 bands at most (tc-prio(8), tc-ets(8)); one of them is for the unmarked. */
const BANDS_MAX = 16;
/** Socket priorities that a priomap has an entry for (TC_PRIO_MAX + 1). */
const PRIORITIES = 16;
const SCHEDULER_MAJOR = 2;
const FIRST_LEAF_MAJOR = 0x10;

/** A token bucket that holds the link's rate, with a scheduler of bands under it, flower filters, and a queue for each band. Unmatched packets go to the last band. */
export function bandedTree(
  platform: Platform,
  port: BottleneckPort,
  shares: readonly ClassShare[],
  schedulerOf: (priomap: readonly number[]) => QdiscSpec,
): Tree {
  const { device, rateBps } = port;
  const scheduler = handleId(SCHEDULER_MAJOR);
  const priomap = Array.from({ length: PRIORITIES }, () => shares.length - 1);
  const classes = shares.map(
    (share, index): PortClass => ({
      className: share.className,
      classid: classId(SCHEDULER_MAJOR, index + 1),
      leafHandle: handleId(FIRST_LEAF_MAJOR + index),
      guaranteedBps: share.guaranteedBps,
      ceilingBps: rateBps,
      ...(share.dscp === undefined ? {} : { dscp: share.dscp }),
      alternateDscp: share.alternateDscp,
    }),
  );
  const objects: TcObject[] = [
    {
      type: 'qdisc',
      device,
      parent: 'root',
      handle: handleId(ROOT_MAJOR),
      spec: {
        kind: 'tbf',
        rateBps,
        burstBytes: burstBytes(rateBps),
        limitBytes: port.queuePackets * FRAME_BYTES,
      },
    },
    { type: 'qdisc', device, parent: classId(ROOT_MAJOR, 1), handle: scheduler, spec: schedulerOf(priomap) },
    ...classes.map(
      (each): TcObject => ({
        type: 'qdisc',
        device,
        parent: each.classid,
        handle: each.leafHandle,
        spec: leafSpec(platform, port, rateBps),
      }),
    ),
    ...dscpFilters(port, scheduler, 'flower', classes),
  ];
  return { objects, classes };
}

/** The shares that get a band: all, or the most important ones and the unmarked where there are more than bands. */
export function bandsOf(shares: readonly ClassShare[]): readonly ClassShare[] {
  return shares.length <= BANDS_MAX ? shares : [...shares.slice(0, BANDS_MAX - 1), ...shares.slice(-1)];
}

/** What bands cannot do that HTB does. */
export function bandLimitations(shares: readonly ClassShare[], rateBps: number): Limitation[] {
  const bands = bandsOf(shares);
  const without = shares.filter((share) => !bands.includes(share)).map((share) => share.className);
  const ceilings = bands.filter((share) => share.ceilingBps < rateBps);
  return [
    ...without.map((className) => ({
      what: `a band for class ${className}`,
      why: `there are ${BANDS_MAX} bands at most, and this kernel has no htb`,
      instead: 'it is treated as unmarked',
    })),
    ...ceilings.map((share) => ({
      what: `a ceiling of ${share.ceilingBps} bit/s for class ${share.className}`,
      why: 'bands have no rates of their own, and this kernel has no htb',
      instead: 'the class may use what others leave',
    })),
  ];
}
