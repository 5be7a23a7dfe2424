import type { HeadFields } from '../exchange.ts';

/** The time that a request has left, in whole milliseconds, between sidecars and towards applications. */
export const TIME_LEFT_FIELD = 'x-priomesh-timeout-ms';

/** Which attempt at a request this is, from 2. */
export const ATTEMPT_FIELD = 'x-priomesh-attempt';

/** The field by which a sidecar says why it answered in the upstream's place. */
export const ERROR_FIELD = 'x-priomesh-error';

/** What stands in the head of an attempt. @param leftMs Infinity where the time is not told */
export function attemptFields(leftMs: number, attempt: number): HeadFields {
  const fields: [string, string][] = [];
  if (leftMs < Number.POSITIVE_INFINITY)
    fields.push([TIME_LEFT_FIELD, String(Math.max(1, Math.floor(leftMs)))]);
  if (attempt > 1) fields.push([ATTEMPT_FIELD, String(attempt)]);
  return fields;
}
