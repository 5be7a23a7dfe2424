import type { ConfirmChannel, Message } from 'amqplib';
import {
  fitsMessage,
  type QueuedResponse,
  type ReceivedRequest,
  responseHeaderBytes,
  responseOptions,
  startedOptions,
} from './message-format.ts';

const NO_BODY = Buffer.alloc(0);

/** The connection that deliveries came on, as they see it. */
export class WorkerSession {
  /** The largest frame of the connection. */
  readonly frameBytes: number;
  readonly #waiting = new Set<() => void>();
  #alive = true;

  constructor(frameBytes: number) {
    this.frameBytes = frameBytes;
  }

  /** Whether what came on it can still be settled. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Calls back when the session ends, if `forget` was not called before. */
  whenEnded(call: () => void): { forget(): void } {
    if (this.#alive) this.#waiting.add(call);
    else call();
    return { forget: () => this.#waiting.delete(call) };
  }

  end(): void {
    this.#alive = false;
    for (const call of this.#waiting) call();
    this.#waiting.clear();
  }
}

/** One message that a worker has not settled yet. It can be settled only on the channel that it came on: when that is gone, it is delivered anew. */
export class Delivery {
  readonly received: ReceivedRequest;
  readonly #channel: ConfirmChannel;
  readonly #message: Message;
  readonly #session: WorkerSession;
  #settled = false;

  constructor(channel: ConfirmChannel, message: Message, received: ReceivedRequest, session: WorkerSession) {
    this.#channel = channel;
    this.#message = message;
    this.received = received;
    this.#session = session;
  }

  /** Tells the caller's gateway that the request is being executed. */
  started(): void {
    const { replyTo, request } = this.received;
    if (replyTo === undefined) return;
    this.#try(() => this.#channel.publish('', replyTo, NO_BODY, startedOptions(request.id, request.trace)));
  }

  /** Whether a response's head can be written into a message. */
  fits(response: QueuedResponse): boolean {
    return fitsMessage(responseHeaderBytes(response, this.received.request.trace), this.#session.frameBytes);
  }

  /** Publishes the response, and acknowledges the request when the broker has confirmed it. Resolves when that is done or cannot be done any more. */
  answer(response: QueuedResponse): Promise<void> {
    const { replyTo, request } = this.received;
    if (replyTo === undefined) {
      this.acknowledge();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const ended = this.#session.whenEnded(resolve);
      const confirmed = (error: unknown): void => {
        ended.forget();
        if (error === null) this.acknowledge();
        else this.handBack();
        resolve();
      };
      const options = responseOptions(request.id, response, request.trace);
      const published = this.#try(() => {
        this.#channel.publish('', replyTo, response.body, options, confirmed);
      });
      if (!published) {
        ended.forget();
        resolve();
      }
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
    if (!this.#session.alive) return false;
    try {
      how();
      return true;
    } catch {
      return false;
    }
  }
}
