import { type Exec, mustRun, PriomeshError } from '../core/index.ts';
import { listTableArgv, type NftRule, type NftRuleReadback, parseNftRules } from './nft.ts';
import type { PortPlan } from './port-plan.ts';
import {
  DSCP_MASK,
  type DscpFilterObject,
  type HtbClassObject,
  type QdiscObject,
  type ShowRequest,
  type TcObject,
} from './tc-commands.ts';
import { type FilterReadback, type QdiscReadback, readTc, type TcReadback } from './tc-readback.ts';

/** tc prints rates with at least three digits; a difference within that is the printing's. */
const RATE_TOLERANCE = 1e-3;
/** Qdiscs of the way in, which no plan of ours touches. */
const INGRESS_KINDS = ['ingress', 'clsact'];

const differs = (planned: number, found: number | undefined): boolean =>
  found === undefined || Math.abs(found - planned) > Math.max(8, planned * RATE_TOLERANCE);

/** What of a qdisc is compared, as the plan has it and as `tc -j` names it. */
function plannedOptions(object: QdiscObject): Readonly<Record<string, number | string>> {
  const { spec } = object;
  switch (spec.kind) {
    case 'htb':
      return { default: `0x${spec.defaultMinor.toString(16)}` };
    case 'tbf':
      return { rate: Math.floor(spec.rateBps / 8) };
    case 'pfifo':
      return { limit: spec.limitPackets };
    case 'bfifo':
      return { limit: spec.limitBytes };
    case 'prio':
      return { bands: spec.bands };
    case 'ets':
      return { bands: spec.quantaBytes.length };
    case 'fq_codel':
      return { limit: spec.limitPackets };
    case 'pfifo_fast':
    case 'noqueue':
      return {};
  }
}

function compareQdisc(object: QdiscObject, found: readonly QdiscReadback[]): string[] {
  const place = `qdisc ${object.handle} of ${object.device}`;
  const stands = found.find((each) => each.handle === object.handle);
  if (stands === undefined) return [`${place} is missing`];
  const findings: string[] = [];
  if (stands.kind !== object.spec.kind) {
    findings.push(`${place} is ${stands.kind}, planned ${object.spec.kind}`);
  }
  if (stands.parent !== object.parent) {
    findings.push(`${place} hangs at ${stands.parent}, planned ${object.parent}`);
  }
  for (const [name, planned] of Object.entries(plannedOptions(object))) {
    const value = stands.options[name];
    if (value !== planned) findings.push(`${place}: ${name} is ${String(value)}, planned ${planned}`);
  }
  return findings;
}

/** A class directly under the root qdisc is reported as `root`, not by the qdisc's handle. */
const parentAsReported = (parent: string): string => (parent.endsWith(':') ? 'root' : parent);

function compareClass(object: HtbClassObject, readback: TcReadback): string[] {
  const place = `class ${object.classid} of ${object.device}`;
  const stands = readback.classes.find((each) => each.classid === object.classid);
  if (stands === undefined) return [`${place} is missing`];
  const findings: string[] = [];
  const parent = parentAsReported(object.parent);
  if (stands.parent !== parent) findings.push(`${place} hangs at ${stands.parent}, planned ${parent}`);
  if (differs(object.rateBps, stands.rateBps)) {
    findings.push(`${place}: rate is ${stands.rateBps} bit/s, planned ${object.rateBps}`);
  }
  if (differs(object.ceilBps, stands.ceilBps)) {
    findings.push(`${place}: ceil is ${stands.ceilBps} bit/s, planned ${object.ceilBps}`);
  }
  const inner = object.parent.endsWith(':');
  if (!inner && stands.prio !== object.prio) {
    findings.push(`${place}: prio is ${stands.prio}, planned ${object.prio}`);
  }
  if (!inner && stands.quantumBytes !== object.quantumBytes) {
    findings.push(`${place}: quantum is ${stands.quantumBytes}, planned ${object.quantumBytes}`);
  }
  return findings;
}

/** The first 32-bit word of a header as u32 compares it: the octet stands 16 bits up in IPv4 and 20 in IPv6. */
function u32Word(octet: number, protocol: DscpFilterObject['protocol']): string {
  return (octet * 2 ** (protocol === 'ip' ? 16 : 20)).toString(16);
}

function matches(object: DscpFilterObject, found: FilterReadback): boolean {
  if (object.kind === 'flower') {
    return found.tos?.value === object.dscp << 2 && found.tos.mask === DSCP_MASK;
  }
  const { match } = found;
  return (
    match !== undefined &&
    match.offset === 0 &&
    match.value === u32Word(object.dscp << 2, object.protocol) &&
    match.mask === u32Word(DSCP_MASK, object.protocol)
  );
}

