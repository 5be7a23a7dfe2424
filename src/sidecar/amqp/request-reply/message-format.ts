import type { Message, MessageProperties, Options } from 'amqplib';
import { type FieldList, isOriginForm, isToken, parseFields } from './fields.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';

/** What a message is; the property `type`. */
export const MESSAGE_TYPE = {
  /** A request that waits for a worker. */
  request: 'http-request',
  /** Its response. */
  response: 'http-response',
  /** The request was handed to the application: from here on the deadline for waiting does not count. */
  started: 'http-started',
  /** The request will not be executed: it died in its queue. */
  dead: 'http-dead',
  /** Nobody waits for the response any more. */
  cancel: 'http-cancel',
} as const;

/** The fields that carry the trace and the class. They stand in headers of the message, where sidecars and tracing libraries look for them. */
export const TRACE_FIELDS = ['traceparent', 'tracestate', 'baggage'] as const;

/** Trace and class of a message, by field name. */
export type Trace = Readonly<Partial<Record<(typeof TRACE_FIELDS)[number], string>>>;

/** Where replies go: RabbitMQ's direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to). */
export const REPLY_TO = 'amq.rabbitmq.reply-to';
const REPLY_ADDRESS = /^amq\.rabbitmq\.reply-to\.[\x21-\x7e]{1,220}$/;

/** AMQP's short strings hold no more bytes. */
const SHORT_STRING_BYTES = 255;

/** An HTTP request as it travels through a queue. */
export interface QueuedRequest {
  /** Names this attempt of this caller: correlation id of the reply, and what a cancel notice names. */
  readonly id: string;
  /** The idempotency key: the same for every copy of one request. */
  readonly key: string;
  readonly method: string;
  /** Origin form: path and query. */
  readonly target: string;
  /** End-to-end fields without those of the trace. */
  readonly fields: FieldList;
  readonly trace: Trace;
  readonly body: Buffer;
}

/** An HTTP response as it travels back. */
export interface QueuedResponse {
  readonly status: number;
  readonly fields: FieldList;
  readonly body: Buffer;
}

/** A request as a worker got it. */
export interface ReceivedRequest {
  readonly request: QueuedRequest;
  /** Where its reply goes; undefined when nobody asked for one. */
  readonly replyTo: string | undefined;
}

/** What came back for a request. */
export type ReceivedReply =
  | { readonly id: string; readonly kind: 'response'; readonly response: QueuedResponse }
  | { readonly id: string; readonly kind: 'started' }
  | { readonly id: string; readonly kind: 'dead'; readonly expired: boolean }
  | { readonly id: string; readonly kind: 'malformed' };

/** Properties of the message of a request. @param expirationMs how long it may wait in the queue */
export function requestOptions(request: QueuedRequest, expirationMs: number): Options.Publish {
  return {
    type: MESSAGE_TYPE.request,
    mandatory: true,
    persistent: true,
    messageId: request.key,
    correlationId: request.id,
    replyTo: REPLY_TO,
    expiration: String(Math.max(1, Math.ceil(expirationMs))),
    contentType: 'application/octet-stream',
    headers: {
      method: request.method,
      target: request.target,
      fields: JSON.stringify(request.fields),
      ...request.trace,
    },
  };
}

/** An upper bound of the bytes that a request's properties take: they must fit into one frame. */
export function requestHeaderBytes({ key, method, target, fields, trace }: QueuedRequest): number {
  return headerBytes([key, method, target, JSON.stringify(fields), ...Object.values(trace)]);
}

/** The same for a response. */
export function responseHeaderBytes({ fields }: QueuedResponse, trace: Trace): number {
  return headerBytes([JSON.stringify(fields), ...Object.values(trace)]);
}

function headerBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 32, 256);
}

/** Whether properties of so many bytes can be published, with room for what sidecars on the way add. @param frameBytes the largest frame */
export function fitsMessage(bytes: number, frameBytes: number): boolean {
  const { frameReserveBytes, tableBytes } = REQUEST_REPLY_LIMITS;
  return bytes + frameReserveBytes <= frameBytes && bytes <= tableBytes;
}

