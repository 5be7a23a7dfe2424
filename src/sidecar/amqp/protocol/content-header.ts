import { AmqpFault } from './faults.ts';
import { checkTable, findEntry, longAt, simpleValue } from './table-bytes.ts';
import { readText } from './text.ts';

/** The class that has content: basic. */
const BASIC = 60;
/** Bytes before the property list: class, weight, body size, flags (AMQP 0-9-1 section 4.2.6.1). */
const HEAD_BYTES = 14;
/** The two low flags: that more flags follow, which no class needs, and one that no property has. */
const FLAGS_WITHOUT_PROPERTY = 0x3;

/** The properties of basic in their order on the wire; the first has the highest flag (section 1.8 of the reference). */
const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

/** A property of a message. */
export type Property = (typeof PROPERTIES)[number];

const indexOf = (property: Property): number => PROPERTIES.indexOf(property);
const CONTENT_TYPE = indexOf('contentType');
const CONTENT_ENCODING = indexOf('contentEncoding');
const HEADERS = indexOf('headers');
const DELIVERY_MODE = indexOf('deliveryMode');
const PRIORITY = indexOf('priority');
const CORRELATION_ID = indexOf('correlationId');
const REPLY_TO = indexOf('replyTo');
const EXPIRATION = indexOf('expiration');
const MESSAGE_ID = indexOf('messageId');
const TIMESTAMP = indexOf('timestamp');
const TYPE = indexOf('type');
const USER_ID = indexOf('userId');
const APP_ID = indexOf('appId');

/** The flag of the property at a place in `PROPERTIES`. */
const flagOf = (index: number): number => 0x8000 >>> index;

/** The flags of the two properties that an edit can add. */
export const HEADERS_FLAG = flagOf(HEADERS);
export const PRIORITY_FLAG = flagOf(PRIORITY);

function malformed(text: string): AmqpFault {
  return new AmqpFault('syntax', `content header: ${text}`);
}

/**
 * The properties of a message, read from the payload of its content header frame when they are asked for. It holds the bytes that it was
 * read from: it is good as long as they are.
 */
export class ContentHeader {
  readonly classId = BASIC;
  /** Bytes of the body frames' payloads that follow. */
  readonly bodySize: number;
  readonly flags: number;

  /** The bytes that hold the payload, and where in them it lies. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where the headers property lies with the length before it, or would; and the same of the priority. */
  readonly headersStart: number;
  readonly headersEnd: number;
  readonly priorityStart: number;

  private constructor(bytes: Buffer, start: number, end: number) {
    if (end - start < HEAD_BYTES) throw malformed('it ends too early');
    const classId = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
    if (classId !== BASIC) {
      throw new AmqpFault(
        'unexpected-frame',
        `a content header of class ${classId}, where one of class ${BASIC} belongs`,
      );
    }
    if (bytes[start + 2] !== 0 || bytes[start + 3] !== 0) {
      throw new AmqpFault('unexpected-frame', 'a content header of a weight other than zero');
    }
    this.bodySize = longAt(bytes, start + 4) * 0x1_0000_0000 + longAt(bytes, start + 8);
    if (!Number.isSafeInteger(this.bodySize)) throw malformed('a body of more than 2^53 bytes');
    this.flags = ((bytes[start + 12] as number) << 8) | (bytes[start + 13] as number);
    if ((this.flags & FLAGS_WITHOUT_PROPERTY) !== 0) throw malformed('a flag that belongs to no property');
    this.bytes = bytes;
    this.start = start;
    this.end = end;

    this.headersStart = this.#after(start + HEAD_BYTES, CONTENT_TYPE, HEADERS);
    this.headersEnd = this.#after(this.headersStart, HEADERS, DELIVERY_MODE);
    this.priorityStart = this.#after(this.headersEnd, DELIVERY_MODE, PRIORITY);
    if (this.#after(this.priorityStart, PRIORITY, PROPERTIES.length) !== end) {
      throw malformed('bytes follow its last property');
    }
    if (this.headersEnd > this.headersStart) checkTable(bytes, this.headersStart + 4, this.headersEnd);
  }

