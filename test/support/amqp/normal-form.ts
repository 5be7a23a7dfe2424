import type { WireChannel, WireEvent, WireTranscript } from './wire-recorder.ts';

/** What the sidecar's AMQP proxy adds to messages, as its guide says; a client that ignores these sees no difference. */
const ADDED_HEADERS = new Set(['traceparent', 'tracestate', 'baggage', 'x-priomesh-published-ms']);

/** Names that a server makes up, and what they are called in a transcript. */
const MADE_UP: readonly (readonly [RegExp, string])[] = [
  [/amq\.gen-[\w-]{22}/g, 'amq.gen-*'],
  [/amq\.ctag-[\w-]{22}/g, 'amq.ctag-*'],
  [/amq\.rabbitmq\.reply-to\.g1h[\w.+/=-]+/g, 'amq.rabbitmq.reply-to.*'],
  [/ctag1\.[0-9a-f]{32}/g, 'ctag1.*'],
  [/sg\.[0-9a-f-]{32,36}/g, 'sg.*'],
];

/** What differs between two runs of one scenario and means nothing. */
export interface Variant {
  readonly virtualHost: string;
  /** The priority that messages of the default class are given, which no scenario sets by itself. */
  readonly defaultPriority: number;
}

function plainText(text: string, { virtualHost }: Variant): string {
  let plain = text
    .replaceAll(`vhost '${virtualHost}'`, "vhost '*'")
    .replaceAll(`vhost ${virtualHost} `, 'vhost * ');
  for (const [pattern, name] of MADE_UP) plain = plain.replaceAll(pattern, name);
  return plain;
}

/** Writes a value as every run of a scenario would have it: without what a server makes up, and what the proxy adds. */
export function normalForm(value: unknown, variant: Variant): unknown {
  if (typeof value === 'string') return plainText(value, variant);
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('base64')}`;
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (value instanceof Error)
    return { error: plainText(value.message, variant), code: Reflect.get(value, 'code') };
  if (Array.isArray(value)) return value.map((one) => normalForm(one, variant));
  if (typeof value !== 'object' || value === null) return value;
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || ADDED_HEADERS.has(name)) continue;
    if (name === 'priority' && member === variant.defaultPriority) continue;
    // Whether a table is there and empty, or not there: the proxy may have made one for what it adds.
    const plain = normalForm(member, variant);
    if (name === 'headers' && typeof plain === 'object' && plain !== null && Object.keys(plain).length === 0)
      continue;
    members.push([name, plain]);
  }
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function numbers(list: readonly number[]): number[] {
  return [...list].sort((a, b) => a - b);
}

function event({ method, fields, message }: WireEvent, variant: Variant): unknown {
  const plain = { ...fields };
  // The proxy keeps the highest channel for itself.
  if (method === 'ConnectionTune') delete plain['channelMax'];
  return normalForm({ method, fields: plain, ...(message === undefined ? {} : { message }) }, variant);
}

function channel(seen: WireChannel, variant: Variant): unknown {
  const events = (list: readonly WireEvent[]): unknown[] => list.map((one) => event(one, variant));
  return {
    replies: events(seen.replies),
    deliveries: events(seen.deliveries),
    returns: events(seen.returns),
    notices: events(seen.notices),
    confirmed: numbers(seen.confirmed),
    refused: numbers(seen.refused),
  };
}

/** A recorded connection in normal form, by channel. */
export function normalTranscript({ channels }: WireTranscript, variant: Variant): unknown {
  const all = [...channels].sort(([a], [b]) => a - b);
  return Object.fromEntries(all.map(([number, seen]) => [`channel ${number}`, channel(seen, variant)]));
}
