import { dscpFromName, formatPlace } from '../core/index.ts';
import type { Report } from './document.ts';
import { suggest } from './explain.ts';
import { cidrFault } from './networks.ts';
import type { PolicyFile } from './policy-schema.ts';
import type { Path } from './source.ts';

const MAX_CLASSES = 16;

type ClassRow = PolicyFile['classes'][string];
type Row = readonly [name: string, row: ClassRow];

/** The DSCP value of a class as its file has it: a name or a number. */
export function markedDscp(dscp: string | number): number {
  return typeof dscp === 'number' ? dscp : (dscpFromName(dscp) ?? 0);
}

function at(report: Report, path: Path): string {
  return formatPlace(report.source.placeOf(path));
}

function checkDistinct(rows: readonly Row[], report: Report): void {
  const ranks = new Map<number, string>();
  const marks = new Map<number, string>();
  for (const [name, row] of rows) {
    const rankOwner = ranks.get(row.rank);
    if (rankOwner === undefined) ranks.set(row.rank, name);
    else {
      report.conflict(
        ['classes', name, 'rank'],
        `${name} and ${rankOwner} both have rank ${row.rank} (${at(report, ['classes', rankOwner, 'rank'])})`,
        'Give each class a rank of its own.',
      );
    }
    const dscp = markedDscp(row.mark.dscp);
    const markOwner = marks.get(dscp);
    if (markOwner === undefined) marks.set(dscp, name);
    else {
      report.conflict(
        ['classes', name, 'mark', 'dscp'],
        `${name} and ${markOwner} are both marked with DSCP ${dscp} (${at(report, ['classes', markOwner, 'mark', 'dscp'])}); the kernel could not tell them apart`,
        'Give each class a mark of its own.',
      );
    }
  }
}

function checkShares(rows: readonly Row[], report: Report): void {
  const sum = rows.reduce((total, [, row]) => total + row.kernel.sharePercent, 0);
  if (sum <= 100 + 1e-9) return;
  const listed = rows
    .map(
      ([name, row]) =>
        `${name} ${row.kernel.sharePercent} (${at(report, ['classes', name, 'kernel', 'sharePercent'])})`,
    )
    .join(', ');
  const last = rows.at(-1)?.[0] ?? '';
  report.conflict(
    ['classes', last, 'kernel', 'sharePercent'],
    `the kernel shares add up to ${Number(sum.toFixed(6))} percent: ${listed}`,
    'Lower them until they add up to 100 at most.',
  );
}

/** Columns that would turn the order of the ranks around. `rows` is ordered by rank. */
function checkOrder(rows: readonly Row[], mode: PolicyFile['queue']['mode'], report: Report): void {
  for (const [index, [name, row]] of rows.entries()) {
    const above = rows[index - 1];
    if (above === undefined) continue;
    const [upperName, upper] = above;
    const contradict = (column: Path, is: string, fix: string) => {
      report.conflict(
        ['classes', name, ...column],
        `${name} (rank ${row.rank}) is less important than ${upperName} (rank ${upper.rank}), but ${is} (${at(report, ['classes', upperName, ...column])})`,
        fix,
      );
    };
    if (row.broker.priority > upper.broker.priority) {
      contradict(
        ['broker', 'priority'],
        `the broker would put it first: priority ${row.broker.priority} against ${upper.broker.priority}`,
        `Give ${upperName} a broker priority that is not below ${name}'s; larger is more important.`,
      );
    }
    if (mode === 'weighted' && row.queue.weight > upper.queue.weight) {
      contradict(
        ['queue', 'weight'],
        `has more turns in the queue: weight ${row.queue.weight} against ${upper.queue.weight}`,
        `Give ${upperName} a weight that is not below ${name}'s.`,
      );
    }
    if (row.network.moveOrder > upper.network.moveOrder) {
      contradict(
        ['network', 'moveOrder'],
        `it would leave a congested path later: moveOrder ${row.network.moveOrder} against ${upper.network.moveOrder}`,
        'Let the less important class move first: give it the smaller number.',
      );
    }
    if (upper.transport.scavenger !== undefined && row.transport.scavenger === undefined) {
      report.conflict(
        ['classes', upperName, 'transport', 'scavenger'],
        `${upperName} (rank ${upper.rank}) would yield to the less important ${name} (rank ${row.rank}, ${at(report, ['classes', name])}), which has no scavenger`,
        `Take the scavenger from ${upperName}, or give ${name} one too.`,
      );
    }
    if (markedDscp(upper.mark.dscp) === LOWER_EFFORT) {
      report.conflict(
        ['classes', upperName, 'mark', 'dscp'],
        `${upperName} is marked LE, which yields to every other mark (RFC 8622), but ${name} is less important (${at(report, ['classes', name, 'rank'])})`,
        'Mark only the least important class LE.',
      );
    }
  }
}

