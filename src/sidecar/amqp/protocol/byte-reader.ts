import { AmqpFault } from './faults.ts';
import { readText } from './text.ts';

/** Reads the elementary types of AMQP 0-9-1 (section 4.2.5) one after the other. Truncation is a fault of kind `syntax`. */
export class ByteReader {
  at: number;
  readonly bytes: Buffer;
  readonly end: number;
  readonly #what: string;

  /** @param what the thing that is read, for the texts of faults. */
  constructor(bytes: Buffer, start: number, end: number, what: string) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#what = what;
  }

  /** A fault about what is being read. */
  fault(text: string): AmqpFault {
    return new AmqpFault('syntax', `${this.#what}: ${text}`);
  }

  /** Steps over `length` bytes; hands back where they begin. */
  take(length: number): number {
    const start = this.at;
    if (length > this.end - start) throw this.fault('it ends too early');
    this.at = start + length;
    return start;
  }

  octet(): number {
    return this.bytes[this.take(1)] as number;
  }

  short(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  long(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  /** An unsigned 64-bit number; a bigint only where a number would not be exact. */
  longlong(): number | bigint {
    const start = this.take(8);
    const high = this.bytes.readUInt32BE(start);
    if (high > 0x1fffff) return this.bytes.readBigUInt64BE(start);
    return high * 0x1_0000_0000 + this.bytes.readUInt32BE(start + 4);
  }

  shortString(): string {
    const length = this.octet();
    const start = this.take(length);
    return readText(this.bytes, start, start + length);
  }

  /** A view of the next bytes. */
  raw(length: number): Buffer {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  longString(): string {
    const length = this.long();
    const start = this.take(length);
    return readText(this.bytes, start, start + length);
  }
}
