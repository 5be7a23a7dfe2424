const SMALLEST_BITS = 10;
const LARGEST_BITS = 18;
/** How many buffers of each size are kept for the next ones who need them. */
const KEPT = 32;

const free: Buffer[][] = Array.from({ length: LARGEST_BITS + 1 }, () => []);

/** A buffer of at least `bytes` bytes, whatever stands in it. Bodies come and go so fast that new memory for each would keep the collector busy. */
export function takeBuffer(bytes: number): Buffer {
  const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(bytes - 1));
  return free[bits]?.pop() ?? Buffer.allocUnsafeSlow(2 ** bits);
}

/** Gives back a buffer of {@link takeBuffer} to which nothing refers any more. */
export function giveBuffer(buffer: Buffer): void {
  const list = free[31 - Math.clz32(buffer.length)];
  if (list !== undefined && list.length < KEPT) list.push(buffer);
}
