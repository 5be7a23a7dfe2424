/** The part of a Vega text item that its width depends on. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
  readonly text?: unknown;
  readonly limit?: number;
}

/** Advance widths in units of the font size, after DejaVu Sans, which is wider than the other sans-serif fonts that a page may get. */
const NARROW = 0.33;
const DIGIT = 0.64;
const LOWER = 0.6;
const UPPER = 0.7;
const WIDE = 0.95;
const BOLD = 1.1;

function advance(character: string): number {
  if (" .,:;'|ijltfI()[]-".includes(character)) return NARROW;
  if ('mwMW%@'.includes(character)) return WIDE;
  if (character >= '0' && character <= '9') return DIGIT;
  return character >= 'A' && character <= 'Z' ? UPPER : LOWER;
}

/**
 * Width of a line of text, pixels. Vega has no canvas to measure with here, and its own guess is a third too wide, which would
 * shrink the drawings.
 */
export function textWidth(item: TextItem, text: unknown): number {
  const line = String(text ?? item.text ?? '');
  let width = 0;
  for (const character of line) width += advance(character);
  const bold = item.fontWeight === 'bold' || Number(item.fontWeight) >= 600;
  return Math.ceil(width * (item.fontSize ?? 11) * (bold ? BOLD : 1));
}
