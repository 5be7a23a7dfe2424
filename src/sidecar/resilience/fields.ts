/** The time that a request has left, in whole milliseconds, between sidecars and towards applications. */
export const TIME_LEFT_FIELD = 'x-priomesh-timeout-ms';

/** Which attempt at a request this is, from 2. */
export const ATTEMPT_FIELD = 'x-priomesh-attempt';

/** The field by which a sidecar says why it answered in the upstream's place. */
export const ERROR_FIELD = 'x-priomesh-error';