const LOWER_EFFORT = 1;

function checkNetworks(networks: readonly string[], path: Path, report: Report): void {
  for (const [index, network] of networks.entries()) {
    const fault = cidrFault(network);
    if (fault === undefined) continue;
    report.invalid(
      [...path, index],
      `${JSON.stringify(network)} is no network: ${fault}`,
      'Write a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8.',
    );
  }
}

function checkClassName(name: string, known: readonly string[], path: Path, report: Report): void {
  if (known.includes(name)) return;
  report.invalid(path, `there is no class ${name}`, suggest(name, known, 'class'));
}

type Rule = PolicyFile['ingress']['rules'][number];

function checkMatch({ match }: Rule, path: Path, report: Report): void {
  const low = match.bodyBytesAtLeast;
  const high = match.bodyBytesAtMost;
  if (low !== undefined && high !== undefined && low > high) {
    report.conflict(
      [...path, 'bodyBytesAtMost'],
      `no body is at least ${low} and at most ${high} bytes (${at(report, [...path, 'bodyBytesAtLeast'])})`,
      'Exchange the two bounds, or remove one.',
    );
  }
  const urgent = match.urgencyAtLeast;
  const calm = match.urgencyAtMost;
  if (urgent !== undefined && calm !== undefined && urgent > calm) {
    report.conflict(
      [...path, 'urgencyAtMost'],
      `no urgency is at least ${urgent} and at most ${calm} (${at(report, [...path, 'urgencyAtLeast'])})`,
      'Exchange the two bounds, or remove one.',
    );
  }
  const headers = new Map<string, string>();
  for (const name of Object.keys(match.headers ?? {})) {
    const other = headers.get(name.toLowerCase());
    if (other !== undefined) {
      report.conflict(
        [...path, 'headers', name],
        `${name} and ${other} are the same header (${at(report, [...path, 'headers', other])})`,
        'Keep one of the two.',
      );
    }
    headers.set(name.toLowerCase(), name);
  }
  checkNetworks(match.sourceNetworks ?? [], [...path, 'sourceNetworks'], report);
}

/** Whether a rule matches every request, so that none behind it is ever reached. */
function matchesAll({ match }: Rule): boolean {
  const keys = Object.keys(match);
  return keys.length === 0 || (keys.length === 1 && match.path === '/**');
}

function checkRules({ rules }: PolicyFile['ingress'], known: readonly string[], report: Report): void {
  const names = new Map<string, number>();
  let last: number | undefined;
  for (const [index, rule] of rules.entries()) {
    const path: Path = ['ingress', 'rules', index];
    checkClassName(rule.class, known, [...path, 'class'], report);
    checkMatch(rule, [...path, 'match'], report);
    const other = names.get(rule.name);
    if (other === undefined) names.set(rule.name, index);
    else {
      report.conflict(
        [...path, 'name'],
        `two rules are called ${rule.name} (${at(report, ['ingress', 'rules', other, 'name'])})`,
        'Give each rule a name of its own; it is the reason that a classification shows.',
      );
    }
    if (last !== undefined) {
      report.conflict(
        path,
        `rule ${rule.name} is never reached: ${rules[last]?.name ?? ''} matches every request (${at(report, ['ingress', 'rules', last])})`,
        'Put the rule that matches everything last.',
      );
    } else if (matchesAll(rule)) {
      last = index;
    }
  }
}

