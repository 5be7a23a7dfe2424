import { type Exec, mustRun, PriomeshError } from '../core/index.ts';
import { looksLikeClassText, parseClassText } from './tc-class-text.ts';
import { type ShowRequest, showBatch } from './tc-commands.ts';

/** Counters of a qdisc or a class since it was made. */
export interface TcCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly overlimits: number;
  readonly backlogBytes: number;
  readonly backlogPackets: number;
}

/** A qdisc as the kernel reports it. */
export interface QdiscReadback {
  readonly kind: string;
  readonly handle: string;
  /** `root` or the class that it hangs under. */
  readonly parent: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly counters: TcCounters;
}

/** A class as the kernel reports it; members that its kind does not have are absent. */
export interface ClassReadback {
  readonly kind: string;
  readonly classid: string;
  readonly parent: string;
  readonly rateBps?: number;
  readonly ceilBps?: number;
  readonly prio?: number;
  readonly quantumBytes?: number;
  readonly overlimits: number;
}

/** A filter as the kernel reports it. tc names no parent where it was asked for one parent's filters. */
export interface FilterReadback {
  readonly kind: string;
  readonly protocol: string;
  readonly pref: number;
  readonly classid: string;
  /** What a u32 filter compares, in the words of `tc -j`: hexadecimal value and mask at an offset. */
  readonly match?: { readonly value: string; readonly mask: string; readonly offset: number };
  /** What a flower filter compares the TOS octet with. */
  readonly tos?: { readonly value: number; readonly mask: number };
}

/** What stands at a device. */
export interface TcReadback {
  readonly qdiscs: readonly QdiscReadback[];
  readonly classes: readonly ClassReadback[];
  readonly filters: readonly FilterReadback[];
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string, entry: unknown): PriomeshError {
  return new PriomeshError(
    'COMMAND_FAILED',
    `tc printed ${what}: ${(JSON.stringify(entry) ?? String(entry)).slice(0, 300)}`,
    { fix: 'Report the output with the version of iproute2 (`tc -V`).' },
  );
}

function text(entry: Json, key: string): string {
  const value = entry[key];
  if (typeof value !== 'string') throw malformed(`an object without a text "${key}"`, entry);
  return value;
}

function number(entry: Json, key: string): number {
  const value = entry[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw malformed(`an object without a number "${key}"`, entry);
  }
  return value;
}

const optional = (entry: Json, key: string): number => (entry[key] === undefined ? 0 : number(entry, key));
const parentOf = (entry: Json): string => (entry['root'] === true ? 'root' : text(entry, 'parent'));

function readQdisc(entry: Json): QdiscReadback {
  const options = entry['options'];
  return {
    kind: text(entry, 'kind'),
    handle: text(entry, 'handle'),
    parent: parentOf(entry),
    options: isObject(options) ? options : {},
    counters: {
      bytes: optional(entry, 'bytes'),
      packets: optional(entry, 'packets'),
      drops: optional(entry, 'drops'),
      overlimits: optional(entry, 'overlimits'),
      backlogBytes: optional(entry, 'backlog'),
      backlogPackets: optional(entry, 'qlen'),
    },
  };
}

/** `tc -j` gives rates in octets per second. */
function readClass(entry: Json): ClassReadback {
  const stats = entry['stats'];
  const rate = entry['rate'] === undefined ? {} : { rateBps: number(entry, 'rate') * 8 };
  const ceil = entry['ceil'] === undefined ? {} : { ceilBps: number(entry, 'ceil') * 8 };
  const prio = entry['prio'] === undefined ? {} : { prio: number(entry, 'prio') };
  const quantum = entry['quantum'] === undefined ? {} : { quantumBytes: number(entry, 'quantum') };
  return {
    kind: text(entry, 'class'),
    classid: text(entry, 'handle'),
    parent: parentOf(entry),
    ...rate,
    ...ceil,
    ...prio,
    ...quantum,
    overlimits: isObject(stats) ? optional(stats, 'overlimits') : 0,
  };
}

/** The TOS octet of a flower filter: `"0xb8/fc"`, or, in newer tc, two numbers. */
function readTos(keys: unknown): FilterReadback['tos'] {
  if (!isObject(keys)) return undefined;
  const { ip_tos: tos, ip_tos_mask: tosMask } = keys;
  if (typeof tos === 'number') return { value: tos, mask: typeof tosMask === 'number' ? tosMask : 0xff };
  if (typeof tos !== 'string') return undefined;
  const [value = Number.NaN, mask = 0xff] = tos.split('/').map((each) => Number.parseInt(each, 16));
  return { value, mask };
}

/** Filters come with headings of their hash tables, which match nothing and have no class. */
function readFilter(entry: Json): FilterReadback | undefined {
  const options = entry['options'];
  if (!isObject(options)) return undefined;
  const classid = options['flowid'] ?? options['classid'];
  if (typeof classid !== 'string') return undefined;
  const match = options['match'];
  const tos = readTos(options['keys']);
  return {
    kind: text(entry, 'kind'),
    protocol: text(entry, 'protocol'),
    pref: number(entry, 'pref'),
    classid,
    ...(isObject(match)
      ? {
          match: { value: text(match, 'value'), mask: text(match, 'mask'), offset: number(match, 'off') },
        }
      : {}),
    ...(tos === undefined ? {} : { tos }),
  };
}

function readArray(line: string): readonly Json[] {
  let list: unknown;
  try {
    list = JSON.parse(line);
  } catch (error) {
    throw new PriomeshError(
      'COMMAND_FAILED',
      `tc printed something that is not JSON: ${line.slice(0, 200)}`,
      {
        cause: error,
      },
    );
  }
  if (!Array.isArray(list)) throw malformed('no list', list);
  return list.filter(isObject);
}

/**
 * Reads what {@link showBatch} printed: one JSON array a request; classes as text where tc has no JSON for them
 * (iproute2 before 6.3). Throws COMMAND_FAILED on anything else.
 */
export function parseReadback(output: string): TcReadback {
  const qdiscs: QdiscReadback[] = [];
  const classes: ClassReadback[] = [];
  const filters: FilterReadback[] = [];
  const prose: string[] = [];
  for (const line of output.split('\n')) {
    if (!line.startsWith('[')) {
      prose.push(line);
      continue;
    }
    for (const entry of readArray(line)) {
      if ('class' in entry) {
        classes.push(readClass(entry));
      } else if ('handle' in entry) {
        qdiscs.push(readQdisc(entry));
      } else {
        const filter = readFilter(entry);
        if (filter !== undefined) filters.push(filter);
      }
    }
  }
  const rest = prose.join('\n');
  if (rest.trim() !== '') {
    if (!looksLikeClassText(rest)) throw malformed('something unexpected', rest);
    classes.push(...parseClassText(rest));
  }
  return { qdiscs, classes, filters };
}

/** Asks the kernel, in one process. Rejects with COMMAND_FAILED when tc fails (as when the device is gone). */
export async function readTc(
  exec: Exec,
  requests: readonly ShowRequest[],
  signal?: AbortSignal,
): Promise<TcReadback> {
  const { argv, input } = showBatch(requests);
  const result = await mustRun(exec, argv, { input, ...(signal === undefined ? {} : { signal }) });
  return parseReadback(result.stdout);
}
