import type { BottleneckPort, Limitation, Platform } from '../core/index.ts';
import type { ClassShare } from './class-shares.ts';
import { markedClasses, type PortClass } from './port-plan.ts';
import { burstBytes, codelTimes, FRAME_BYTES, quantumBytes } from './shaping.ts';
import type { DscpFilterObject, QdiscSpec, TcObject } from './tc-commands.ts';
import { classId, handleId } from './tc-commands.ts';

/** The major number of our root qdisc. */
export const ROOT_MAJOR = 1;
/** The minor number of the class of rank 0; the others follow it. */
const FIRST_MINOR = 0x10;
/** The minor number of the class that holds the link's rate. */
const LINK_MINOR = 1;
/** Filters are tried in the order of this number; each has its own, so that each can be removed alone. */
const FIRST_PREF = 10;

/** A tree, and which class of traffic is where in it. */
export interface Tree {
  readonly objects: readonly TcObject[];
  readonly classes: readonly PortClass[];
}

/** The queue of a class: fq_codel where the kernel has it, so that one flow of the class does not delay its others; else a plain FIFO of the port's length. */
export function leafSpec(platform: Platform, port: BottleneckPort, ceilingBps: number): QdiscSpec {
  if (!platform.qdiscs.includes('fq_codel')) return { kind: 'pfifo', limitPackets: port.queuePackets };
  return {
    kind: 'fq_codel',
    limitPackets: port.queuePackets,
    ...codelTimes(ceilingBps),
    quantumBytes: FRAME_BYTES,
  };
}

/** What is said where classes' queues are plain FIFOs. */
export function leafLimitations(platform: Platform, port: BottleneckPort): Limitation[] {
  if (platform.qdiscs.includes('fq_codel')) return [];
  return [
    {
      what: 'fair queueing and a bound on delay within a class (fq_codel)',
      why: 'this kernel has no fq_codel',
      instead: `each class waits in one FIFO (pfifo) of ${port.queuePackets} packets`,
    },
  ];
}

/** HTB: the root, one class with the link's rate, under it a class for each share with its own queue. The last share is where unmatched packets go. */
export function htbTree(
  port: BottleneckPort,
  shares: readonly ClassShare[],
  leafOf: (ceilingBps: number) => QdiscSpec,
): Tree {
  const { device, rateBps } = port;
  const root = handleId(ROOT_MAJOR);
  const link = classId(ROOT_MAJOR, LINK_MINOR);
  const objects: TcObject[] = [
    {
      type: 'qdisc',
      device,
      parent: 'root',
      handle: root,
      spec: { kind: 'htb', defaultMinor: FIRST_MINOR + shares.length - 1 },
    },
    {
      type: 'class',
      device,
      parent: root,
      classid: link,
      rateBps,
      ceilBps: rateBps,
      prio: 0,
      burstBytes: burstBytes(rateBps),
      cburstBytes: burstBytes(rateBps),
      quantumBytes: quantumBytes(rateBps),
    },
  ];
  const classes: PortClass[] = [];
  for (const [index, share] of shares.entries()) {
    const minor = FIRST_MINOR + index;
    const classid = classId(ROOT_MAJOR, minor);
    const leafHandle = handleId(minor);
    objects.push(
      {
        type: 'class',
        device,
        parent: link,
        classid,
        rateBps: share.guaranteedBps,
        ceilBps: share.ceilingBps,
        prio: share.prio,
        burstBytes: burstBytes(share.guaranteedBps),
        cburstBytes: burstBytes(share.ceilingBps),
        quantumBytes: quantumBytes(share.guaranteedBps),
      },
      { type: 'qdisc', device, parent: classid, handle: leafHandle, spec: leafOf(share.ceilingBps) },
    );
    classes.push({
      className: share.className,
      classid,
      leafHandle,
      guaranteedBps: share.guaranteedBps,
      ceilingBps: share.ceilingBps,
      ...(share.dscp === undefined ? {} : { dscp: share.dscp }),
      alternateDscp: share.alternateDscp,
    });
  }
  return { objects, classes };
}

/** Filters at a qdisc that sort IPv4 and IPv6 packets into the classes by DSCP. All else is left to the qdisc's default. */
export function dscpFilters(
  port: BottleneckPort,
  parent: string,
  kind: DscpFilterObject['kind'],
  classes: readonly PortClass[],
): DscpFilterObject[] {
  return markedClasses(classes).flatMap(({ classid, dscp }, index) =>
    (['ip', 'ipv6'] as const).map((protocol, offset) => ({
      type: 'filter' as const,
      device: port.device,
      parent,
      kind,
      protocol,
      pref: FIRST_PREF + 2 * index + offset,
      dscp,
      classid,
    })),
  );
}