function checkBroker({ broker, routes }: PolicyFile, rows: readonly Row[], report: Report): void {
  const { maxPriority } = broker;
  for (const [name, row] of rows) {
    if (maxPriority === undefined || row.broker.priority <= maxPriority) continue;
    report.conflict(
      ['classes', name, 'broker', 'priority'],
      `${name} has priority ${row.broker.priority}, but queues have ${maxPriority} levels (${at(report, ['broker', 'maxPriority'])})`,
      'Lower the priority, or raise broker.maxPriority.',
    );
  }
  const names = new Map<string, number>();
  const owners = new Map<string, number>();
  for (const [index, { name, service, queue }] of routes.entries()) {
    const same = names.get(name);
    if (same === undefined) names.set(name, index);
    else {
      report.conflict(
        ['routes', index, 'name'],
        `two routes are called ${name} (${at(report, ['routes', same, 'name'])})`,
        'Give each route a name of its own.',
      );
    }
    const owner = owners.get(queue);
    if (owner === undefined) owners.set(queue, index);
    else if (routes[owner]?.service !== service) {
      report.conflict(
        ['routes', index, 'queue'],
        `queue ${queue} would hold requests for ${service} and for ${routes[owner]?.service ?? ''} (${at(report, ['routes', owner, 'queue'])})`,
        'Give each service a queue of its own.',
      );
    }
  }
}

/** The rows of the class table in order of rank. */
export function rowsByRank(file: PolicyFile): readonly Row[] {
  return Object.entries(file.classes).toSorted(([, a], [, b]) => a.rank - b.rank);
}

/** What contradicts itself in the settings of a queue; an arm's are checked as a policy's are. */
export function checkQueue(
  queue: Partial<Pick<PolicyFile['queue'], 'shedding' | 'targetDelayMs' | 'concurrency'>>,
  path: Path,
  report: Report,
): void {
  if (queue.shedding === 'none' && queue.targetDelayMs !== undefined) {
    report.conflict(
      [...path, 'targetDelayMs'],
      'targetDelayMs is what shedding holds, and shedding is none',
      'Leave out one of the two.',
    );
  }
  const { concurrency } = queue;
  if (concurrency === undefined || typeof concurrency === 'number') return;
  const { min, initial, max } = concurrency;
  if (min <= initial && initial <= max) return;
  report.conflict(
    [...path, 'concurrency'],
    `the limit would begin at ${initial}, outside of min ${min} to max ${max}`,
    'Let min be the smallest and max the largest of the three.',
  );
}

/** Checks of a policy that its schema cannot express: names that are referred to, and columns that contradict each other. */
export function checkPolicy(file: PolicyFile, report: Report): void {
  const rows = rowsByRank(file);
  const known = rows.map(([name]) => name);
  if (rows.length === 0 || rows.length > MAX_CLASSES) {
    report.invalid(
      ['classes'],
      `the policy has ${rows.length} classes; it must have 1 to ${MAX_CLASSES}`,
      rows.length === 0 ? 'Add a class.' : 'Join classes that are treated alike.',
    );
  }
  checkDistinct(Object.entries(file.classes), report);
  checkShares(rows, report);
  checkOrder(rows, file.queue.mode, report);
  checkQueue(file.queue, ['queue'], report);
  checkBroker(file, rows, report);
  checkClassName(file.ingress.defaultClass, known, ['ingress', 'defaultClass'], report);
  checkNetworks(file.ingress.trustedNetworks, ['ingress', 'trustedNetworks'], report);
  checkRules(file.ingress, known, report);
}
