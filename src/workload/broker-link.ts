import type { Socket } from 'node:net';
import type { Channel, ChannelModel } from 'amqplib';
import { type Clock, messageOf, PriomeshError, type Random } from '../core/index.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A first connection is waited for this long: sidecars and applications start at the same time. */
const FIRST_CONNECTION_MS = 15_000;
const CLOSE_TIMEOUT_MS = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
const HEARTBEAT_S = 10;

/** Where a broker is. */
export interface BrokerAddress {
  readonly address: { readonly host: string; readonly port: number };
  readonly virtualHost: string;
}

/** How a link is kept. */
export interface BrokerLinkOptions extends BrokerAddress {
  /** What the broker's operator sees. */
  readonly connectionName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Is given the socket of each new connection. */
  onSocket(socket: Socket): void;
  /** Prepares each new channel: declares and consumes. The signal fires when the channel is lost. */
  prepare(channel: Channel, lost: AbortSignal): Promise<void>;
}

/**
 * One connection to a message broker with one channel, opened again with exponential back-off and jitter whenever it is lost. The client
 * library is loaded when the first link is opened.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #channel: Channel | undefined;
  #connections = 0;
  #lastReason = 'no answer';

  private constructor(options: BrokerLinkOptions) {
    this.#options = options;
    this.#ended = this.#keep();
  }

  /** Opens the link. Rejects with LAB_FAILED when no broker lets us in for 15 s. */
  static async open(options: BrokerLinkOptions): Promise<BrokerLink> {
    const link = new BrokerLink(options);
    const patience = new AbortController();
    const waited = options.clock.sleep(FIRST_CONNECTION_MS, patience.signal).then(
      () => true,
      () => false,
    );
    const late = await Promise.race([link.#opened.promise.then(() => false), waited]);
    patience.abort();
    if (!late) return link;
    await link.close();
    const { host, port } = options.address;
    throw new PriomeshError('LAB_FAILED', `no message broker at ${host} port ${port}: ${link.#lastReason}`, {
      fix: 'Start the broker, or the sidecar in front of it, before the application or with it.',
    });
  }

  /** The channel, prepared; undefined while there is none. */
  get channel(): Channel | undefined {
    return this.#channel;
  }

  /** How often a channel was opened. */
  get connections(): number {
    return this.#connections;
  }

  /** Closes the connection and opens no other. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #keep(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const before = this.#connections;
      try {
        await this.#serve();
      } catch (error) {
        this.#lastReason = messageOf(error);
      }
      if (this.#connections > before) failures = 0;
      if (signal.aborted) return;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      // Half of it by chance, so that those who lost the same broker do not come back at once.
      await clock.sleep(pauseMs * (0.5 + random.next() / 2), signal).catch(() => {});
    }
  }

  /** One connection, from its opening to its end. */
  async #serve(): Promise<void> {
    const { signal } = this.#stop;
    const lost = new AbortController();
    const connection = await this.#connect();
    const end = () => lost.abort();
    const remember = (error: Error) => {
      this.#lastReason = error.message;
    };
    connection.on('error', remember);
    connection.on('close', end);
    signal.addEventListener('abort', end, { once: true });
    try {
      if (signal.aborted) return;
      const channel = await connection.createChannel();
      channel.on('error', remember);
      channel.on('close', end);
      await this.#options.prepare(channel, lost.signal);
      this.#connections += 1;
      this.#channel = channel;
      this.#opened.resolve();
      if (!lost.signal.aborted) {
        await new Promise<void>((resolve) =>
          lost.signal.addEventListener('abort', () => resolve(), { once: true }),
        );
      }
    } finally {
      signal.removeEventListener('abort', end);
      this.#channel = undefined;
      lost.abort();
      await closeConnection(connection);
    }
  }

  async #connect(): Promise<ChannelModel> {
    const { address, virtualHost, connectionName } = this.#options;
    const { connect } = await import('amqplib');
    const connecting = connect(
      {
        protocol: 'amqp',
        hostname: address.host,
        port: address.port,
        vhost: encodeURIComponent(virtualHost),
        heartbeat: HEARTBEAT_S,
      },
      {
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        clientProperties: { connection_name: connectionName },
      },
    );
    const connection = await connecting;
    const socket = socketOf(connection);
    if (socket !== undefined) this.#options.onSocket(socket);
    return connection;
  }
}

/** Says good-bye; does not wait for a peer that is silent. */
async function closeConnection(connection: ChannelModel): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const timeout = setTimeout(timer.resolve, CLOSE_TIMEOUT_MS);
  // A connection that is closed already says so by rejecting.
  await Promise.race([connection.close().catch(() => {}), timer.promise]);
  clearTimeout(timeout);
  socketOf(connection)?.destroy();
}

/** The library keeps its socket where its types do not tell. */
function socketOf(connection: ChannelModel): Socket | undefined {
  return (connection.connection as { stream?: Socket }).stream;
}
