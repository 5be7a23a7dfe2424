import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import {
  backOffMs,
  CHANNEL_OPTIONS,
  loadControlProtocol,
  type WatchRequest,
  type WatchResponse,
  type WireEndpoint,
} from '../../control-protocol/index.ts';
import { type Clock, type Logger, messageOf, type Random, randomToken } from '../../core/index.ts';
import { ControlCounters } from './counters.ts';
import { tellDrain } from './drain.ts';
import type { ControlEvents } from './events.ts';
import { Receiver } from './receive.ts';

/** How long the control plane may take until its snapshot is here. */
const SNAPSHOT_TIMEOUT_MS = 5000;
/** A stream is lost when it is silent for this many times as long as it has promised not to be. */
const SILENCE_FACTOR = 3;
/** A sidecar that has been held up itself first reads what has come meanwhile. */
const CATCH_UP_MS = 100;

/** How a sidecar follows its control plane. */
export interface ControlStreamOptions {
  /** `unix:PATH`, or host and port. */
  readonly target: string;
  /** The address by which the network knows the sidecar's host. */
  readonly node: string;
  readonly service: string;
  /** Where the sidecar takes requests: it is registered for as long as the stream lives. Undefined: it is not. */
  readonly endpoint: WireEndpoint | undefined;
  readonly events: ControlEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A stream that is opened again whenever it is lost. */
export interface ControlStream {
  /** Whether it is there, and counters since the start. */
  statistics(): Readonly<Record<string, unknown>>;
  /** Says that the endpoint is about to go. Resolves when all have been told, or after a bounded time; never rejects. */
  drain(): Promise<void>;
  /** Ends it and waits until nothing of it runs. No event comes after it, `lost` neither. Safe to call twice. */
  close(): Promise<void>;
}

class Stream implements ControlStream {
  readonly #options: ControlStreamOptions;
  readonly #request: WatchRequest;
  readonly #counters = new ControlCounters();
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #connected = false;

  constructor(options: ControlStreamOptions) {
    this.#options = options;
    const { service, node, endpoint } = options;
    this.#request = {
      service,
      node,
      instance: randomToken(),
      ...(endpoint === undefined ? {} : { endpoint }),
    };
    this.#done = this.#run();
  }

  statistics(): Readonly<Record<string, unknown>> {
    return { connected: this.#connected, ...this.#counters };
  }

  async drain(): Promise<void> {
    const { target, clock, logger } = this.#options;
    const { service, endpoint, instance } = this.#request;
    if (!this.#connected || !endpoint) return;
    const why = await tellDrain(target, { service, endpoint, instance }, clock, this.#closing.signal);
    if (why !== undefined)
      logger.log('warn', 'not everybody knows that this sidecar is about to go', { why });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  /** Follows, stream after stream, until it is closed. */
  async #run(): Promise<void> {
    const { clock, random, logger, target } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      this.#counters.attempts += 1;
      const { established, why } = await this.#follow();
      if (signal.aborted) return;
      if (established || failures === 0) {
        logger.log('info', 'no stream from the control plane', { target, why });
      }
      failures = established ? 0 : failures + 1;
      await clock.sleep(backOffMs(failures, random), signal).catch(() => undefined);
    }
  }

  /** One stream, from its beginning to its end. Never rejects. */
  async #follow(): Promise<{ readonly established: boolean; readonly why: string }> {
    const receiver = new Receiver(this.#options.events, this.#counters);
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, ended.signal]);
    let why = 'it ended';
    try {
      const { grpc, watch } = await loadControlProtocol();
      if (signal.aborted) return { established: false, why };
      const client = new grpc.Client(
        this.#options.target,
        grpc.credentials.createInsecure(),
        CHANNEL_OPTIONS,
      );
      try {
        const call = client.makeServerStreamRequest(
          watch.path,
          watch.requestSerialize,
          watch.responseDeserialize,
          this.#request,
        );
        why = await this.#receive(call, receiver, ended, signal);
      } finally {
        client.close();
      }
    } catch (error) {
      why = messageOf(error);
    }
    const established = this.#connected;
    this.#connected = false;
    if (established && !this.#closing.signal.aborted) {
      this.#counters.losses += 1;
      this.#options.events.lost();
    }
    return { established, why };
  }

  /** Takes what comes until the call ends, is silent for too long, or is cancelled; gives why it ended. */
  async #receive(
    call: ClientReadableStream<WatchResponse>,
    receiver: Receiver,
    ended: AbortController,
    signal: AbortSignal,
  ): Promise<string> {
    const { clock, logger } = this.#options;
    const { promise, resolve } = Promise.withResolvers<string>();
    const answered = new AbortController();
    let heardMs = clock.nowMs();
    call.on('data', (message: WatchResponse) => {
      heardMs = clock.nowMs();
      // Without the snapshot, what comes has no ground to stand on.
      if (signal.aborted || (!this.#connected && !message.snapshot)) return;
      if (!this.#connected) logger.log('info', 'following the control plane');
      this.#connected = true;
      receiver.take(message);
      answered.abort();
    });
    call.on('error', (error: ServiceError) => resolve(error.details));
    call.on('end', () => resolve('the control plane ended it'));
    const silence = async (): Promise<void> => {
      await clock
        .sleep(SNAPSHOT_TIMEOUT_MS, AbortSignal.any([signal, answered.signal]))
        .catch(() => undefined);
      while (!signal.aborted) {
        const lastMs = heardMs;
        const leftMs = lastMs + (receiver.keepaliveMs ?? 0) * SILENCE_FACTOR - clock.nowMs();
        await clock.sleep(leftMs > 0 ? leftMs : CATCH_UP_MS, signal).catch(() => undefined);
        if (leftMs <= 0 && heardMs === lastMs) break;
      }
      resolve(signal.aborted ? 'it was closed' : 'the control plane is silent');
    };
    const watched = silence();
    const why = await promise;
    ended.abort();
    call.cancel();
    await watched;
    return why;
  }
}

/**
 * Follows a control plane. Returns at once and connects in the background; where there is none, it tries again after a back-off with
 * jitter, for ever. gRPC is loaded by the first call of this function and by nothing before it.
 */
export function openControlStream(options: ControlStreamOptions): ControlStream {
  return new Stream(options);
}