/** Reads a request from a queue. @returns what is wrong with it, in words, when it is none */
export function readRequest({ properties, content }: Message): ReceivedRequest | string {
  if (properties.type !== MESSAGE_TYPE.request) return 'the type is another';
  const id = shortText(properties.correlationId);
  const key = shortText(properties.messageId);
  if (id === undefined || key === undefined) return 'it has no correlation id or no message id';
  const { method, target, fields: written } = headersOf(properties);
  if (typeof method !== 'string' || !isToken(method)) return 'the method is none';
  if (typeof target !== 'string' || !isOriginForm(target)) return 'the target is none';
  const fields = parseFields(written);
  if (fields === undefined) return 'the fields are malformed';
  return {
    request: { id, key, method, target, fields, trace: readTrace(properties), body: content },
    replyTo: readReplyTo(properties),
  };
}

/** Where a reply to a message goes: only to direct reply-to addresses, so that nobody can make a worker write into any queue. */
export function readReplyTo({ replyTo }: MessageProperties): string | undefined {
  return typeof replyTo === 'string' && REPLY_ADDRESS.test(replyTo) ? replyTo : undefined;
}

/** Trace and class of a message. */
export function readTrace(properties: MessageProperties): Trace {
  const headers = headersOf(properties);
  const found: [string, string][] = [];
  for (const name of TRACE_FIELDS) {
    const value = headers[name];
    if (typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value)) found.push([name, value]);
  }
  return Object.fromEntries(found);
}

/** Properties of the message of a response. */
export function responseOptions(
  id: string,
  { status, fields }: QueuedResponse,
  trace: Trace,
): Options.Publish {
  return {
    type: MESSAGE_TYPE.response,
    correlationId: id,
    contentType: 'application/octet-stream',
    headers: { status, fields: JSON.stringify(fields), ...trace },
  };
}

/** Properties of the word that a request is being executed. */
export function startedOptions(id: string, trace: Trace): Options.Publish {
  return { type: MESSAGE_TYPE.started, correlationId: id, headers: { ...trace } };
}

/** Properties of the word that a request died in its queue, and why: the `reason` of RabbitMQ's header `x-death`. */
export function deadOptions(id: string, cause: string, trace: Trace): Options.Publish {
  return { type: MESSAGE_TYPE.dead, correlationId: id, headers: { cause, ...trace } };
}

/** Properties of the word that nobody waits for a request. */
export function cancelOptions(id: string): Options.Publish {
  return { type: MESSAGE_TYPE.cancel, correlationId: id };
}

/** Reads what came to the reply address; undefined when it answers nothing. */
export function readReply({ properties, content }: Message): ReceivedReply | undefined {
  const id = shortText(properties.correlationId);
  if (id === undefined) return undefined;
  if (properties.type === MESSAGE_TYPE.started) return { id, kind: 'started' };
  const { status, fields: written, cause } = headersOf(properties);
  if (properties.type === MESSAGE_TYPE.dead) return { id, kind: 'dead', expired: cause === 'expired' };
  const fields = parseFields(written);
  const sound = typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599;
  if (properties.type !== MESSAGE_TYPE.response || fields === undefined || !sound) {
    return { id, kind: 'malformed' };
  }
  return { id, kind: 'response', response: { status, fields, body: content } };
}

/** The request that a cancel notice names. */
export function readCancel({ properties }: Message): string | undefined {
  return properties.type === MESSAGE_TYPE.cancel ? shortText(properties.correlationId) : undefined;
}

/** Whether a caller's idempotency key can be the id of a message as it is. */
export function fitsMessageId(key: string): boolean {
  return key.length > 0 && key.length <= SHORT_STRING_BYTES && /^[\x21-\x7e]+$/.test(key);
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && fitsMessageId(value) ? value : undefined;
}

/** The headers of a message: a table from the wire, so that nothing is known of its values. */
function headersOf(properties: MessageProperties): Readonly<Record<string, unknown>> {
  return properties.headers ?? {};
}