function compareFilter(object: DscpFilterObject, readback: TcReadback): string[] {
  const place = `filter ${object.pref} (${object.protocol}) of ${object.device}`;
  const stands = readback.filters.filter((each) => each.pref === object.pref);
  const [first] = stands;
  if (first === undefined) return [`${place} is missing`];
  if (stands.length > 1) return [`${place} stands ${stands.length} times`];
  if (first.kind !== object.kind || first.protocol !== object.protocol) {
    return [`${place} is ${first.kind} for ${first.protocol}, planned ${object.kind} for ${object.protocol}`];
  }
  const findings: string[] = [];
  if (first.classid !== object.classid) {
    findings.push(`${place} leads to ${first.classid}, planned ${object.classid}`);
  }
  if (!matches(object, first)) {
    findings.push(`${place} does not compare DSCP ${object.dscp}: ${JSON.stringify(first)}`);
  }
  return findings;
}

function unplanned(plan: PortPlan, readback: TcReadback): string[] {
  const { device } = plan.port;
  const handles = new Set(plan.objects.flatMap((each) => (each.type === 'qdisc' ? [each.handle] : [])));
  const classids = new Set(plan.objects.flatMap((each) => (each.type === 'class' ? [each.classid] : [])));
  const prefs = new Set(plan.objects.flatMap((each) => (each.type === 'filter' ? [each.pref] : [])));
  const qdiscs = readback.qdiscs.filter(
    (each) => !handles.has(each.handle) && !INGRESS_KINDS.includes(each.kind),
  );
  const classes = readback.classes.filter((each) => each.kind === 'htb' && !classids.has(each.classid));
  const filters = readback.filters.filter((each) => !prefs.has(each.pref));
  return [
    ...qdiscs.map((each) => `qdisc ${each.kind} ${each.handle} of ${device} is not in the plan`),
    ...classes.map((each) => `class ${each.classid} of ${device} is not in the plan`),
    ...filters.map((each) => `filter ${each.pref} (${each.protocol}) of ${device} is not in the plan`),
  ];
}

function compareObject(object: TcObject, readback: TcReadback): string[] {
  switch (object.type) {
    case 'qdisc':
      return compareQdisc(object, readback.qdiscs);
    case 'class':
      return compareClass(object, readback);
    case 'filter':
      return compareFilter(object, readback);
  }
}

/** Compares what stands with what was planned. Pure; an empty list means that they agree. */
export function compareReadback(plan: PortPlan, readback: TcReadback): string[] {
  return [...plan.objects.flatMap((object) => compareObject(object, readback)), ...unplanned(plan, readback)];
}

function sameRule(rule: NftRule, found: NftRuleReadback | undefined): boolean {
  if (found === undefined || found.protocol !== rule.protocol || found.dscp !== rule.dscp) return false;
  return rule.does === 'mark'
    ? found.socketMark === rule.socketMark
    : found.classid === rule.classid && found.device === rule.device;
}

/** Compares nft rules with what stands, in order. Pure. */
export function compareNftRules(rules: readonly NftRule[], found: readonly NftRuleReadback[]): string[] {
  const name = rules[0]?.table.name ?? '';
  const findings = rules.flatMap((rule, index) =>
    sameRule(rule, found[index])
      ? []
      : [`nft rule ${index + 1} of ${name} is ${JSON.stringify(found[index])}, planned DSCP ${rule.dscp}`],
  );
  return found.length === rules.length
    ? findings
    : [...findings, `nft table ${name} has ${found.length} rules, planned ${rules.length}`];
}

function rootOf(plan: PortPlan): QdiscObject | undefined {
  return plan.objects.find((each): each is QdiscObject => each.type === 'qdisc' && each.parent === 'root');
}

/** The parent whose filters are asked for: where the plan has them, else an HTB root, which could have some that are not planned. */
function filterParent(plan: PortPlan): string | undefined {
  const filter = plan.objects.find((each) => each.type === 'filter');
  if (filter !== undefined) return filter.parent;
  return rootOf(plan)?.spec.kind === 'htb' ? rootOf(plan)?.handle : undefined;
}

/** What is asked of the kernel to verify a plan. */
export function verifyRequests(plan: PortPlan): ShowRequest[] {
  const { device } = plan.port;
  const parent = filterParent(plan);
  return [
    { list: 'qdisc', device },
    { list: 'class', device },
    ...(parent === undefined ? [] : [{ list: 'filter' as const, device, parent }]),
  ];
}

/** Reads a port back and compares it with its plan. Rejects with READBACK_MISMATCH, naming each difference. */
export async function verifyPort(exec: Exec, plan: PortPlan): Promise<void> {
  const { device } = plan.port;
  const { qdiscs } = await readTc(exec, [{ list: 'qdisc', device }]);
  const root = rootOf(plan);
  const stands = qdiscs.some((each) => each.handle === root?.handle && each.kind === root?.spec.kind);
  const findings = stands
    ? compareReadback(plan, await readTc(exec, verifyRequests(plan)))
    : [`${device} has no root qdisc ${root?.spec.kind} ${root?.handle}`];
  const [rule] = plan.nftRules;
  if (rule !== undefined) {
    const listing = await mustRun(exec, listTableArgv(rule.table));
    findings.push(...compareNftRules(plan.nftRules, parseNftRules(listing.stdout)));
  }
  if (findings.length > 0) {
    throw new PriomeshError('READBACK_MISMATCH', `${plan.port.label}: ${findings.join('; ')}`);
  }
}
