import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { type ChaosMessage, RECOVERY, writeMessage } from './chaos-messages.ts';

/** What is published, and in which class. */
export interface ChaosPublication extends ChaosMessage {
  readonly requestClass: string;
}

const PIPELINED = 32;

/**
 * A publisher that wants every message confirmed: it keeps each until it is, and publishes anew what was not when a connection is lost. It
 * reconnects as its library does.
 */
export class ChaosPublisher {
  readonly confirmed = new Set<number>();
  /** Publishings, of which some are of the same message. */
  published = 0;
  connections = 0;
  readonly #queue: string;
  readonly #progress: () => void;
  readonly #waiting: ChaosPublication[] = [];
  readonly #unconfirmed = new Map<number, ChaosPublication>();
  #connection: { close(): Promise<void> } | undefined;
  #channel: ConfirmChannel | undefined;

  /** @param progress is called at each confirm */
  constructor(queue: string, progress: () => void) {
    this.#queue = queue;
    this.#progress = progress;
  }

  async open(port: number): Promise<void> {
    const connection = await amqp.connect(
      { hostname: '127.0.0.1', port, heartbeat: 5 },
      { noDelay: true, recovery: { ...RECOVERY, setup: (model: ChannelModel) => this.#setUp(model) } },
    );
    connection.on('error', () => undefined);
    this.#connection = connection;
  }

  /** Publishes when there is room. */
  add(messages: readonly ChaosPublication[]): void {
    this.#waiting.push(...messages);
    this.#fill();
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  async #setUp(model: ChannelModel): Promise<void> {
    this.connections += 1;
    // amqplib hears of its connection only after this.
    model.on('error', () => undefined);
    const channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    await channel.assertQueue(this.#queue, { durable: true });
    this.#channel = channel;
    for (const message of this.#unconfirmed.values()) this.#publish(channel, message);
    this.#fill();
  }

  #fill(): void {
    while (this.#channel !== undefined && this.#unconfirmed.size < PIPELINED) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#unconfirmed.set(message.id, message);
      this.#publish(this.#channel, message);
    }
  }

  #publish(channel: ConfirmChannel, message: ChaosPublication): void {
    this.published += 1;
    const headers = { baggage: `priomesh.class=${message.requestClass}` };
    const options = { persistent: true, messageId: String(message.id), headers };
    const settle = (error: unknown): void => {
      // Of a channel that was lost, too, its library says that nothing was confirmed.
      if (error !== null) return;
      this.#unconfirmed.delete(message.id);
      this.confirmed.add(message.id);
      this.#progress();
      this.#fill();
    };
    try {
      channel.sendToQueue(this.#queue, writeMessage(message), options, settle);
    } catch {
      // The channel has just been lost; what is unconfirmed goes over the next one.
    }
  }
}
