import type { BottleneckPort, Limitation, Policy } from '../core/index.ts';
import type { NftRule, NftTable } from './nft.ts';
import {
  addChainArgv,
  addRuleArgv,
  addTableArgv,
  deleteChainArgv,
  deleteTableArgv,
  flushChainArgv,
  tableNameFor,
} from './nft.ts';
import { type CommandStep, markedClasses, type PortClass } from './port-plan.ts';

/** A table of rules: pure data. */
export interface NftPlan {
  readonly table: NftTable;
  readonly rules: readonly NftRule[];
  readonly steps: readonly CommandStep[];
  readonly limitations: readonly Limitation[];
}

/** The first of the SO_MARK values that stand for classes: a class's value is this plus its index. */
const SOCKET_MARK_BASE = 0x70720000;

/** The SO_MARK (socket(7)) by which an application without a sidecar names the class of its packets to {@link planNftMarks}. */
export function socketMarkOf(classIndex: number): number {
  return SOCKET_MARK_BASE + classIndex;
}

const PROTOCOLS = ['ip', 'ip6'] as const;

function describe(rule: NftRule): string {
  const family = rule.protocol === 'ip' ? 'IPv4' : 'IPv6';
  return rule.does === 'classify'
    ? `${family} packets of DSCP ${rule.dscp} get the priority ${rule.classid}`
    : `${family} packets of sockets marked ${rule.socketMark} get DSCP ${rule.dscp}`;
}

function planTable(node: string, table: NftTable, rules: readonly NftRule[]): CommandStep[] {
  return [
    {
      what: `nft table ${table.name}`,
      where: node,
      command: addTableArgv(table),
      undo: deleteTableArgv(table),
    },
    {
      what: `nft chain at ${table.hook}${table.device === undefined ? '' : ` of ${table.device}`}`,
      where: node,
      command: addChainArgv(table),
      undo: deleteChainArgv(table),
    },
    ...rules.map((rule) => ({
      what: describe(rule),
      where: node,
      command: addRuleArgv(rule),
      undo: flushChainArgv(table),
    })),
  ];
}

/** Rules that sort a port's packets into tc classes by writing the class into `meta priority`, for kernels without tc filters. */
export function planNftClassification(
  port: BottleneckPort,
  family: NftTable['family'],
  classes: readonly PortClass[],
): NftPlan {
  const { device } = port;
  const table: NftTable = {
    family,
    name: tableNameFor(device),
    chain: 'classify',
    ...(family === 'netdev' ? { hook: 'egress' as const, device } : { hook: 'postrouting' as const }),
  };
  const rules = markedClasses(classes).flatMap(({ classid, dscp }): NftRule[] =>
    PROTOCOLS.map((protocol) => ({
      does: 'classify',
      table,
      protocol,
      dscp,
      classid,
      ...(family === 'inet' ? { device } : {}),
    })),
  );
  const limitations: Limitation[] =
    family === 'netdev'
      ? []
      : [
          {
            what: `classes for frames that a switch in user space sends through ${device}`,
            why: 'this kernel has no netdev egress hook, and the inet hook sees only what IP sends',
            instead: 'only packets that this node originates or routes are sorted; others are unmarked',
          },
        ];
  return { table, rules, steps: planTable(port.node, table, rules), limitations };
}

/**
 * Rules that give the packets of a node's sockets the DSCP of their class, for applications that have no sidecar: the
 * application (or whoever opens its sockets) sets SO_MARK to {@link socketMarkOf} the class.
 */
export function planNftMarks(policy: Policy, node: string): NftPlan {
  const table: NftTable = { family: 'inet', name: 'priomesh_marks', chain: 'stamp', hook: 'output' };
  const rules = policy.classes.flatMap((each, index): NftRule[] =>
    PROTOCOLS.map((protocol) => ({
      does: 'mark',
      table,
      protocol,
      socketMark: socketMarkOf(index),
      dscp: each.mark.dscp,
    })),
  );
  return {
    table,
    rules,
    steps: planTable(node, table, rules),
    limitations: [
      {
        what: 'marks on the packets of applications that do not set SO_MARK',
        why: 'SO_MARK needs CAP_NET_ADMIN or CAP_NET_RAW (socket(7)), and only the owner of a socket can set it',
        instead: 'their packets keep the DSCP that they have',
      },
    ],
  };
}
