/** The type of a message that is a request: its headers `method` and `target` say which. */
export const REQUEST_TYPE = 'http-request';
/** The type of a message that is a response: its header `status`, and its body. */
export const RESPONSE_TYPE = 'http-response';
/** When a worker began with the request: CLOCK_MONOTONIC in milliseconds, which processes of one machine share. */
export const STARTED_HEADER = 'started-ms';
/** As in HTTP. */
export const TIMING_HEADER = 'server-timing';

/** A property or header of a message that should be text; empty when it is not. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A header of a message that should be a number; undefined when it is not. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
