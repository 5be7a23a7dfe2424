import type { FieldLines } from './field-lines.ts';

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
    bytes.copyWithin(start + moved + length, start + moved, start + moved + from);
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
  bytes.copyWithin(start - length, start, start + firstLineEnd);
  return start - length;
}
