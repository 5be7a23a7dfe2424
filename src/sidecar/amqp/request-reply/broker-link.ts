import { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';
import { type Clock, type Logger, messageOf, type Random } from '../../../core/index.ts';
import { backOffMs } from './back-off.ts';
import { RECONNECT, REQUEST_REPLY_LIMITS, STABLE_MS } from './limits.ts';

/** What was built on one connection. */
export interface LinkSession {
  /** The connection is gone: nothing that was built on it may be used. */
  ended(): void;
}

/** What a link needs. */
export interface BrokerLinkOptions {
  /** For people and logs. */
  readonly name: string;
  connect(): Promise<ChannelModel>;
  /**
   * Builds what is needed on a fresh connection: channels, queues, consumers.
   * @param lost to be called when a part of it broke while the connection still stands; it is then closed and all is built anew
   */
  begin(model: ChannelModel, lost: (cause: unknown) => void): Promise<LinkSession>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * One connection to the broker, built again whenever it or a channel on it is lost, with exponential back-off and jitter.
 *
 * amqplib has a reconnecting mode; it is not used, because it restores connections and no channels, misses a connection that closes in
 * the moment in which its set-up ends, and takes time and chance from the process instead of from the caller.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #connected = false;
  #sessions = 0;
  #failures = 0;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** What the link has been through. */
  statistics(): { readonly connected: boolean; readonly sessions: number; readonly failures: number } {
    return { connected: this.#connected, sessions: this.#sessions, failures: this.#failures };
  }

  /** Closes the connection and seeks it no more. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stop;
    let attempt = 0;
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      const began = await this.#serve();
      attempt = began && clock.nowMs() - startMs >= STABLE_MS ? 0 : attempt + 1;
      if (signal.aborted) return;
      await clock.sleep(backOffMs(RECONNECT, attempt - 1, random), signal).catch(() => undefined);
    }
  }

  /** Connects and serves until the connection is lost. @returns whether all could be built */
  async #serve(): Promise<boolean> {
    const { name, connect, begin, logger } = this.#options;
    const { signal } = this.#stop;
    const end = Promise.withResolvers<void>();
    const stopped = (): void => end.resolve();
    signal.addEventListener('abort', stopped, { once: true });
    const connecting = connect();
    let model: ChannelModel | undefined;
    try {
      await Promise.race([
        connecting.then((connection) => {
          model = connection;
        }),
        end.promise,
      ]);
    } catch (error) {
      signal.removeEventListener('abort', stopped);
      this.#failed('the broker cannot be reached', error);
      return false;
    }
    if (model === undefined) {
      // Nobody waits for it any more; if it still comes it is sent away.
      void connecting
        .then((late) => {
          late.on('error', () => undefined);
          return this.#dismiss(late);
        })
        .catch(() => undefined);
      return false;
    }
    let cause: unknown;
    const lost = (why: unknown): void => {
      cause ??= why;
      end.resolve();
    };
    model.on('error', lost);
    model.on('close', lost);
    let session: LinkSession | undefined;
    const beginning = begin(model, lost).then(
      (built) => {
        session = built;
      },
      (error: unknown) => lost(error),
    );
    try {
      await Promise.race([beginning, end.promise]);
      if (session !== undefined) {
        this.#connected = true;
        this.#sessions += 1;
        logger.log('info', 'connected to the broker', { link: name });
        await end.promise;
      }
    } finally {
      signal.removeEventListener('abort', stopped);
      this.#connected = false;
      // What is still being built ends with the connection, perhaps late.
      if (session === undefined) void beginning.then(() => session?.ended());
      else session.ended();
      await this.#dismiss(model);
    }
    if (!signal.aborted) this.#failed('the connection to the broker is lost', cause);
    return session !== undefined;
  }

  #failed(what: string, cause: unknown): void {
    const { name, logger } = this.#options;
    this.#failures += 1;
    logger.log('warn', what, { link: name, cause: messageOf(cause) });
  }

  /** Says goodbye; a broker that does not answer is left. */
  async #dismiss(model: ChannelModel): Promise<void> {
    const waiting = new AbortController();
    const patience = this.#options.clock
      .sleep(REQUEST_REPLY_LIMITS.goodbyeMs, waiting.signal)
      .catch(() => undefined);
    const goodbye = model.close().catch(() => undefined);
    await Promise.race([goodbye, patience]);
    waiting.abort();
    // amqplib has no way to close a connection whose peer is silent.
    if ('stream' in model.connection && model.connection.stream instanceof Duplex) {
      model.connection.stream.destroy();
    }
  }
}

/** The largest frame that was agreed on (AMQP 0-9-1 section 4.2.3): amqplib knows it, and its types do not. */
export function frameBytesOf(model: ChannelModel, otherwise: number): number {
  const { connection } = model;
  return 'frameMax' in connection && typeof connection.frameMax === 'number'
    ? connection.frameMax
    : otherwise;
}
