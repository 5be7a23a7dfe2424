import type { FieldList } from './fields.ts';

/** Every answer that the gateway or a worker gives in an application's place; the codes of the data path's own answers are others. */
const ANSWERS = {
  BROKER_AWAY: { status: 503, message: 'the message broker could not be reached in time' },
  BROKER_FULL: { status: 503, message: 'too many requests wait for a response through a queue' },
  BROKER_SHED: { status: 503, message: 'too many requests wait, and more important ones came' },
  BROKER_REFUSED: { status: 503, message: 'the message broker did not take the request' },
  BROKER_NO_QUEUE: { status: 503, message: 'the message broker has no such queue' },
  BROKER_DEADLINE: { status: 504, message: 'the request waited in its queue longer than its class allows' },
  BROKER_TIMEOUT: { status: 504, message: 'the request was started, and its response did not come in time' },
  BROKER_DROPPED: { status: 503, message: 'the request was dropped from its queue' },
  REQUEST_TOO_LARGE: { status: 413, message: 'the body is larger than a request through a queue may be' },
  FIELDS_TOO_LARGE: { status: 431, message: 'the header fields do not fit into the headers of a message' },
  METHOD_UNKNOWN: { status: 501, message: 'a request of this method cannot go through a queue' },
  TARGET_INVALID: { status: 400, message: 'the request target cannot go through a queue' },
  RESPONSE_TOO_LARGE: { status: 502, message: 'the response is larger than one through a queue may be' },
  RESPONSES_HELD: { status: 503, message: 'the worker holds as many responses as it may' },
  RESPONSE_MALFORMED: { status: 502, message: 'what came for a response is none' },
  APPLICATION_LOST: { status: 502, message: 'the application broke off the request again and again' },
} as const;

/** A code of the table above. */
export type QueueAnswerCode = keyof typeof ANSWERS;

/** Seconds after which a caller that was turned away may come back. */
const RETRY_AFTER_SECONDS = '1';

/** An answer as an HTTP response, in the form of the data path's own answers. @param className of the request, for the caller */
export function ownAnswer(
  code: QueueAnswerCode,
  className: string,
): { readonly status: number; readonly fields: FieldList; readonly body: Buffer } {
  const { status, message } = ANSWERS[code];
  const fields = ['x-priomesh-error', code, 'content-type', 'application/json'];
  if (status === 503) fields.push('retry-after', RETRY_AFTER_SECONDS);
  return {
    status,
    fields,
    body: Buffer.from(`${JSON.stringify({ error: code, class: className, message })}\n`),
  };
}
