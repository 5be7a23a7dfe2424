import { AmqpFault } from './faults.ts';
import { textBytes, writeText } from './text.ts';

const FIRST_BYTES = 128;

/** Writes the elementary types of AMQP 0-9-1 (section 4.2.5) one after the other into a buffer that grows. */
export class ByteWriter {
  bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
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
    this.bytes.writeBigUInt64BE(BigInt(value), start);
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

  /** The bytes that were written. */
  written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}
