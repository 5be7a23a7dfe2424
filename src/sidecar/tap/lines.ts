import type { TapMessage, TapMove, TapRequest } from './events.ts';

/** The form of the stream; it changes when a reader of the old form could misread a line. */
export const TAP_FORMAT = 'priomesh/tap/v1';

/** What every line of the stream says beside what happened: when (since the Unix epoch), and beside which service the sidecar stands. */
interface Told {
  readonly timeMs: number;
  readonly service: string;
}

/** Where the data path has an index, the stream has the class's name; where it has -1 for "none", the stream has null. */
type Written<Event, Nullable extends keyof Event> = Told &
  Omit<Event, Nullable | 'classIndex'> & { readonly class: string | null } & {
    readonly [Key in Nullable]: Event[Key] | null;
  };

/** The first line of a stream. */
export interface HelloLine extends Told {
  readonly event: 'hello';
  readonly format: typeof TAP_FORMAT;
  /** The classes of the sidecar's policy, the most important first. */
  readonly classes: readonly string[];
}

/** A request has ended; see {@link TapRequest}. */
export type RequestLine = { readonly event: 'request' } & Written<TapRequest, 'queueWaitMs' | 'status'>;

/** Something happened to a message; see {@link TapMessage}. */
export type MessageLine = { readonly event: 'message' } & Written<
  TapMessage,
  'queueWaitMs' | 'tookMs' | 'priority'
>;

/** A class takes another network path; see {@link TapMove}. */
export type MoveLine = { readonly event: 'move' } & Written<TapMove, never>;

/** The reader was too slow: so many events since the line before are missing. */
export interface DroppedLine extends Told {
  readonly event: 'dropped';
  readonly count: number;
}

/** Too many listen already; nothing follows. */
export interface FullLine extends Told {
  readonly event: 'full';
  readonly limit: number;
}

/** A line of the stream. */
export type TapLine = HelloLine | RequestLine | MessageLine | MoveLine | DroppedLine | FullLine;

/** The address of one waiting client (RabbitMQ's direct reply-to): behind the name is a token by which anybody could answer it. */
const REPLY_ADDRESS = /^(amq\.rabbitmq\.reply-to)\..*$/s;

function rounded(ms: number): number | null {
  return ms < 0 ? null : Math.round(ms * 1000) / 1000;
}

/** What a request's event is in the stream. */
export function requestLine(told: Told, className: string | undefined, event: TapRequest): RequestLine {
  const { side, reason, to, method, path, status, queueWaitMs, tookMs, outcome, code } = event;
  return {
    event: 'request',
    ...told,
    side,
    class: className ?? null,
    reason,
    to,
    method,
    path,
    status: status === 0 ? null : status,
    queueWaitMs: rounded(queueWaitMs),
    tookMs: rounded(tookMs) ?? 0,
    outcome,
    code,
  };
}

/** What a message's event is in the stream. */
export function messageLine(told: Told, className: string | undefined, event: TapMessage): MessageLine {
  const { action, reason, exchange, routingKey, queue, priority, bodyBytes, outcome } = event;
  return {
    event: 'message',
    ...told,
    action,
    class: className ?? null,
    reason,
    exchange,
    routingKey: routingKey.replace(REPLY_ADDRESS, '$1'),
    queue: queue.replace(REPLY_ADDRESS, '$1'),
    priority: priority < 0 ? null : priority,
    bodyBytes,
    queueWaitMs: rounded(event.queueWaitMs),
    tookMs: rounded(event.tookMs),
    outcome,
  };
}

/** What a move is in the stream. */
export function moveLine(told: Told, className: string | undefined, event: TapMove): MoveLine {
  const { peer, from, to, reason, owner } = event;
  return { event: 'move', ...told, peer, class: className ?? null, from, to, reason, owner };
}

type Kind = 'text' | 'text?' | 'number' | 'number?' | 'texts';

const TOLD = { timeMs: 'number', service: 'text' } as const;

/** The members of each line but `event`, and what they hold; `?` allows null. */
const MEMBERS: Readonly<Record<TapLine['event'], Readonly<Record<string, Kind>>>> = {
  hello: { ...TOLD, format: 'text', classes: 'texts' },
  request: {
    ...TOLD,
    side: 'text',
    class: 'text?',
    reason: 'text',
    to: 'text',
    method: 'text',
    path: 'text',
    status: 'number?',
    queueWaitMs: 'number?',
    tookMs: 'number',
    outcome: 'text',
    code: 'text',
  },
  message: {
    ...TOLD,
    action: 'text',
    class: 'text?',
    reason: 'text',
    exchange: 'text',
    routingKey: 'text',
    queue: 'text',
    priority: 'number?',
    bodyBytes: 'number',
    queueWaitMs: 'number?',
    tookMs: 'number?',
    outcome: 'text',
  },
  move: {
    ...TOLD,
    peer: 'text',
    class: 'text?',
    from: 'text',
    to: 'text',
    reason: 'text',
    owner: 'text',
  },
  dropped: { ...TOLD, count: 'number' },
  full: { ...TOLD, limit: 'number' },
};

function holds(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'text?':
      return value === null || typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'number?':
      return value === null || typeof value === 'number';
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
  }
}

/** Reads a line of a stream; undefined when it is none. Members that this version does not know are allowed. */
export function parseTapLine(text: string): TapLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const event: unknown = Reflect.get(value, 'event');
  if (typeof event !== 'string' || !Object.hasOwn(MEMBERS, event)) return undefined;
  const members = MEMBERS[event as TapLine['event']];
  const sound = Object.entries(members).every(([name, kind]) => holds(Reflect.get(value, name), kind));
  if (!sound || (event === 'hello' && Reflect.get(value, 'format') !== TAP_FORMAT)) return undefined;
  return value as TapLine;
}
