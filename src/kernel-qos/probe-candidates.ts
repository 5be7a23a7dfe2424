import { addChainArgv, addTableArgv, type NftTable } from './nft.ts';
import type { Argv } from './tc-commands.ts';

/** Something that the kernel may have, and the command that only works where it does. */
export interface Candidate {
  readonly name: string;
  readonly argv: Argv;
}

/** The two ends of the scratch link. */
export const SCRATCH = { device: 'probe0', peer: 'probe1' } as const;

const { device } = SCRATCH;

const qdisc = (name: string, ...parameters: readonly string[]): Candidate => ({
  name,
  argv: ['tc', 'qdisc', 'add', 'dev', device, 'root', 'handle', '1:', name, ...parameters],
});

const filter = (name: string, ...parameters: readonly string[]): Candidate => ({
  name,
  argv: ['tc', 'filter', 'add', 'dev', device, 'parent', '1:', 'protocol', 'ip', ...parameters],
});

/** Queueing disciplines, each tried alone as the root of the scratch interface. */
export const QDISC_CANDIDATES: readonly Candidate[] = [
  qdisc('htb'),
  qdisc('tbf', 'rate', '1mbit', 'burst', '10k', 'limit', '100k'),
  qdisc('prio'),
  qdisc('ets', 'bands', '3'),
  qdisc('fq_codel'),
  qdisc('fq'),
  qdisc('cake'),
  qdisc('codel'),
  qdisc('sfq'),
  qdisc('drr'),
  qdisc('hfsc'),
  qdisc('pfifo', 'limit', '100'),
  qdisc('bfifo', 'limit', '100k'),
  qdisc('pfifo_fast'),
  qdisc('netem', 'delay', '1ms'),
];

/** Qdiscs of the way in, tried beside a root. */
export const INGRESS_CANDIDATES: readonly Candidate[] = [
  { name: 'clsact', argv: ['tc', 'qdisc', 'add', 'dev', device, 'clsact'] },
];

/** Filters, each tried at a classful root. `cls_bpf` is tried with a classic program that accepts all. */
export const FILTER_CANDIDATES: readonly Candidate[] = [
  filter('u32', 'u32', 'match', 'ip', 'dsfield', '0xb8', '0xfc', 'flowid', '1:1'),
  filter('flower', 'flower', 'ip_tos', '0xb8/0xfc', 'classid', '1:1'),
  filter('fw', 'handle', '1', 'fw', 'classid', '1:1'),
  filter('matchall', 'matchall', 'classid', '1:1'),
  filter('cls_bpf', 'bpf', 'bytecode', '1,6 0 0 4294967295', 'flowid', '1:1'),
];

const EGRESS: NftTable = { family: 'netdev', name: 'probe', chain: 'egress', hook: 'egress', device };
const POSTROUTING: NftTable = { family: 'inet', name: 'probe', chain: 'postrouting', hook: 'postrouting' };

/** Hooks of nftables at which packets can be sorted; the table is made first. */
export const NFT_CANDIDATES: readonly (Candidate & { readonly table: Argv })[] = [
  { name: 'nft-egress', table: addTableArgv(EGRESS), argv: addChainArgv(EGRESS) },
  { name: 'nft', table: addTableArgv(POSTROUTING), argv: addChainArgv(POSTROUTING) },
];
