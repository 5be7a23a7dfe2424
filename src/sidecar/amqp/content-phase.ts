const HIGH_WORD = 2 ** 32;

/** Where a stream of frames of one channel stands: a method that carries content is followed by a header and by bodies (AMQP 0-9-1 section 4.2.6). */
export class ContentPhase {
  /** Body bytes that are still to come; -1 while the header is, 0 between two methods. */
  #remaining = 0;
  #headerDue = false;

  /** Whether another method may come. */
  get idle(): boolean {
    return this.#remaining === 0 && !this.#headerDue;
  }

  get headerDue(): boolean {
    return this.#headerDue;
  }

  /** A method that carries content has come. */
  begin(): void {
    this.#headerDue = true;
  }

  /** A header has come. @returns whether one was due */
  header(bodyBytes: number): boolean {
    if (!this.#headerDue) return false;
    this.#headerDue = false;
    this.#remaining = bodyBytes;
    return true;
  }

  /** A body frame has come. @returns whether it was due and not too long */
  body(bytes: number): boolean {
    if (this.#headerDue || this.#remaining === 0 || bytes > this.#remaining) return false;
    this.#remaining -= bytes;
    return true;
  }

  reset(): void {
    this.#remaining = 0;
    this.#headerDue = false;
  }
}

/** The body size in the payload of a content header frame (class, weight, size), or -1 when the payload is too short. */
export function bodySizeAt(bytes: Buffer, payloadStart: number, payloadEnd: number): number {
  if (payloadEnd - payloadStart < 14) return -1;
  return bytes.readUInt32BE(payloadStart + 4) * HIGH_WORD + bytes.readUInt32BE(payloadStart + 8);
}

/** A delivery tag (64 bits). Tags count from 1, so those that a number cannot hold exactly do not occur. */
export function tagAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * HIGH_WORD + bytes.readUInt32BE(at + 4);
}

/** Writes a delivery tag. */
export function writeTag(bytes: Buffer, at: number, tag: number): void {
  bytes.writeUInt32BE(Math.floor(tag / HIGH_WORD), at);
  bytes.writeUInt32BE(tag % HIGH_WORD, at + 4);
}
