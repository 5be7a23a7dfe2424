import { stat } from 'node:fs/promises';
import { loadEndpoints } from '../../config/index.ts';
import { formatPlace, messageOf, PriomeshError } from '../../core/index.ts';
import type { Source, SourceContext } from './source.ts';

/** How often the file is looked at. Asking beats being told: no kind of replacement and no file system escapes it. */
const LOOK_MS = 500;

/** What changes whenever a file is replaced or written. */
async function stampOf(file: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

class FileSource implements Source {
  readonly #file: string;
  readonly #context: SourceContext;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #stamp = '';
  #reads = 0;
  #refused = 0;

  constructor(file: string, context: SourceContext) {
    this.#file = file;
    this.#context = context;
    this.#done = this.#run();
  }

  statistics(): Readonly<Record<string, unknown>> {
    return { file: this.#file, reads: this.#reads, refused: this.#refused };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#look();
      await this.#context.clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** Reads the file if it is another one than before. Says once what is wrong with it, and keeps what was in the last good one. */
  async #look(): Promise<void> {
    const { upstream, logger, found } = this.#context;
    const stamp = await stampOf(this.#file).catch(messageOf);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      const { endpoints } = await loadEndpoints(this.#file);
      if (this.#closing.signal.aborted) return;
      this.#reads += 1;
      found(endpoints);
      logger.log('info', 'endpoints were read', { upstream, endpoints: endpoints.length });
    } catch (error) {
      this.#refused += 1;
      const place =
        error instanceof PriomeshError && error.place !== undefined ? formatPlace(error.place) : this.#file;
      logger.log('warn', 'a file of endpoints is not used; the last ones stay', {
        upstream,
        place,
        why: messageOf(error),
      });
    }
  }
}

/** Endpoints from a file that somebody replaces. */
export function openFileSource(file: string, context: SourceContext): Source {
  return new FileSource(file, context);
}
