import { EventEmitter } from 'node:events';
import type { ChannelModel, Message, Options } from 'amqplib';

/** What was published on a fake channel. */
export interface Published {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
  readonly confirm: ((error: Error | null) => void) | undefined;
}

/** As much of an amqplib channel as request and reply use. */
export class FakeChannel extends EventEmitter {
  readonly published: Published[] = [];
  readonly settled: string[] = [];
  readonly cancelled: string[] = [];
  readonly consumers = new Map<string, (message: Message | null) => void>();
  /** What `publish` says. */
  writable = true;
  closed = false;

  constructor() {
    super();
    // As amqplib does: all that is unconfirmed fails in the moment in which the channel closes.
    this.on('close', () => {
      this.closed = true;
      for (const { confirm } of this.published) confirm?.(new Error('channel closed'));
    });
  }

  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: Options.Publish,
    confirm?: (error: Error | null) => void,
  ): boolean {
    if (this.closed) throw new Error('channel closed');
    this.published.push({ exchange, routingKey, content, options, confirm });
    return this.writable;
  }

  consume(queue: string, take: (message: Message | null) => void): Promise<{ consumerTag: string }> {
    this.consumers.set(queue, take);
    return Promise.resolve({ consumerTag: queue });
  }

  cancel(consumerTag: string): Promise<void> {
    if (this.closed) return Promise.reject(new Error('channel closed'));
    this.cancelled.push(consumerTag);
    return Promise.resolve();
  }

  assertQueue(queue: string): Promise<{ queue: string }> {
    return Promise.resolve({ queue: queue === '' ? 'amq.gen-1' : queue });
  }

  assertExchange(): Promise<void> {
    return Promise.resolve();
  }

  bindQueue(): Promise<void> {
    return Promise.resolve();
  }

  prefetch(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  ack({ fields }: Message): void {
    this.settled.push(`ack ${fields.deliveryTag}`);
  }

  nack({ fields }: Message, _multiple: boolean, requeue: boolean): void {
    this.settled.push(`nack ${fields.deliveryTag} ${requeue ? 'requeue' : 'drop'}`);
  }

  /** What was published to a routing key, or to an exchange. */
  to(where: string): Published[] {
    return this.published.filter(
      ({ routingKey, exchange }) => (exchange === '' ? routingKey : exchange) === where,
    );
  }
}

/** As much of an amqplib connection. */
export class FakeModel extends EventEmitter {
  readonly connection = { serverProperties: {}, frameMax: 131_072 };
  readonly channels: FakeChannel[] = [];
  confirm: FakeChannel | undefined;
  closed = false;

  createChannel(): Promise<FakeChannel> {
    const channel = new FakeChannel();
    this.channels.push(channel);
    return Promise.resolve(channel);
  }

  createConfirmChannel(): Promise<FakeChannel> {
    this.confirm = new FakeChannel();
    return Promise.resolve(this.confirm);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  asModel(): ChannelModel {
    return this as unknown as ChannelModel;
  }
}

/** A message as amqplib hands it over. */
export function delivered(options: object, body: Buffer = Buffer.alloc(0), deliveryTag = 1): Message {
  return {
    content: body,
    fields: { deliveryTag, redelivered: false, exchange: '', routingKey: '' },
    properties: options as Message['properties'],
  };
}
