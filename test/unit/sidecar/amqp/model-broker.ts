import {
  encodeMethod,
  FRAME,
  METHOD,
  methodHasContent,
} from '../../../../src/sidecar/amqp/protocol/index.ts';
import { classHeaders, content, framesOf, type SeenFrame } from './session-harness.ts';

/** A message of the model; its name is its body. */
interface ModelMessage {
  readonly name: string;
  readonly className: string;
}

interface Consumer {
  readonly tag: string;
  readonly prefetch: number;
}

/** What RabbitMQ does on one channel with one priority queue, as far as deliveries go: a second, simple implementation to hold the proxy against. */
export class ModelBroker {
  readonly ready: ModelMessage[] = [];
  readonly unsettled = new Map<number, { readonly message: ModelMessage; readonly consumer: string }>();
  readonly acked: string[] = [];
  readonly dropped: string[] = [];
  readonly errors: string[] = [];
  readonly #classes: readonly string[];
  #consumers: Consumer[] = [];
  #each = 0;
  #all = 0;
  #tag = 0;
  #turn = 0;
  #uncommitted: (() => void)[] | undefined;
  #contentOpen = false;

  constructor(classes: readonly string[]) {
    this.#classes = classes;
  }

  /** Takes what the proxy sent. @returns what the broker answers */
  take(bytes: Buffer): Buffer {
    return Buffer.concat(framesOf(bytes).map((frame) => this.#frame(frame)));
  }

  /** Sends what the bounds allow, at most so many. */
  push(most: number): Buffer {
    const sent: Buffer[] = [];
    while (sent.length < most) {
      const consumer = this.#free();
      const message = consumer === undefined ? undefined : this.#next();
      if (consumer === undefined || message === undefined) break;
      this.#tag += 1;
      this.unsettled.set(this.#tag, { message, consumer: consumer.tag });
      sent.push(this.#delivery(message, consumer.tag));
    }
    return Buffer.concat(sent);
  }

  #delivery({ name, className }: ModelMessage, consumerTag: string): Buffer {
    return content(
      1,
      'basic.deliver',
      { consumerTag, deliveryTag: this.#tag },
      name,
      classHeaders(className),
    );
  }

  /** The consumer whose turn it is, of those with room. */
  #free(): Consumer | undefined {
    if (this.#all > 0 && this.unsettled.size >= this.#all) return undefined;
    for (let step = 0; step < this.#consumers.length; step += 1) {
      this.#turn += 1;
      const consumer = this.#consumers[this.#turn % this.#consumers.length];
      if (consumer === undefined) continue;
      const has = [...this.unsettled.values()].filter((one) => one.consumer === consumer.tag).length;
      if (consumer.prefetch === 0 || has < consumer.prefetch) return consumer;
    }
    return undefined;
  }

  #next(): ModelMessage | undefined {
    const rank = (one: ModelMessage): number => this.#classes.indexOf(one.className);
    const best = Math.min(...this.ready.map(rank));
    const at = this.ready.findIndex((one) => rank(one) === best);
    return at < 0 ? undefined : this.ready.splice(at, 1)[0];
  }

  #frame({ type, method }: SeenFrame): Buffer {
    if (type === FRAME.body) this.#contentOpen = false;
    if (method === undefined) return Buffer.alloc(0);
    if (this.#contentOpen) this.errors.push(`${method.name} in the middle of a content`);
    if (methodHasContent(METHOD[method.name])) this.#contentOpen = true;
    switch (method.name) {
      case 'basic.qos':
        if (method.args.global) this.#all = method.args.prefetchCount;
        else {
          this.#each = method.args.prefetchCount;
          // "Ensures that if default was set, it's overridden": rabbit_channel of RabbitMQ 3.10.
          this.#all = 0;
        }
        return encodeMethod(1, 'basic.qos-ok', {});
      case 'basic.consume':
        this.#consumers.push({ tag: method.args.consumerTag, prefetch: this.#each });
        return encodeMethod(1, 'basic.consume-ok', { consumerTag: method.args.consumerTag });
      case 'basic.cancel':
        this.#consumers = this.#consumers.filter(({ tag }) => tag !== method.args.consumerTag);
        return encodeMethod(1, 'basic.cancel-ok', { consumerTag: method.args.consumerTag });
      case 'basic.ack':
        this.#settle(Number(method.args.deliveryTag), method.args.multiple, (one) =>
          this.acked.push(one.name),
        );
        return Buffer.alloc(0);
      case 'basic.nack':
        this.#settle(Number(method.args.deliveryTag), method.args.multiple, (one) => {
          if (method.args.requeue) this.ready.unshift(one);
          else this.dropped.push(one.name);
        });
        return Buffer.alloc(0);
      case 'basic.reject':
        this.#settle(Number(method.args.deliveryTag), false, (one) => {
          if (method.args.requeue) this.ready.unshift(one);
          else this.dropped.push(one.name);
        });
        return Buffer.alloc(0);
      case 'basic.get': {
        const message = this.#next();
        if (message === undefined) return encodeMethod(1, 'basic.get-empty', {});
        this.#tag += 1;
        if (!method.args.noAck) this.unsettled.set(this.#tag, { message, consumer: '' });
        else this.acked.push(message.name);
        return content(
          1,
          'basic.get-ok',
          { deliveryTag: this.#tag },
          message.name,
          classHeaders(message.className),
        );
      }
      case 'basic.recover':
        for (const [tag, { message }] of [...this.unsettled].reverse()) {
          this.unsettled.delete(tag);
          this.ready.unshift(message);
        }
        return encodeMethod(1, 'basic.recover-ok', {});
      case 'tx.select':
        this.#uncommitted = [];
        return encodeMethod(1, 'tx.select-ok', {});
      case 'tx.commit':
        for (const one of this.#uncommitted ?? []) one();
        this.#uncommitted = [];
        return encodeMethod(1, 'tx.commit-ok', {});
      case 'tx.rollback':
        this.#uncommitted = [];
        return encodeMethod(1, 'tx.rollback-ok', {});
      default:
        return Buffer.alloc(0);
    }
  }

  #settle(tag: number, multiple: boolean, as: (message: ModelMessage) => void): void {
    const settled = multiple
      ? [...this.unsettled.keys()].filter((one) => tag === 0 || one <= tag)
      : this.unsettled.has(tag)
        ? [tag]
        : [];
    if (settled.length === 0 && !(multiple && tag === 0)) this.errors.push(`unknown tag ${tag}`);
    const run = (): void => {
      for (const one of settled) {
        const found = this.unsettled.get(one);
        this.unsettled.delete(one);
        if (found !== undefined) as(found.message);
      }
    };
    if (this.#uncommitted === undefined) run();
    else this.#uncommitted.push(run);
  }
}
