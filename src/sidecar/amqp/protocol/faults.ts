/** Hard errors of AMQP 0-9-1 (section 1.2, constants): each closes the connection with this reply code. */
const REPLY_CODES = {
  'connection-forced': 320,
  frame: 501,
  syntax: 502,
  command: 503,
  channel: 504,
  'unexpected-frame': 505,
  resource: 506,
  'not-allowed': 530,
  'not-implemented': 540,
  internal: 541,
} as const;

/** What a peer did wrong, or what went wrong on this side, in the terms of the protocol. */
export type AmqpFaultKind = keyof typeof REPLY_CODES;

const REPLY_NAMES: Readonly<Record<AmqpFaultKind, string>> = {
  'connection-forced': 'CONNECTION_FORCED',
  frame: 'FRAME_ERROR',
  syntax: 'SYNTAX_ERROR',
  command: 'COMMAND_INVALID',
  channel: 'CHANNEL_ERROR',
  'unexpected-frame': 'UNEXPECTED_FRAME',
  resource: 'RESOURCE_ERROR',
  'not-allowed': 'NOT_ALLOWED',
  'not-implemented': 'NOT_IMPLEMENTED',
  internal: 'INTERNAL_ERROR',
};

/** Bytes that a short string holds at most (AMQP 0-9-1 section 4.2.5.3). */
const MAX_SHORT_STRING_BYTES = 255;

/**
 * A violation of AMQP 0-9-1. It never leaves the AMQP proxy: the proxy answers it with `connection.close`, of which `replyCode` and
 * `replyText` are the first two arguments.
 */
export class AmqpFault extends Error {
  override readonly name = 'AmqpFault';
  readonly kind: AmqpFaultKind;
  readonly replyCode: number;

  constructor(kind: AmqpFaultKind, text: string) {
    super(text);
    this.kind = kind;
    this.replyCode = REPLY_CODES[kind];
  }

  /** The text in the form in which brokers write it, `SYNTAX_ERROR - what is wrong`, cut to what a short string holds. */
  get replyText(): string {
    const bytes = Buffer.from(`${REPLY_NAMES[this.kind]} - ${this.message}`);
    if (bytes.length <= MAX_SHORT_STRING_BYTES) return bytes.toString();
    let end = MAX_SHORT_STRING_BYTES;
    while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
    return bytes.toString('utf8', 0, end);
  }
}
