const FIRST_BYTES = 4096;

/** Bytes that are collected to be written at once. */
export class OutputBuffer {
  bytes: Buffer;
  length = 0;

  constructor(size: number = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for `count` more bytes. What was handed out of `bytes` stays as it is. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, needed));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    const into = this.bytes;
    let to = this.length;
    if (count > 48) into.set(bytes.subarray(start, end), to);
    else for (let at = start; at < end; at += 1, to += 1) into[to] = bytes[at] as number;
    this.length += count;
  }
}