  /**
   * Checks the payload of a content header frame and notes where its properties lie.
   *
   * @throws AmqpFault `syntax` for properties that are truncated, malformed, beyond `LIMITS` or followed by more bytes, or flags that
   * no property has; `unexpected-frame` for a class other than basic or a weight other than zero, as RabbitMQ does.
   */
  static read(bytes: Buffer, payloadStart: number, payloadEnd: number): ContentHeader {
    return new ContentHeader(bytes, payloadStart, payloadEnd);
  }

  /** Where property `to` lies, or would, given that property `from` lies, or would, at `at`. */
  #after(at: number, from: number, to: number): number {
    const { bytes, end, flags } = this;
    let position = at;
    for (let index = from; index < to; index += 1) {
      if ((flags & flagOf(index)) === 0) continue;
      if (position >= end) throw malformed('it ends too early');
      if (index === DELIVERY_MODE || index === PRIORITY) position += 1;
      else if (index === TIMESTAMP) position += 8;
      else if (index !== HEADERS) position += 1 + (bytes[position] as number);
      else if (end - position < 4) throw malformed('it ends too early');
      else position += 4 + longAt(bytes, position);
    }
    if (position > end) throw malformed('it ends too early');
    return position;
  }

  /** Where a property lies; -1 if it is absent. */
  #place(index: number): number {
    if ((this.flags & flagOf(index)) === 0) return -1;
    if (index >= PRIORITY) return this.#after(this.priorityStart, PRIORITY, index);
    if (index === DELIVERY_MODE) return this.headersEnd;
    return this.#after(this.start + HEAD_BYTES, CONTENT_TYPE, index);
  }

  #text(index: number): string | undefined {
    const at = this.#place(index);
    return at === -1 ? undefined : readText(this.bytes, at + 1, at + 1 + (this.bytes[at] as number));
  }

  #octet(index: number): number | undefined {
    const at = this.#place(index);
    return at === -1 ? undefined : this.bytes[at];
  }

  has(property: Property): boolean {
    return (this.flags & flagOf(indexOf(property))) !== 0;
  }

  get contentType(): string | undefined {
    return this.#text(CONTENT_TYPE);
  }

  get contentEncoding(): string | undefined {
    return this.#text(CONTENT_ENCODING);
  }

  /** 1: lost when the broker ends; 2: kept on disk, in a durable queue. */
  get deliveryMode(): number | undefined {
    return this.#octet(DELIVERY_MODE);
  }

  /** Larger is more important. */
  get priority(): number | undefined {
    return this.#octet(PRIORITY);
  }

  get correlationId(): string | undefined {
    return this.#text(CORRELATION_ID);
  }

  get replyTo(): string | undefined {
    return this.#text(REPLY_TO);
  }

  /** Milliseconds after which the message may be dropped, in decimal. */
  get expiration(): string | undefined {
    return this.#text(EXPIRATION);
  }

  get messageId(): string | undefined {
    return this.#text(MESSAGE_ID);
  }

  /** Seconds since 1970, as the publisher claims. Beyond 2^53 it is rounded. */
  get timestamp(): number | undefined {
    const at = this.#place(TIMESTAMP);
    return at === -1 ? undefined : longAt(this.bytes, at) * 0x1_0000_0000 + longAt(this.bytes, at + 4);
  }

  get type(): string | undefined {
    return this.#text(TYPE);
  }

  get userId(): string | undefined {
    return this.#text(USER_ID);
  }

  get appId(): string | undefined {
    return this.#text(APP_ID);
  }

  /**
   * The value of a message header if it is a text, bytes (as text) or an integer (rounded beyond 2^53). Names are case-sensitive. Of a
   * name that stands twice the first counts, as for RabbitMQ.
   */
  header(name: string): string | number | undefined {
    const { bytes, headersStart, headersEnd } = this;
    if (headersStart === headersEnd) return undefined;
    const at = findEntry(bytes, headersStart + 4, headersEnd, name);
    return at === -1 ? undefined : simpleValue(bytes, at);
  }
}
