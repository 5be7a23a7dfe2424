/** What a class does in a sidecar, as its statistics file says it. */
export interface ClassStatistics {
  /** Requests since the sidecar's start. */
  readonly requests: number;
  readonly inFlight: number;
  /** How many wait. */
  readonly queued: number;
}

/** How a link serves a class. */
export interface LinkClass {
  /** 0 idle to 1 congested. */
  readonly level: number;
  readonly queueingDelayMs: number;
  /** Share of the link's rate, 0 to 1. */
  readonly utilization: number;
  /** 0 to 1. */
  readonly lossRatio: number;
}

/** One directed link, such as `s1>s2`. */
export interface LinkState {
  readonly link: string;
  /** Share of its rate that is used, 0 to 1. */
  readonly utilization: number;
  readonly classes: ReadonlyMap<string, LinkClass>;
}

/** Something that a file of a trial tells. `timeMs` is CLOCK_MONOTONIC. */
export type FileLine = { readonly timeMs: number } & (
  | { readonly event: 'statistics'; readonly classes: ReadonlyMap<string, ClassStatistics> }
  | { readonly event: 'links'; readonly links: readonly LinkState[] }
  | {
      readonly event: 'hint';
      readonly link: string;
      readonly class: string;
      readonly congested: boolean;
      readonly level: number;
    }
  | {
      readonly event: 'move';
      readonly owner: string;
      readonly class: string;
      /** The host towards which it moved; empty where it is all of them. */
      readonly peer: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | { readonly event: 'lost' | 'found'; readonly what: string }
);

/** How many classes of one line are taken, and how many links. */
const MAX_CLASSES = 16;
const MAX_LINKS = 256;
/** A name is shown at most so long. */
const MAX_NAME = 64;

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function text(value: unknown, name: string): string {
  const found = member(value, name);
  return typeof found === 'string' ? found.slice(0, MAX_NAME) : '';
}

function amount(value: unknown, name: string): number {
  const found = member(value, name);
  return typeof found === 'number' && Number.isFinite(found) && found > 0 ? found : 0;
}

function classesOf<Read>(value: unknown, read: (one: unknown) => Read): Map<string, Read> {
  const classes = member(value, 'classes');
  if (typeof classes !== 'object' || classes === null) return new Map();
  const entries = Object.entries(classes).slice(0, MAX_CLASSES);
  return new Map(entries.map(([name, one]) => [name.slice(0, MAX_NAME), read(one)]));
}

function linksOf(value: unknown): LinkState[] {
  const links = member(value, 'links');
  if (!Array.isArray(links)) return [];
  return links.slice(0, MAX_LINKS).map((one: unknown) => ({
    link: text(one, 'link'),
    utilization: amount(one, 'utilization'),
    classes: classesOf(one, (of) => ({
      level: amount(of, 'level'),
      queueingDelayMs: amount(of, 'queueingDelayMs'),
      utilization: amount(of, 'utilization'),
      lossRatio: amount(of, 'lossRatio'),
    })),
  }));
}

/**
 * Reads a line of a sidecar's statistics file, or of the file that the bridge to the network's controller writes (`network.jsonl`);
 * undefined for a line that says nothing of interest here. What is missing in it is 0 or empty.
 */
export function parseFileLine(line: string): FileLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const event = member(value, 'event');
  const timeMs = amount(value, 'timeMs');
  switch (event) {
    case 'statistics':
      return {
        event,
        timeMs,
        classes: classesOf(member(value, 'inbound'), (of) => ({
          requests: amount(of, 'requests'),
          inFlight: amount(of, 'inFlight'),
          queued: amount(of, 'queued'),
        })),
      };
    case 'links':
      return { event, timeMs, links: linksOf(value) };
    case 'hint':
      return {
        event,
        timeMs,
        link: text(value, 'link'),
        class: text(value, 'class'),
        congested: member(value, 'congested') === true,
        level: amount(value, 'level'),
      };
    case 'move':
      return {
        event,
        timeMs,
        owner: text(value, 'owner'),
        class: text(value, 'class'),
        peer: text(value, 'peer'),
        from: text(value, 'from'),
        to: text(value, 'to'),
        reason: text(value, 'reason'),
      };
    case 'lost':
    case 'found':
      return { event, timeMs, what: text(value, 'what') };
    default:
      return undefined;
  }
}
