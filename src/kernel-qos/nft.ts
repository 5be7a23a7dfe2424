import { PriomeshError } from '../core/index.ts';
import type { Argv } from './tc-commands.ts';

/** A table of ours with one base chain: it is made whole and removed whole, and touches no other table. */
export interface NftTable {
  /** `netdev` sees whatever leaves a device, Open vSwitch's userspace datapath included; `inet` sees what IP sends. */
  readonly family: 'netdev' | 'inet';
  readonly name: string;
  readonly chain: string;
  readonly hook: 'egress' | 'postrouting' | 'output';
  /** The device that an egress chain is bound to. */
  readonly device?: string;
}

/** A rule of ours: from DSCP to a tc class, or from a socket's SO_MARK to DSCP. */
export type NftRule =
  | {
      readonly does: 'classify';
      readonly table: NftTable;
      readonly protocol: 'ip' | 'ip6';
      readonly dscp: number;
      readonly classid: string;
      /** Only packets that leave here; in `inet` tables. */
      readonly device?: string;
    }
  | {
      readonly does: 'mark';
      readonly table: NftTable;
      readonly protocol: 'ip' | 'ip6';
      readonly socketMark: number;
      readonly dscp: number;
    };

/** -150, nftables' "mangle": after connection tracking, before NAT and filters. */
const MANGLE_PRIORITY = -150;

/** A table name for a device: letters, digits and underscores only, and distinct for distinct devices. */
export function tableNameFor(device: string): string {
  const safe = device.replace(/[^A-Za-z0-9]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
  return `priomesh_${safe}`;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Creates the table. Its undo removes the table with all that is in it. */
export function addTableArgv(table: NftTable): Argv {
  return ['nft', 'add', 'table', table.family, table.name];
}

/** Removes the table. */
export function deleteTableArgv(table: NftTable): Argv {
  return ['nft', 'delete', 'table', table.family, table.name];
}

/** Creates the base chain. The braces and the semicolon are nft's own words, each an argument of its own. */
export function addChainArgv(table: NftTable): Argv {
  const bound = table.device === undefined ? [] : ['device', table.device];
  return [
    ...(['nft', 'add', 'chain', table.family, table.name, table.chain, '{'] as const),
    ...['type', 'filter', 'hook', table.hook, ...bound],
    ...['priority', String(table.hook === 'egress' ? 0 : MANGLE_PRIORITY), ';', '}'],
  ];
}

/** Removes the base chain, which must be empty. */
export function deleteChainArgv(table: NftTable): Argv {
  return ['nft', 'delete', 'chain', table.family, table.name, table.chain];
}

/** Empties the chain: the undo of a rule, because nft removes single rules only by a number that the kernel chooses. */
export function flushChainArgv(table: NftTable): Argv {
  return ['nft', 'flush', 'chain', table.family, table.name, table.chain];
}

/** Appends a rule. */
export function addRuleArgv(rule: NftRule): Argv {
  const { table } = rule;
  const start = ['nft', 'add', 'rule', table.family, table.name, table.chain] as const;
  if (rule.does === 'classify') {
    const leaving = rule.device === undefined ? [] : ['oifname', rule.device];
    return [
      ...start,
      ...leaving,
      ...[rule.protocol, 'dscp', hex(rule.dscp), 'meta', 'priority', 'set', rule.classid],
    ];
  }
  const family = ['meta', 'nfproto', rule.protocol === 'ip' ? 'ipv4' : 'ipv6'];
  return [
    ...start,
    ...family,
    ...['meta', 'mark', hex(rule.socketMark), rule.protocol, 'dscp', 'set', hex(rule.dscp)],
  ];
}

/** Lists a table as JSON. */
export function listTableArgv(table: NftTable): Argv {
  return ['nft', '-j', 'list', 'table', table.family, table.name];
}

/** DSCP values that nft prints by name (RFC 2474, 2597, 3246, 5865, 8622). */
const NFT_DSCP_NAMES: Readonly<Record<string, number>> = {
  df: 0,
  be: 0,
  le: 1,
  lephb: 1,
  va: 44,
  ef: 46,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`cs${index}`, index * 8])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((group) => [1, 2, 3].map((drop) => [`af${group}${drop}`, group * 8 + drop * 2])),
  ),
};

function dscpOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? NFT_DSCP_NAMES[value] : undefined;
}

/** A rule as it was read back: the fields that a rule of ours has. */
export interface NftRuleReadback {
  readonly protocol: string | undefined;
  readonly dscp: number | undefined;
  readonly classid: string | undefined;
  readonly device: string | undefined;
  readonly socketMark: number | undefined;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) at = isObject(at) ? at[name] : undefined;
  return at;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const count = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

function readRule(expressions: readonly unknown[]): NftRuleReadback {
  let protocol: string | undefined;
  let dscp: number | undefined;
  let classid: string | undefined;
  let device: string | undefined;
  let socketMark: number | undefined;
  for (const expression of expressions) {
    const left = member(expression, 'match', 'left');
    const right = member(expression, 'match', 'right');
    if (member(left, 'payload', 'field') === 'dscp') {
      protocol = text(member(left, 'payload', 'protocol'));
      dscp = dscpOf(right);
    }
    if (member(left, 'meta', 'key') === 'oifname') device = text(right);
    if (member(left, 'meta', 'key') === 'mark') socketMark = count(right);
    const key = member(expression, 'mangle', 'key');
    const value = member(expression, 'mangle', 'value');
    if (member(key, 'meta', 'key') === 'priority') classid = text(value);
    if (member(key, 'payload', 'field') === 'dscp') {
      protocol = text(member(key, 'payload', 'protocol'));
      dscp = dscpOf(value);
    }
  }
  return { protocol, dscp, classid, device, socketMark };
}

/** Reads what `nft -j list table` printed. Throws COMMAND_FAILED on output that is not nft's JSON. */
export function parseNftRules(output: string): NftRuleReadback[] {
  let list: unknown;
  try {
    list = member(JSON.parse(output), 'nftables');
  } catch (error) {
    throw new PriomeshError('COMMAND_FAILED', 'nft printed something that is not JSON', { cause: error });
  }
  if (!Array.isArray(list)) throw new PriomeshError('COMMAND_FAILED', 'nft printed no list of objects');
  const rules: NftRuleReadback[] = [];
  for (const entry of list) {
    const expressions = member(entry, 'rule', 'expr');
    if (Array.isArray(expressions)) rules.push(readRule(expressions));
  }
  return rules;
}
