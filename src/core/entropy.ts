import { openSync, readSync } from 'node:fs';

let device: number | undefined;

/**
 * Fills an array with random bytes of the operating system (random(4)). Not by `node:crypto`, whose loading takes longer than everything else
 * that a sidecar loads of Node.
 */
export function fillRandom(into: Uint8Array): void {
  device ??= openSync('/dev/urandom', 'r');
  for (let filled = 0; filled < into.length; ) {
    filled += readSync(device, into, filled, into.length - filled, null);
  }
}

/** A random whole number of 32 bits, for a seed. */
export function randomSeed(): number {
  const words = new Uint32Array(1);
  fillRandom(new Uint8Array(words.buffer));
  return words[0] as number;
}

/** 128 random bits as 32 hexadecimal digits: a name that nobody guesses. */
export function randomToken(): string {
  const bytes = Buffer.alloc(16);
  fillRandom(bytes);
  return bytes.toString('hex');
}
