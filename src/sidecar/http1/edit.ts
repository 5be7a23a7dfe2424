import type { FieldLines } from './field-lines.ts';

/** Below this, moving bytes one by one is faster than a call that moves them all. */
const FEW_BYTES = 96;

/** Moves `length` bytes within a buffer; the ranges may overlap. */
function move(bytes: Uint8Array, to: number, from: number, length: number): void {
  if (length > FEW_BYTES) bytes.copyWithin(to, from, from + length);
  else if (to < from) for (let at = 0; at < length; at += 1) bytes[to + at] = bytes[from + at] as number;
  else for (let at = length - 1; at >= 0; at -= 1) bytes[to + at] = bytes[from + at] as number;
}

/**
 * Takes lines out of a head in place, by moving what stands before each of them; the rest of the buffer stays where it is.
 * @param lines the head's lines, with offsets from `start`
 * @param removed line indexes, ascending
 * @returns where the head now starts
 */
export function removeLines(
  bytes: Uint8Array,
  start: number,
  lines: FieldLines,
  removed: Int32Array,
  count: number,
): number {
  // The last line goes first: what stands before it keeps its offsets until its own turn, when it is still in place relative to `moved`.
  let moved = 0;
  for (let index = count - 1; index >= 0; index -= 1) {
    const line = removed[index] as number;
    const from = lines.nameStart(line);
    const length = lines.lineEnd(line) - from;
    move(bytes, start + moved + length, start + moved, from);
    moved += length;
  }
  return start + moved;
}

/**
 * Opens a gap of `length` bytes behind the first line of a head by moving that line towards the front.
 * The caller sees to it that `length` bytes in front of `start` are free.
 * @param firstLineEnd offset of the first line's end from `start`
 * @returns where the head now starts; the gap is the `length` bytes behind its first line
 */
export function openGap(bytes: Uint8Array, start: number, firstLineEnd: number, length: number): number {
  move(bytes, start - length, start, firstLineEnd);
  return start - length;
}
