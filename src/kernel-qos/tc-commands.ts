/**
 * Objects of tc(8) as data, and the argument arrays that make and remove them. Nothing is run here.
 * Handles and class identifiers are written as tc writes them: hexadecimal, `major:` and `major:minor`.
 */

/** A command as an argument array; it never passes through a shell. */
export type Argv = readonly [string, ...string[]];

/** What kind of queueing discipline, and its parameters. */
export type QdiscSpec =
  | { readonly kind: 'htb'; readonly defaultMinor: number }
  | {
      readonly kind: 'tbf';
      readonly rateBps: number;
      readonly burstBytes: number;
      readonly limitBytes: number;
    }
  | { readonly kind: 'pfifo'; readonly limitPackets: number }
  | { readonly kind: 'bfifo'; readonly limitBytes: number }
  | { readonly kind: 'pfifo_fast' }
  | { readonly kind: 'noqueue' }
  | { readonly kind: 'prio'; readonly bands: number; readonly priomap: readonly number[] }
  | { readonly kind: 'ets'; readonly quantaBytes: readonly number[]; readonly priomap: readonly number[] }
  | {
      readonly kind: 'fq_codel';
      readonly limitPackets: number;
      readonly targetUs: number;
      readonly intervalUs: number;
      readonly quantumBytes: number;
    };

/** A queueing discipline at a place of an interface's tree. */
export interface QdiscObject {
  readonly type: 'qdisc';
  readonly device: string;
  /** `root`, or the identifier of the class that it hangs under. */
  readonly parent: string;
  readonly handle: string;
  readonly spec: QdiscSpec;
}

/** A class of an HTB tree (tc-htb(8)). */
export interface HtbClassObject {
  readonly type: 'class';
  readonly device: string;
  readonly parent: string;
  readonly classid: string;
  /** The rate that the class is guaranteed. */
  readonly rateBps: number;
  /** The rate that it reaches at most, with what it borrows. */
  readonly ceilBps: number;
  /** Who borrows first: 0 before 7. */
  readonly prio: number;
  readonly burstBytes: number;
  readonly cburstBytes: number;
  readonly quantumBytes: number;
}

/** A filter that sends the packets of one DSCP value (RFC 2474) to a class. ECN's two bits are not compared (RFC 3168). */
export interface DscpFilterObject {
  readonly type: 'filter';
  readonly device: string;
  readonly parent: string;
  readonly kind: 'u32' | 'flower';
  readonly protocol: 'ip' | 'ipv6';
  readonly pref: number;
  /** 0 to 63. */
  readonly dscp: number;
  readonly classid: string;
}

/** Anything that a plan creates through tc(8). */
export type TcObject = QdiscObject | HtbClassObject | DscpFilterObject;

/** The six DSCP bits inside the octet that IPv4 calls TOS and IPv6 calls traffic class. */
export const DSCP_MASK = 0xfc;

/** Writes a class identifier as tc does. */
export function classId(major: number, minor: number): string {
  return `${major.toString(16)}:${minor.toString(16)}`;
}

/** Writes a qdisc's handle as tc does. */
export function handleId(major: number): string {
  return `${major.toString(16)}:`;
}

/** A DSCP value as the octet that the filters compare: `0xb8` for EF. */
export function dsfieldHex(dscp: number): string {
  return `0x${(dscp << 2).toString(16).padStart(2, '0')}`;
}

function qdiscArguments(spec: QdiscSpec): readonly string[] {
  switch (spec.kind) {
    case 'htb':
      return ['htb', 'default', spec.defaultMinor.toString(16)];
    case 'tbf':
      return [
        'tbf',
        ...['rate', `${spec.rateBps}bit`],
        ...['burst', `${spec.burstBytes}b`],
        ...['limit', `${spec.limitBytes}b`],
      ];
    case 'pfifo':
      return ['pfifo', 'limit', String(spec.limitPackets)];
    case 'bfifo':
      return ['bfifo', 'limit', `${spec.limitBytes}b`];
    case 'pfifo_fast':
    case 'noqueue':
      return [spec.kind];
    case 'prio':
      return ['prio', 'bands', String(spec.bands), 'priomap', ...spec.priomap.map(String)];
    case 'ets':
      return [
        'ets',
        ...['bands', String(spec.quantaBytes.length)],
        ...['quanta', ...spec.quantaBytes.map(String)],
        ...['priomap', ...spec.priomap.map(String)],
      ];
    case 'fq_codel':
      return [
        'fq_codel',
        ...['limit', String(spec.limitPackets)],
        ...['target', `${spec.targetUs}us`],
        ...['interval', `${spec.intervalUs}us`],
        ...['quantum', String(spec.quantumBytes)],
        'noecn',
      ];
  }
}

