import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { Address } from '../../../../src/config/index.ts';

/** An application that goes on working beside whatever happens on other connections: it sends a message to itself, again and again. */
export class Bystander {
  /** Messages that were confirmed and came back. */
  turns = 0;
  /** What went wrong. */
  failure: unknown;
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  readonly #waiting = new Set<{ readonly turn: number; readonly done: () => void }>();
  #confirmed = 0;
  #came = 0;
  #over = false;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
    connection.on('error', (error: unknown) => this.#fail(error));
    channel.on('error', (error: unknown) => this.#fail(error));
    connection.on('close', () => {
      if (!this.#over) this.#fail(new Error('the connection of the bystander was closed'));
    });
  }

  /** Begins its work over a queue that nobody else uses. */
  static async open(address: Address): Promise<Bystander> {
    const connection = await amqp.connect({ hostname: address.host, port: address.port }, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    const bystander = new Bystander(connection, channel);
    await channel.consume('bystander', (message) => {
      if (message === null) return;
      channel.ack(message);
      bystander.#came += 1;
      const expected = `turn ${bystander.#came}`;
      if (message.content.toString() !== expected)
        bystander.#fail(new Error(`${message.content} instead of ${expected}`));
      bystander.#turned();
    });
    bystander.#send();
    return bystander;
  }

  /** Resolves when it has gone on for some turns more; rejects when it cannot. */
  async turnsMore(count: number): Promise<void> {
    const turn = this.turns + count;
    await new Promise<void>((done) => {
      this.#waiting.add({ turn, done });
      this.#wake();
    });
    if (this.failure !== undefined) throw this.failure;
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#connection.close();
  }

  #send(): void {
    const body = Buffer.from(`turn ${this.turns + 1}`);
    this.#channel.publish('', 'bystander', body, {}, (error) => {
      if (error !== null) this.#fail(error);
      this.#confirmed += 1;
      this.#turned();
    });
  }

  #turned(): void {
    if (this.#over || this.failure !== undefined) return;
    if (Math.min(this.#confirmed, this.#came) === this.turns) return;
    this.turns += 1;
    this.#wake();
    this.#send();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.failure ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const one of this.#waiting) {
      if (this.turns < one.turn && this.failure === undefined) continue;
      this.#waiting.delete(one);
      one.done();
    }
  }
}
