import { type Exec, messageOf } from '../core/index.ts';
import {
  type Candidate,
  FILTER_CANDIDATES,
  INGRESS_CANDIDATES,
  NFT_CANDIDATES,
  QDISC_CANDIDATES,
  SCRATCH,
} from './probe-candidates.ts';
import { REFLECT_TOS_ON, REFLECT_TOS_READ } from './reflect-tos.ts';
import type { Argv } from './tc-commands.ts';

/** A capability that was tried and is not there. */
export interface Missing {
  readonly name: string;
  readonly why: string;
}

/** What was found by trying. */
export interface KernelFindings {
  readonly qdiscs: readonly string[];
  /** Filters of tc, and `nft` and `nft-egress` for the hooks of nftables. */
  readonly filters: readonly string[];
  /** Whether tc(8) may change an interface. */
  readonly trafficControl: boolean;
  /** Whether net.ipv4.tcp_reflect_tos can be set. */
  readonly reflectTos: boolean;
  readonly missing: readonly Missing[];
}

/** The first line in which a tool says why; tc and nft say the cause first. */
function firstLine(stderr: string): string {
  return (
    stderr
      .trim()
      .split('\n')[0]
      ?.replace(/^Error: /, '') || 'refused without a reason'
  );
}

async function attempt(exec: Exec, argv: Argv): Promise<string | undefined> {
  try {
    const result = await exec.run(argv, { timeoutMs: 5_000 });
    return result.exitCode === 0 ? undefined : firstLine(result.stderr);
  } catch (error) {
    return messageOf(error);
  }
}

async function makeScratch(exec: Exec): Promise<string | undefined> {
  const { device, peer } = SCRATCH;
  const veth = await attempt(exec, ['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', peer]);
  if (veth === undefined) return undefined;
  const dummy = await attempt(exec, ['ip', 'link', 'add', device, 'type', 'dummy']);
  return dummy === undefined ? undefined : `no scratch interface: ${veth}; ${dummy}`;
}

/**
 * Tries each candidate on a scratch interface. To be run in a network namespace that is thrown away afterwards: it
 * makes interfaces, qdiscs, tables and settings, and leaves their removal to the namespace's end.
 */
export async function probeInside(exec: Exec): Promise<KernelFindings> {
  const missing: Missing[] = [];
  const qdiscs: string[] = [];
  const filters: string[] = [];
  const note = (list: string[], { name }: Candidate, why: string | undefined): void => {
    if (why === undefined) list.push(name);
    else missing.push({ name, why });
  };
  const noScratch = await makeScratch(exec);
  if (noScratch !== undefined) {
    return {
      qdiscs,
      filters,
      trafficControl: false,
      reflectTos: false,
      missing: [{ name: 'tc', why: noScratch }],
    };
  }
  const root = ['dev', SCRATCH.device, 'root'] as const;
  for (const candidate of QDISC_CANDIDATES) {
    const why = await attempt(exec, candidate.argv);
    note(qdiscs, candidate, why);
    if (why === undefined) await attempt(exec, ['tc', 'qdisc', 'del', ...root]);
  }
  for (const candidate of INGRESS_CANDIDATES) note(qdiscs, candidate, await attempt(exec, candidate.argv));
  const classful = ['htb', 'prio', 'drr', 'hfsc'].find((name) => qdiscs.includes(name));
  if (classful !== undefined) await attempt(exec, ['tc', 'qdisc', 'add', ...root, 'handle', '1:', classful]);
  for (const candidate of FILTER_CANDIDATES) note(filters, candidate, await attempt(exec, candidate.argv));
  for (const candidate of NFT_CANDIDATES) {
    note(filters, candidate, (await attempt(exec, candidate.table)) ?? (await attempt(exec, candidate.argv)));
  }
  const reflect = (await attempt(exec, REFLECT_TOS_READ)) ?? (await attempt(exec, REFLECT_TOS_ON));
  if (reflect !== undefined) missing.push({ name: 'tcp_reflect_tos', why: reflect });
  return { qdiscs, filters, trafficControl: qdiscs.length > 0, reflectTos: reflect === undefined, missing };
}