function placeOf(parent: string): readonly string[] {
  return parent === 'root' ? ['root'] : ['parent', parent];
}

function matchArguments(filter: DscpFilterObject): readonly string[] {
  const value = dsfieldHex(filter.dscp);
  const mask = `0x${DSCP_MASK.toString(16)}`;
  if (filter.kind === 'flower') {
    return ['flower', 'ip_tos', `${value}/${mask}`, 'classid', filter.classid];
  }
  const field = filter.protocol === 'ip' ? ['ip', 'dsfield'] : ['ip6', 'priority'];
  return ['u32', 'match', ...field, value, mask, 'flowid', filter.classid];
}

/** The command that creates an object (`add`), or creates or changes it (`replace`). */
export function makeArgv(object: TcObject, verb: 'add' | 'replace' = 'add'): Argv {
  const { device } = object;
  switch (object.type) {
    case 'qdisc':
      return [
        ...(['tc', 'qdisc', verb, 'dev', device] as const),
        ...placeOf(object.parent),
        ...['handle', object.handle],
        ...qdiscArguments(object.spec),
      ];
    case 'class':
      return [
        ...(['tc', 'class', verb, 'dev', device] as const),
        ...['parent', object.parent, 'classid', object.classid, 'htb'],
        ...['rate', `${object.rateBps}bit`, 'ceil', `${object.ceilBps}bit`],
        ...['prio', String(object.prio)],
        ...['burst', `${object.burstBytes}b`, 'cburst', `${object.cburstBytes}b`],
        ...['quantum', String(object.quantumBytes)],
      ];
    case 'filter':
      return [
        ...(['tc', 'filter', verb, 'dev', device] as const),
        ...['parent', object.parent, 'protocol', object.protocol, 'pref', String(object.pref)],
        ...matchArguments(object),
      ];
  }
}

/** The command that removes an object, and only it: a qdisc of another handle at the same place is left alone. */
export function removeArgv(object: TcObject): Argv {
  const { device } = object;
  switch (object.type) {
    case 'qdisc':
      return [
        ...(['tc', 'qdisc', 'del', 'dev', device] as const),
        ...placeOf(object.parent),
        'handle',
        object.handle,
      ];
    case 'class':
      return ['tc', 'class', 'del', 'dev', device, 'classid', object.classid];
    case 'filter':
      return [
        ...(['tc', 'filter', 'del', 'dev', device] as const),
        ...['parent', object.parent, 'protocol', object.protocol, 'pref', String(object.pref), object.kind],
      ];
  }
}

/** What `tc show` lists: all qdiscs of a device, its classes, or the filters under one parent. */
export type ShowRequest =
  | { readonly list: 'qdisc' | 'class'; readonly device: string }
  | { readonly list: 'filter'; readonly device: string; readonly parent: string };

/** One command for any number of `show` requests: they are read from standard input (`tc -batch`), which costs one process instead of several. Prints JSON where tc can. */
export function showBatch(requests: readonly ShowRequest[]): { readonly argv: Argv; readonly input: string } {
  const lines = requests.map((request) =>
    request.list === 'filter'
      ? `filter show dev ${request.device} parent ${request.parent}\n`
      : `${request.list} show dev ${request.device}\n`,
  );
  // Details are what shows a class's quantum; of a token bucket they hide the burst's exact size.
  const details = requests.some((request) => request.list === 'class') ? ['-d'] : [];
  return { argv: ['tc', '-s', ...details, '-j', '-batch', '-'], input: lines.join('') };
}
