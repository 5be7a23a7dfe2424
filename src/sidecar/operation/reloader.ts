import type { LoadedSidecarConfig, SidecarConfig } from '../../config/index.ts';
import { formatPlace, type Logger, messageOf, PriomeshError } from '../../core/index.ts';

/** What a reload needs. */
export interface ReloaderOptions {
  readonly logger: Logger;
  /** Reads the configuration again; absent where it came from no file. */
  readonly load: (() => Promise<LoadedSidecarConfig>) | undefined;
  /** Puts it in place, or changes nothing and throws. */
  readonly apply: (config: SidecarConfig) => Promise<void>;
  /** Told of each configuration that was put in place. */
  readonly applied: (loaded: LoadedSidecarConfig) => void;
}

/** What has been reloaded so far. */
export interface ReloadStatistics {
  /** The number of the configuration that holds; the first is 1. */
  readonly generation: number;
  readonly reloads: number;
  readonly refused: number;
  /** Why the last one was refused; null after one that was not. */
  readonly lastError: string | null;
}

/** Takes new configurations, one at a time; those that are asked for meanwhile are one. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #generation = 1;
  #refused = 0;
  #lastError: string | null = null;
  #running: Promise<number> | undefined;
  #waiting: Promise<number> | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /**
   * Reads the configuration and puts it in place.
   * @returns its number
   * @throws PriomeshError CONFIG_*; then the one before holds, entirely
   */
  reload(): Promise<number> {
    if (this.#running === undefined) return this.#run(() => this.#load());
    this.#waiting ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#waiting = undefined;
        return this.reload();
      });
    return this.#waiting;
  }

  /** The same with a configuration that has been read. */
  async replace(config: SidecarConfig): Promise<number> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
    return this.#run(() => Promise.resolve({ config, files: [] }));
  }

  statistics(): ReloadStatistics {
    return {
      generation: this.#generation,
      reloads: this.#generation - 1,
      refused: this.#refused,
      lastError: this.#lastError,
    };
  }

  #load(): Promise<LoadedSidecarConfig> {
    const { load } = this.#options;
    if (load === undefined) throw new PriomeshError('USAGE', 'this sidecar was not started from a file');
    return load();
  }

  #run(load: () => Promise<LoadedSidecarConfig>): Promise<number> {
    const running = this.#replace(load).finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #replace(load: () => Promise<LoadedSidecarConfig>): Promise<number> {
    const { logger, apply, applied } = this.#options;
    try {
      const loaded = await load();
      await apply(loaded.config);
      this.#generation += 1;
      this.#lastError = null;
      applied(loaded);
      logger.log('info', 'another configuration holds', {
        generation: this.#generation,
        policy: loaded.config.policy.name,
      });
      return this.#generation;
    } catch (error) {
      this.#refused += 1;
      this.#lastError = whyOf(error);
      const generation = this.#generation;
      logger.log('error', 'the new configuration is refused, the old one holds', {
        generation,
        why: this.#lastError,
      });
      throw error;
    }
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof PriomeshError)) return messageOf(error);
  const place = error.place === undefined ? '' : `${formatPlace(error.place)}: `;
  return `${place}${error.code}: ${error.message}`;
}
