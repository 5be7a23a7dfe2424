import { AmqpFault } from './faults.ts';
import { textBytes, writeText } from './text.ts';

const FIRST_BYTES = 512;
/** A buffer that has grown beyond this is not kept for the next use. */
const KEPT_BYTES = 65_536;
const HIGH_WORD = 0x1_0000_0000;

/** Writes the elementary types of AMQP 0-9-1 (section 4.2.5) one after the other into a buffer that grows. */
export class ByteWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  at = 0;

  /** Makes room for `length` more bytes; hands back where they go. */
  room(length: number): number {
    const start = this.at;
    this.at = start + length;
    if (this.at > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.at, 2 * this.bytes.length));
      this.bytes.copy(grown, 0, 0, start);
      this.bytes = grown;
    }
    return start;
  }

  octet(value: number): void {
    const start = this.room(1);
    this.bytes.writeUInt8(value, start);
  }

  short(value: number): void {
    const start = this.room(2);
    this.bytes.writeUInt16BE(value, start);
  }

  long(value: number): void {
    const start = this.room(4);
    this.bytes.writeUInt32BE(value, start);
  }

  longlong(value: number | bigint): void {
    const start = this.room(8);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
      const high = Math.floor(value / HIGH_WORD);
      this.bytes.writeUInt32BE(high, start);
      this.bytes.writeUInt32BE(value - high * HIGH_WORD, start + 4);
    } else {
      this.bytes.writeBigUInt64BE(BigInt(value), start);
    }
  }

  shortString(text: string): void {
    const length = textBytes(text);
    if (length > 0xff) throw new AmqpFault('internal', `a short string of ${length} bytes: at most 255 fit`);
    this.octet(length);
    const start = this.room(length);
    writeText(this.bytes, text, start);
  }

  longString(text: string): void {
    const length = textBytes(text);
    this.long(length);
    const start = this.room(length);
    writeText(this.bytes, text, start);
  }

  raw(value: Uint8Array): void {
    const start = this.room(value.length);
    this.bytes.set(value, start);
  }

  /** Begins anew. */
  reset(): void {
    this.at = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** A copy of the bytes that were written. */
  written(): Buffer {
    const copy = Buffer.allocUnsafe(this.at);
    this.bytes.copy(copy, 0, 0, this.at);
    return copy;
  }
}
