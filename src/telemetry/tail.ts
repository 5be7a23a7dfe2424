import { type FileHandle, open } from 'node:fs/promises';

/** How many bytes of a file are read at one look, and how long a line may be. */
const LOOK_BYTES = 1024 * 1024;
const LINE_END = 0x0a;

/**
 * Reads the lines that a file has got since the look before. The first look begins at most {@link LOOK_BYTES} before the end; what
 * grows faster than that between two looks is skipped, whole lines of it. A file that does not exist yet has no lines.
 */
export class LineTail implements AsyncDisposable {
  readonly #file: string;
  readonly #lookBytes: number;
  #handle: FileHandle | undefined;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Whether what comes next begins in the middle of a line. */
  #torn = false;

  constructor(file: string, lookBytes = LOOK_BYTES) {
    this.#file = file;
    this.#lookBytes = lookBytes;
  }

  /** The lines that have come, without their ends. Not to be called again before it has resolved. */
  async read(): Promise<string[]> {
    const handle = await this.#opened();
    if (handle === undefined) return [];
    const { size } = await handle.stat();
    if (size < this.#position) this.#skipTo(0, false);
    if (size - this.#position > this.#lookBytes) this.#skipTo(size - this.#lookBytes, true);
    if (size === this.#position) return [];
    const chunk = Buffer.alloc(size - this.#position);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, this.#position);
    this.#position += bytesRead;
    const bytes = Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
    const end = bytes.lastIndexOf(LINE_END);
    this.#rest = bytes.subarray(end + 1);
    const lines = end === -1 ? [] : bytes.toString('utf8', 0, end).split('\n');
    if (this.#torn && lines.length > 0) {
      lines.shift();
      this.#torn = false;
    }
    if (this.#rest.length > this.#lookBytes) this.#skipTo(this.#position, true);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #skipTo(position: number, torn: boolean): void {
    this.#position = position;
    this.#rest = Buffer.alloc(0);
    this.#torn = torn;
  }

  async #opened(): Promise<FileHandle | undefined> {
    try {
      this.#handle ??= await open(this.#file, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.#handle;
  }
}
