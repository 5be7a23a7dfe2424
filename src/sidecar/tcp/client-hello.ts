const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 0x01;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER_BYTES = 5;
/** A ClientHello is a few hundred bytes, a few thousand with post-quantum keys; more is not waited for. */
const MAX_HELLO_BYTES = 16 * 1024;
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** What the first bytes of a connection say. `name` is empty where the client says none. */
export type Hello =
  | { readonly kind: 'hello'; readonly name: string }
  | { readonly kind: 'more' }
  | { readonly kind: 'other' };

const MORE: Hello = { kind: 'more' };
const OTHER: Hello = { kind: 'other' };

/** Whether the byte begins a TLS handshake (RFC 8446 section 5.1). */
export function beginsTls(byte: number | undefined): boolean {
  return byte === HANDSHAKE_RECORD;
}

/**
 * Reads the server name of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3) without consuming anything. A handshake message may
 * be spread over several records. What is malformed counts as `other`, and is passed on to whoever should judge it.
 */
export function readClientHello(bytes: Uint8Array, start: number, end: number): Hello {
  const message: number[] = [];
  let at = start;
  let wanted = Number.POSITIVE_INFINITY;
  while (message.length < wanted) {
    if (end - at < RECORD_HEADER_BYTES) return end > at && !beginsTls(bytes[at]) ? OTHER : MORE;
    if (!beginsTls(bytes[at]) || bytes[at + 1] !== 3) return OTHER;
    const length = u16(bytes, at + 3);
    if (length === 0 || length > MAX_HELLO_BYTES) return OTHER;
    const recordEnd = at + RECORD_HEADER_BYTES + length;
    for (let index = at + RECORD_HEADER_BYTES; index < Math.min(recordEnd, end); index += 1) {
      message.push(bytes[index] as number);
    }
    if (message.length >= 1 && message[0] !== CLIENT_HELLO) return OTHER;
    if (message.length >= 4) {
      wanted = 4 + ((message[1] as number) << 16) + u16(message, 2);
      if (wanted > MAX_HELLO_BYTES) return OTHER;
    }
    if (recordEnd > end && message.length < wanted) return MORE;
    at = recordEnd;
  }
  const name = serverName(message.slice(4, wanted));
  return name === undefined ? OTHER : { kind: 'hello', name };
}

function u16(bytes: ArrayLike<number>, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Reads parts that begin with their length; every read beyond the end gives undefined for good. */
class Parts {
  readonly #bytes: readonly number[];
  #at = 0;

  constructor(bytes: readonly number[]) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): readonly number[] | undefined {
    if (count > this.rest) return undefined;
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }

  number(bytes: 1 | 2): number | undefined {
    const taken = this.take(bytes);
    if (taken === undefined) return undefined;
    return bytes === 1 ? taken[0] : u16(taken, 0);
  }

  /** A part whose length stands in front of it. */
  part(lengthBytes: 1 | 2): readonly number[] | undefined {
    const length = this.number(lengthBytes);
    return length === undefined ? undefined : this.take(length);
  }
}

/** @returns the name, empty where there is none, undefined where the message is malformed */
function serverName(body: readonly number[]): string | undefined {
  const hello = new Parts(body);
  // Version and random, session id, cipher suites, compression methods.
  if (hello.take(34) === undefined || hello.part(1) === undefined) return undefined;
  if (hello.part(2) === undefined || hello.part(1) === undefined) return undefined;
  if (hello.rest === 0) return '';
  const list = hello.part(2);
  if (list === undefined) return undefined;
  const extensions = new Parts(list);
  while (extensions.rest > 0) {
    const type = extensions.number(2);
    const extension = extensions.part(2);
    if (type === undefined || extension === undefined) return undefined;
    if (type === SERVER_NAME) return firstName(extension);
  }
  return '';
}

function firstName(extension: readonly number[]): string | undefined {
  const names = new Parts(new Parts(extension).part(2) ?? []);
  const type = names.number(1);
  const bytes = names.part(2);
  if (type !== HOST_NAME || bytes === undefined) return undefined;
  const name = String.fromCharCode(...bytes).toLowerCase();
  return NAME.test(name) ? name : undefined;
}
