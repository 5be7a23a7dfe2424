import type { ConfirmChannel, Message } from 'amqplib';
import {
  type QueuedResponse,
  type ReceivedRequest,
  responseOptions,
  startedOptions,
} from './message-format.ts';

const NO_BODY = Buffer.alloc(0);

/** One message that a worker has not settled yet. It can be settled only on the channel that it came on: when that is gone, it is delivered anew. */
export class Delivery {
  readonly received: ReceivedRequest;
  readonly #channel: ConfirmChannel;
  readonly #message: Message;
  readonly #here: () => boolean;
  #settled = false;

  /** @param here whether the channel still stands */
  constructor(channel: ConfirmChannel, message: Message, received: ReceivedRequest, here: () => boolean) {
    this.#channel = channel;
    this.#message = message;
    this.received = received;
    this.#here = here;
  }

  /** Tells the caller's gateway that the request is being executed. */
  started(): void {
    const { replyTo, request } = this.received;
    if (replyTo === undefined) return;
    this.#try(() => this.#channel.publish('', replyTo, NO_BODY, startedOptions(request.id, request.trace)));
  }

  /** Publishes the response, and acknowledges the request when the broker has confirmed it. Resolves when that is done or cannot be done any more. */
  answer(response: QueuedResponse): Promise<void> {
    const { replyTo, request } = this.received;
    if (replyTo === undefined) {
      this.acknowledge();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const confirmed = (error: unknown): void => {
        if (error === null) this.acknowledge();
        else this.handBack();
        resolve();
      };
      const options = responseOptions(request.id, response, request.trace);
      const published = this.#try(() => {
        this.#channel.publish('', replyTo, response.body, options, confirmed);
      });
      if (!published) resolve();
    });
  }

  acknowledge(): void {
    this.#settle(() => this.#channel.ack(this.#message));
  }

  /** Gives the message back to the queue, for another worker or this one. */
  handBack(): void {
    this.#settle(() => this.#channel.nack(this.#message, false, true));
  }

  #settle(how: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#try(how);
  }

  /** @returns whether the channel took it; one that has just closed throws, and its message is delivered again */
  #try(how: () => void): boolean {
    if (!this.#here()) return false;
    try {
      how();
      return true;
    } catch {
      return false;
    }
  }
}
