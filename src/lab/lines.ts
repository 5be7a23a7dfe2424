import type { LabLine } from './types.ts';

const NEWLINE = 0x0a;

/** A line of at most `limitBytes`, without its end. */
export interface SplitLine {
  readonly text: string;
  /** True when the line was longer; the rest of it is lost. */
  readonly cut: boolean;
}

/** Cuts a stream of bytes into lines, keeping at most `limitBytes` of each. */
export class LineSplitter {
  readonly #limitBytes: number;
  #parts: Buffer[] = [];
  #keptBytes = 0;
  #cut = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes in a chunk and gives the lines that it completes. */
  push(chunk: Buffer): SplitLine[] {
    const lines: SplitLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What stands after the last line break, if anything. */
  end(): SplitLine[] {
    return this.#keptBytes > 0 ? [this.#take()] : [];
  }

  #keep(part: Buffer): void {
    const kept = part.subarray(0, this.#limitBytes - this.#keptBytes);
    if (kept.length < part.length) this.#cut = true;
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#keptBytes += kept.length;
  }

  #take(): SplitLine {
    const line = { text: Buffer.concat(this.#parts).toString('utf8'), cut: this.#cut };
    this.#parts = [];
    this.#keptBytes = 0;
    this.#cut = false;
    return line;
  }
}

/** The JSON object that a line holds, or `{text}`; a line that was cut is `{text, truncated: true}`. */
export function toLabLine({ text, cut }: SplitLine): LabLine {
  if (cut) return { text, truncated: true };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as LabLine;
  } catch {
    // Not JSON is not an error: programs print what they like.
  }
  return { text };
}
