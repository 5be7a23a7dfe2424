import { type FileHandle, open } from 'node:fs/promises';
import { type Logger, messageOf, PriomeshError } from '../../../core/index.ts';

/** What waits to be written is no larger than this; lines beyond are dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** What a sink has done. */
export interface SinkStatistics {
  readonly lines: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly failedWrites: number;
}

/** Lines on their way to a file or to standard output: one write an interval, none while the one before is under way. */
export class LineSink {
  readonly #path: string | undefined;
  readonly #logger: Logger;
  #handle: FileHandle | undefined;
  #lines: string[] = [];
  #bufferedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #reopens = false;
  #lineCount = 0;
  #dropped = 0;
  #bytes = 0;
  #failed = 0;

  /** Opens it. @throws PriomeshError FILE_FAILED */
  static async open(path: string | undefined, flushMs: number, logger: Logger): Promise<LineSink> {
    const sink = new LineSink(path, logger);
    try {
      await sink.#open();
    } catch (error) {
      throw new PriomeshError('FILE_FAILED', `access log: ${messageOf(error)}`, { cause: error });
    }
    sink.#timer = setInterval(() => sink.#flush(), flushMs);
    sink.#timer.unref();
    return sink;
  }

  private constructor(path: string | undefined, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Takes a line without its end; drops it where too much waits already. */
  add(line: string): void {
    if (this.#bufferedBytes > MAX_BUFFERED_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bufferedBytes += line.length + 1;
    this.#lineCount += 1;
  }

  /** Opens the file anew before the next write. */
  reopen(): void {
    this.#reopens = true;
    this.#flush();
  }

  statistics(): SinkStatistics {
    return {
      lines: this.#lineCount,
      dropped: this.#dropped,
      bytes: this.#bytes,
      failedWrites: this.#failed,
    };
  }

  /** Writes what waits, and closes. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    this.#flush();
    await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #flush(): void {
    if (this.#writing !== undefined) return;
    if (this.#lines.length === 0 && !this.#reopens) return;
    this.#writing = this.#write()
      .catch((error: unknown) => {
        this.#failed += 1;
        if (this.#failed === 1) {
          this.#logger.log('error', 'the access log could not be written', { cause: messageOf(error) });
        }
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #write(): Promise<void> {
    if (this.#reopens) {
      this.#reopens = false;
      const before = this.#handle;
      await this.#open();
      await before?.close();
    }
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    this.#bufferedBytes = 0;
    if (this.#handle === undefined) await writeOut(text);
    else await this.#handle.appendFile(text);
    this.#bytes += text.length;
  }

  async #open(): Promise<void> {
    if (this.#path !== undefined) this.#handle = await open(this.#path, 'a', 0o640);
  }
}

function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
