import type amqp from 'amqplib';
import type { Channel, ChannelModel, ConsumeMessage, GetMessage, Message } from 'amqplib';

/** Where a scenario is played, and its notebook. */
export interface Stage {
  readonly host: string;
  readonly port: number;
  readonly virtualHost: string;
  /** Connects beside whatever is being tested, straight to the broker. */
  readonly brokerPort: number;
  readonly brokerHost: string;
  /** Writes down what the client saw. */
  say(what: string, value?: unknown): void;
  /** Connects with amqplib; what is opened is closed after the scenario. */
  connect(options?: amqp.Options.Connect, extra?: object): Promise<ChannelModel>;
  /** Connects straight to the broker. */
  connectDirectly(): Promise<ChannelModel>;
  /** How many heartbeats the server has sent on all connections. */
  heartbeats(): number;
  /** Resolves when a condition on what the server sent holds. */
  until(condition: () => boolean): Promise<void>;
}

/** Something that a client does with a broker, and what it sees. */
export interface Scenario {
  readonly name: string;
  /**
   * What the broker says on the wire depends on the pace, as how two consumers share a queue does: only what the scenario says is
   * compared.
   */
  readonly ownWordsOnly?: boolean;
  run(stage: Stage): Promise<void>;
}

/** What a client sees of a message. */
export function seen(message: Message): unknown {
  const { fields, properties, content } = message;
  const body =
    content.length <= 64 ? content.toString('latin1') : { bytes: content.length, sum: checksum(content) };
  return { fields, properties, body };
}

/** FNV-1a: enough to see that a large body is what it was. */
export function checksum(bytes: Buffer): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** A body of a given size that repeats nowhere soon. */
export function patterned(bytes: number, seed = 1): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < bytes; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    body[index] = state >>> 24;
  }
  return body;
}

/** A consumer as a queue: messages in the order in which they came. */
export class Inbox {
  readonly messages: (ConsumeMessage | null)[] = [];
  readonly #waiting: (() => void)[] = [];

  readonly take = (message: ConsumeMessage | null): void => {
    this.messages.push(message);
    for (const wake of this.#waiting.splice(0)) wake();
  };

  /** Resolves with the first `count` messages. */
  async first(count: number): Promise<ConsumeMessage[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.messages.slice(0, count).filter((one) => one !== null);
  }
}

/** Starts a consumer and hands back what it gets. */
export async function consume(
  channel: Channel,
  queue: string,
  options: amqp.Options.Consume = {},
): Promise<{ inbox: Inbox; tag: string }> {
  const inbox = new Inbox();
  const { consumerTag } = await channel.consume(queue, inbox.take, options);
  return { inbox, tag: consumerTag };
}

/** Gets one message that is there; says so when none is. */
export async function mustGet(
  channel: Channel,
  queue: string,
  options?: amqp.Options.Get,
): Promise<GetMessage> {
  const message = await channel.get(queue, options);
  if (message === false) throw new Error(`no message in ${queue}`);
  return message;
}

/** Publishes on a confirm channel and resolves with `ack` or the refusal. */
export function confirmed(
  channel: amqp.ConfirmChannel,
  exchange: string,
  key: string,
  body: Buffer,
  options: amqp.Options.Publish = {},
): Promise<string> {
  return new Promise((resolve) => {
    channel.publish(exchange, key, body, options, (error) =>
      resolve(error === null ? 'ack' : `refused: ${String(error)}`),
    );
  });
}

/** Resolves with how a channel ended: its error, if it had one. */
export function channelEnd(channel: Channel): Promise<unknown> {
  return new Promise((resolve) => {
    let error: unknown = 'no error';
    channel.on('error', (thrown: unknown) => {
      error = thrown;
    });
    channel.on('close', () => resolve(error));
  });
}

/** Resolves with how a connection ended. */
export function connectionEnd(connection: ChannelModel): Promise<unknown> {
  return new Promise((resolve) => {
    let error: unknown = 'no error';
    connection.on('error', (thrown: unknown) => {
      error = thrown;
    });
    connection.on('close', () => resolve(error));
  });
}

/** The error of what must fail. */
export async function failure(attempt: Promise<unknown>): Promise<unknown> {
  try {
    await attempt;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
