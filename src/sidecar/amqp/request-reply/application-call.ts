import type { Pool } from 'undici';
import { OWN_ANSWER_FIELD } from '../../http1/index.ts';
import { endToEndFields, fieldOf } from './fields.ts';
import type { QueuedRequest, QueuedResponse } from './message-format.ts';

/** What came of handing a request to the application. */
export type CallResult =
  | { readonly kind: 'response'; readonly response: QueuedResponse; readonly ofApplication: boolean }
  /** The application could not be reached: it has not seen the request. */
  | { readonly kind: 'unreached' }
  /** The application broke off; it may have seen the request. */
  | { readonly kind: 'broken' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'no-room' }
  | { readonly kind: 'aborted' };

const OWN_FIELDS: ReadonlySet<string> = new Set([OWN_ANSWER_FIELD]);

/** Own answers that say that the application has not seen the request; another worker may have it. */
const UNREACHED: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'NO_ENDPOINT',
  'POOL_FULL',
  'TOO_MANY_CONNECTIONS',
  'SHUTTING_DOWN',
]);

/** What a call needs. */
export interface CallOptions {
  /** To the internal listener of the sidecar's inbound side. */
  readonly pool: Pool;
  /** The value of {@link OWN_ANSWER_FIELD} in this sidecar's answers. */
  readonly ownToken: string;
  readonly maxResponseBytes: number;
  /** Makes room for bytes of a response; false when there is none. What was given is taken back by the caller. */
  hold(bytes: number): boolean;
}

/** Fields of a request as the application gets it: trace and class, and the idempotency key where the caller sent none. */
function requestFields({ fields, trace, key }: QueuedRequest): string[] {
  const all = endToEndFields(fields, new Set(['content-length']));
  for (const [name, value] of Object.entries(trace)) all.push(name, value);
  // A string of structured fields, as draft-ietf-httpapi-idempotency-key-header writes it.
  if (fieldOf(all, 'idempotency-key') === undefined) all.push('idempotency-key', `"${key}"`);
  return all;
}

/** Hands a request to the application, by way of the sidecar's own inbound side, and reads the response whole. Never rejects. */
export async function callApplication(
  { pool, ownToken, maxResponseBytes, hold }: CallOptions,
  request: QueuedRequest,
  signal: AbortSignal,
): Promise<CallResult> {
  try {
    const { statusCode, headers, body } = await pool.request({
      method: request.method as 'GET',
      path: request.target,
      headers: requestFields(request),
      body: request.body.length > 0 ? request.body : null,
      responseHeaders: 'raw',
      signal,
    });
    const written = rawFields(headers);
    const own = fieldOf(written, OWN_ANSWER_FIELD) === ownToken;
    if (own && isNoAnswer(fieldOf(written, 'x-priomesh-error'))) {
      await body.dump();
      return { kind: fieldOf(written, 'x-priomesh-error') === 'UPSTREAM_RESET' ? 'broken' : 'unreached' };
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      bytes += chunk.length;
      // Leaving the loop destroys the body, and with it the connection.
      if (bytes > maxResponseBytes) return { kind: 'too-large' };
      if (!hold(chunk.length)) return { kind: 'no-room' };
      chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
    const response: QueuedResponse = {
      status: statusCode,
      fields: endToEndFields(written, OWN_FIELDS),
      body: Buffer.concat(chunks, bytes),
    };
    return { kind: 'response', response, ofApplication: !own };
  } catch {
    // The internal listener answers whatever happens to the application; a connection that breaks has broken off a response.
    return signal.aborted ? { kind: 'aborted' } : { kind: 'broken' };
  }
}

function isNoAnswer(code: string | undefined): boolean {
  return code !== undefined && (code === 'UPSTREAM_RESET' || UNREACHED.has(code));
}

/** With `responseHeaders: 'raw'` undici hands out a flat list, which its types do not say. */
function rawFields(headers: unknown): string[] {
  return Array.isArray(headers) ? headers.filter((one): one is string => typeof one === 'string') : [];
}
