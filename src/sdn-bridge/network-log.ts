import { appendFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ClassCongestion, Logger } from '../core/index.ts';
import { messageOf, PriomeshError } from '../core/index.ts';

/** A line of the network log. Times are milliseconds of the monotonic clock (CLOCK_MONOTONIC). */
export type NetworkLine =
  | {
      readonly event: 'links';
      readonly timeMs: number;
      readonly links: readonly {
        readonly link: string;
        readonly utilization: number;
        readonly classes: Readonly<Record<string, ClassCongestion>>;
      }[];
    }
  | {
      readonly event: 'hint';
      readonly timeMs: number;
      readonly link: string;
      readonly class: string;
      readonly congested: boolean;
      readonly level: number;
    }
  | {
      readonly event: 'move';
      readonly timeMs: number;
      readonly owner: 'controller';
      readonly class: string;
      /** Path ids. */
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | {
      readonly event: 'lost' | 'found';
      readonly timeMs: number;
      readonly what: 'northbound' | 'control-plane';
    };

/** Where the bridge tells what happens. */
export interface NetworkLog {
  write(line: NetworkLine): void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

/** An hour with 64 links and 4 classes. */
const FILE_LIMIT_BYTES = 1024 * 1024 * 1024;
/** Lines that wait for a slow disk; more are lost, and counted in the next line that is written. */
const WAITING_LIMIT_CHARACTERS = 4 * 1024 * 1024;

const thousandths = (key: string, value: unknown): unknown =>
  typeof value === 'number' && key !== 'timeMs' ? Math.round(value * 1000) / 1000 : value;

/** A log that keeps nothing. */
const NO_LOG: NetworkLog = { write() {}, async close() {} };

class FileLog implements NetworkLog {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #limitBytes: number;
  #writtenBytes: number;
  #waiting = '';
  #lost = 0;
  #writing: Promise<void> | undefined;
  #full = false;

  constructor(
    file: string,
    logger: Logger,
    limits: { readonly writtenBytes: number; readonly limitBytes: number },
  ) {
    this.#file = file;
    this.#logger = logger;
    this.#writtenBytes = limits.writtenBytes;
    this.#limitBytes = limits.limitBytes;
  }

  write(line: NetworkLine): void {
    if (this.#full) return;
    let text = `${JSON.stringify(line, thousandths)}\n`;
    if (this.#waiting.length + text.length > WAITING_LIMIT_CHARACTERS) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) {
      text = `${JSON.stringify({ event: 'log-lost', timeMs: line.timeMs, lines: this.#lost })}\n${text}`;
      this.#lost = 0;
    }
    if (this.#writtenBytes + text.length > this.#limitBytes) {
      this.#full = true;
      text = `${JSON.stringify({ event: 'log-full', timeMs: line.timeMs, limitBytes: this.#limitBytes })}\n`;
    }
    this.#writtenBytes += text.length;
    this.#waiting += text;
    this.#writing ??= this.#flush();
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #flush(): Promise<void> {
    while (this.#waiting !== '') {
      const text = this.#waiting;
      this.#waiting = '';
      try {
        await appendFile(this.#file, text);
      } catch (error) {
        this.#logger.log('error', 'the network log cannot be written', {
          file: this.#file,
          cause: messageOf(error),
        });
        this.#full = true;
        this.#waiting = '';
      }
    }
    this.#writing = undefined;
  }
}

/** Opens the log; a file that is there is appended to. Without a file name nothing is kept. @throws PriomeshError FILE_FAILED */
export async function openNetworkLog(
  file: string | undefined,
  logger: Logger,
  limitBytes: number = FILE_LIMIT_BYTES,
): Promise<NetworkLog> {
  if (file === undefined) return NO_LOG;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await appendFile(file, '');
    const { size } = await stat(file);
    return new FileLog(file, logger, { writtenBytes: size, limitBytes });
  } catch (cause) {
    throw new PriomeshError('FILE_FAILED', `${file}: ${messageOf(cause)}`, { cause });
  }
}
