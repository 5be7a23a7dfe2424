import type { ClientWritableStream, ServiceError } from '@grpc/grpc-js';
import {
  backOffMs,
  CHANNEL_OPTIONS,
  loadControlProtocol,
  type ReportRequest,
  type Topology,
} from '../control-protocol/index.ts';
import { type Clock, type Hint, type Logger, messageOf, type Random } from '../core/index.ts';
import { ReportBuffer } from './report-buffer.ts';

/** How long a control plane may take until it says that it hears. */
const ANSWER_TIMEOUT_MS = 5000;

/** How a bridge reports. */
export interface ReportOptions {
  /** `unix:PATH`, or host and port. */
  readonly target: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told when the control plane hears, and when it does not any more. May not throw. */
  readonly onState?: (connected: boolean) => void;
}

/** A stream of reports that is opened again whenever it is lost. Nothing of it blocks or throws. */
export interface Report {
  /** Tells the network's shape; it is told again on each new stream. */
  topology(topology: Topology): void;
  /** Tells hints. What cannot be sent now waits, the newest of each link, until its time to live has passed. */
  hints(hints: readonly Hint[]): void;
  /** Whether the control plane hears, and counters since the start. */
  statistics(): Readonly<Record<string, number | boolean>>;
  /** Ends it and waits until nothing of it runs. Safe to call twice. */
  close(): Promise<void>;
}

class ReportStream implements Report {
  readonly #options: ReportOptions;
  readonly #buffer = new ReportBuffer();
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #connected = false;
  /** The stream that takes messages now. */
  #call: ClientWritableStream<ReportRequest> | undefined;
  #writing = false;
  #losses = 0;
  #messages = 0;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  topology(topology: Topology): void {
    this.#buffer.topology(topology);
    this.#send();
  }

  hints(hints: readonly Hint[]): void {
    this.#buffer.hints(hints, this.#options.clock.nowMs());
    this.#send();
  }

  statistics(): Readonly<Record<string, number | boolean>> {
    return {
      connected: this.#connected,
      losses: this.#losses,
      messages: this.#messages,
      hintsReplaced: this.#buffer.hintsReplaced,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, random, logger, target, onState } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const why = await this.#report().catch(messageOf);
      const established = this.#connected;
      this.#connected = false;
      if (established) {
        this.#losses += 1;
        onState?.(false);
      }
      if (signal.aborted) return;
      if (established || failures === 0)
        logger.log('info', 'the control plane does not hear', { target, why });
      failures = established ? 0 : failures + 1;
      await clock.sleep(backOffMs(failures, random), signal).catch(() => undefined);
    }
  }

  /** One stream, from its beginning to its end; gives why it ended. */
  async #report(): Promise<string> {
    const { target, clock, onState } = this.#options;
    const { grpc, report } = await loadControlProtocol();
    if (this.#closing.signal.aborted) return 'it was closed';
    const client = new grpc.Client(target, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
    const { promise, resolve } = Promise.withResolvers<string>();
    const answered = new AbortController();
    const call = client.makeClientStreamRequest(
      report.path,
      report.requestSerialize,
      report.responseDeserialize,
      (error: ServiceError | null) => resolve(error === null ? 'the control plane ended it' : error.details),
    );
    const closed = (): void => resolve('it was closed');
    this.#closing.signal.addEventListener('abort', closed, { once: true });
    call.once('metadata', () => {
      if (answered.signal.aborted) return;
      answered.abort();
      this.#connected = true;
      onState?.(true);
      this.#call = call;
      this.#buffer.restart();
      this.#send();
    });
    call.on('error', () => undefined);
    const waited = clock.sleep(ANSWER_TIMEOUT_MS, answered.signal).then(
      () => resolve('the control plane does not answer'),
      () => undefined,
    );
    try {
      return await promise;
    } finally {
      answered.abort();
      this.#closing.signal.removeEventListener('abort', closed);
      this.#call = undefined;
      this.#writing = false;
      call.cancel();
      client.close();
      await waited;
    }
  }

  /** Sends the next message if there is room; the one after it follows when that is gone. */
  #send(): void {
    const call = this.#call;
    if (call === undefined || this.#writing) return;
    const message = this.#buffer.take(this.#options.clock.nowMs());
    if (message === undefined) return;
    this.#writing = true;
    this.#messages += 1;
    call.write(message, () => {
      if (this.#call !== call) return;
      this.#writing = false;
      this.#send();
    });
  }
}

/** Reports to a control plane. Returns at once and connects in the background, again and again with a back-off. */
export function openReport(options: ReportOptions): Report {
  return new ReportStream(options);
}
