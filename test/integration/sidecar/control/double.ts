import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  loadControlProtocol,
  type WatchRequest,
  type WatchResponse,
} from '../../../../src/control-protocol/index.ts';
import { type Clock, PriomeshError } from '../../../../src/core/index.ts';

type Call = ServerWritableStream<WatchRequest, Buffer>;

/** A control plane that says what a test wants, in bytes. */
export async function scriptedPlane(script: (call: Call, say: (message: WatchResponse) => void) => void) {
  const { grpc, watch } = await loadControlProtocol();
  const server = new grpc.Server();
  const say = (call: Call) => (message: WatchResponse) => {
    call.write(watch.responseSerialize(message));
  };
  server.addService(
    { watch: { ...watch, responseSerialize: (bytes: Buffer) => bytes } },
    { watch: (call: Call) => script(call, say(call)) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    target: `127.0.0.1:${port}`,
    async close(): Promise<void> {
      server.forceShutdown();
    },
  };
}

interface Sleeper {
  readonly untilMs: number;
  wake(): void;
}

/** A clock that goes when the test says so; who sleeps on it wakes then. */
export class HandClock implements Clock {
  #ms = 1000;
  readonly #sleepers = new Set<Sleeper>();

  nowMs(): number {
    return this.#ms;
  }

  wallMs(): number {
    return this.#ms;
  }

  /** How many sleep, and for how long still. */
  get asleepMs(): readonly number[] {
    return [...this.#sleepers].map(({ untilMs }) => untilMs - this.#ms);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (done: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', cancelled);
        done();
      };
      const cancelled = (): void => end(() => reject(new PriomeshError('ABORTED', 'cancelled')));
      const sleeper = { untilMs: this.#ms + ms, wake: () => end(resolve) };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', cancelled, { once: true });
      if (signal?.aborted === true) cancelled();
    });
  }

  advance(ms: number): void {
    this.#ms += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.untilMs <= this.#ms) sleeper.wake();
  }
}
