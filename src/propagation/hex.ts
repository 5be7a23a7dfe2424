/** Whether `length` characters from `start` are lower-case hexadecimal digits, not all of them zero. */
export function isNonZeroHex(text: string, start: number, length: number): boolean {
  let nonZero = false;
  for (let at = start; at < start + length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x30 && code <= 0x39) nonZero = true;
    else if (code >= 0x61 && code <= 0x66) nonZero = true;
    else if (code !== 0x30) return false;
  }
  return nonZero;
}

/** The value of a lower-case hexadecimal digit; -1 for anything else, the end of the text included. */
export function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
