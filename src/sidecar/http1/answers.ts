import { type RefusalKind, refusalStatus } from './refusal.ts';

/** Every answer that the sidecar gives by itself, by code. The code stands in the field `x-priomesh-error` and in the body. */
const ANSWERS = {
  QUEUE_DEADLINE: { status: 503, message: 'the request waited longer than its class allows' },
  QUEUE_SHED: { status: 503, message: 'more important requests need the place in the request queue' },
  QUEUE_OVERLOAD: { status: 503, message: 'the request queue is slower than it may be for this class' },
  CALLER_DEADLINE: {
    status: 504,
    message: 'the time that the caller gave was over before the request began',
  },
  QUEUE_FULL: { status: 503, message: 'the request queue is full' },
  NO_ROUTE: { status: 404, message: 'no upstream has the name that Host gives' },
  NO_ENDPOINT: { status: 503, message: 'the upstream has no endpoint' },
  POOL_FULL: { status: 503, message: 'too many requests wait for a connection to the upstream' },
  CONNECT_FAILED: { status: 502, message: 'no endpoint of the upstream accepted a connection' },
  CONNECT_TIMEOUT: { status: 504, message: 'no endpoint of the upstream accepted a connection in time' },
  UPSTREAM_RESET: { status: 502, message: 'the upstream closed the connection before it answered' },
  UPSTREAM_MALFORMED: { status: 502, message: 'the upstream sent a message that is not well-formed HTTP' },
  DEADLINE_EXCEEDED: { status: 504, message: 'the time that the request had is over' },
  TRY_TIMEOUT: { status: 504, message: 'no attempt at the request was answered in time' },
  CIRCUIT_REQUESTS: {
    status: 503,
    message: 'as many requests of the class are under way to the upstream as may be',
  },
  CIRCUIT_PENDING: { status: 503, message: 'as many requests of the class wait for a connection as may' },
  CIRCUIT_OPEN: { status: 503, message: 'too many requests of the class to the upstream have failed lately' },
  BULKHEAD_FULL: { status: 503, message: 'the class holds all of the upstream that it may' },
  REQUEST_TIMEOUT: { status: 504, message: 'the upstream did not answer in time' },
  HEAD_TIMEOUT: { status: 408, message: 'the head of the request did not arrive in time' },
  BODY_TIMEOUT: { status: 408, message: 'the body of the request did not arrive in time' },
  TOO_MANY_CONNECTIONS: { status: 503, message: 'the sidecar holds as many connections as it may' },
  SHUTTING_DOWN: { status: 503, message: 'the sidecar is shutting down' },
} as const;

/** A code of the table above. */
export type AnswerCode = keyof typeof ANSWERS;

/** The status with which a code is answered. */
export function answerStatus(code: AnswerCode): number {
  return ANSWERS[code].status;
}

const REASONS: Readonly<Record<number, string>> = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** The field by which answers of the sidecar are told from those of an application, which does not know its value. */
export const OWN_ANSWER_FIELD = 'x-priomesh-own-answer';

/** Seconds after which a caller that was turned away may come back. */
const RETRY_AFTER_SECONDS = 1;

function render(
  status: number,
  code: string,
  message: string,
  className: string,
  close: boolean,
  head: boolean,
  extraLine = '',
): Buffer {
  const body = `${JSON.stringify({ error: code, class: className, message })}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`,
    `x-priomesh-error: ${code}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  if (status === 503) lines.push(`retry-after: ${RETRY_AFTER_SECONDS}`);
  if (close) lines.push('connection: close');
  if (extraLine !== '') lines.push(extraLine);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${head ? '' : body}`);
}

/** The sidecar's own answers as bytes, made once per code and class, because overload is when they are needed most. */
export class AnswerBytes {
  readonly #classNames: readonly string[];
  readonly #extraLine: string;
  readonly #made = new Map<string, Buffer>();

  /** @param ownToken stands in {@link OWN_ANSWER_FIELD} of each answer to a request, for one who must tell it from an application's */
  constructor(classNames: readonly string[], ownToken = '') {
    this.#extraLine = ownToken === '' ? '' : `${OWN_ANSWER_FIELD}: ${ownToken}`;
    this.#classNames = classNames;
  }

  /** The answer for a code. `classIndex` -1: no class is known yet. */
  answer(code: AnswerCode, classIndex: number, close: boolean, head: boolean): Buffer {
    const key = `${code}/${classIndex}/${close}/${head}`;
    let bytes = this.#made.get(key);
    if (bytes === undefined) {
      const { status, message } = ANSWERS[code];
      bytes = render(
        status,
        code,
        message,
        this.#classNames[classIndex] ?? 'unknown',
        close,
        head,
        this.#extraLine,
      );
      this.#made.set(key, bytes);
    }
    return bytes;
  }

  /** A reply that is no error of the sidecar's own, with these fields. */
  reply(
    {
      status,
      fields,
      body,
    }: { status: number; fields: readonly (readonly [string, string])[]; body: string },
    close: boolean,
    head: boolean,
  ): Buffer {
    const lines = [
      `HTTP/1.1 ${status} ${REASONS[status] ?? 'Reply'}`,
      ...fields.map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    if (close) lines.push('connection: close');
    if (this.#extraLine !== '') lines.push(this.#extraLine);
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${head ? '' : body}`);
  }

  /** The answer to a request whose framing is refused. It always closes. */
  refusal(kind: RefusalKind): Buffer {
    const key = `refusal/${kind}`;
    let bytes = this.#made.get(key);
    if (bytes === undefined) {
      const status = refusalStatus(kind);
      bytes = render(status, 'FRAMING_REFUSED', `the message is refused: ${kind}`, 'unknown', true, false);
      this.#made.set(key, bytes);
    }
    return bytes;
  }
}
