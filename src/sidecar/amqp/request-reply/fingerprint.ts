import { createHash } from 'node:crypto';
import type { QueuedRequest } from './message-format.ts';

/** Fields that differ between two copies of one request without making them two requests. */
const INCIDENTAL: ReadonlySet<string> = new Set([
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-request-id',
  'priority',
  'prefer',
  'date',
]);

/**
 * What tells whether two messages are copies of one request: the idempotency key together with all of the request. The key alone would
 * not do: it is the caller's own choice, and a caller who knew another's key would be given that one's response.
 */
export function fingerprintOf({ key, method, target, fields, body }: QueuedRequest): string {
  const hash = createHash('sha256');
  const add = (text: string): void => {
    hash.update(`${text.length}:`).update(text, 'latin1');
  };
  add(key);
  add(method);
  add(target);
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] ?? '').toLowerCase();
    if (INCIDENTAL.has(name)) continue;
    add(name);
    add(fields[index + 1] ?? '');
  }
  return hash.update('body:').update(body).digest('base64');
}
