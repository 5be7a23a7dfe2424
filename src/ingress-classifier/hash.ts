/** Where the hashes of texts start. */
export const HASH_START = 0x811c9dc5 | 0;

/** Takes one more number into a hash (FNV-1a over whole numbers). */
export function hashStep(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}

/** The hash of a whole text. */
export function hashText(text: string, start = HASH_START): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = hashStep(hash, text.charCodeAt(at));
  return hash;
}

/** Spreads a hash and makes it a small integer, which V8 keeps without allocating. */
export function hashKey(hash: number): number {
  const spread = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (spread ^ (spread >>> 13)) & 0x3fffffff;
}
