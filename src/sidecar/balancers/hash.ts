const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** Mixes 32 bits so that each depends on all (the finalizer of MurmurHash3, Appleby 2011). */
export function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A 32-bit hash of bytes: FNV-1a, mixed. The same on every sidecar. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = OFFSET;
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ (bytes[index] as number), PRIME);
  }
  return mixed(hash);
}

/** The same of a text: of its bytes where it is Latin-1. */
export function hashText(text: string, seed = 0): number {
  let hash = OFFSET ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
  }
  return mixed(hash);
}
