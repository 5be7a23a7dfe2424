import { Agent, request } from 'node:http';
import { messageOf } from '../core/index.ts';
import { CallFailure, type CallReply, type Calls } from './calls.ts';
import { queueWaitOf } from './queue-timing.ts';
import type { PlannedCall } from './route-table.ts';
import type { SocketBaseline } from './socket-baseline.ts';

const MAX_IDLE_CONNECTIONS = 4096;
/** Shorter than a callee or a sidecar keeps an idle connection, so that no call meets one that is just being closed. */
const IDLE_MS = 30_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** How the application calls other services. */
export interface UpstreamClientOptions {
  readonly upstreams: Readonly<Record<string, Address>>;
  readonly callTimeoutMs: number;
  readonly baseline: SocketBaseline | undefined;
}

/**
 * Calls other services over connections that are kept alive. node:http's agent is used because it opens a connection whenever none
 * is free, so it never queues a call where no sidecar could see it, and because it is there already: the server loads it.
 */
export class UpstreamClient implements Calls {
  readonly #options: UpstreamClientOptions;
  readonly #agent: Agent;

  constructor(options: UpstreamClientOptions) {
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: Number.POSITIVE_INFINITY,
      maxFreeSockets: MAX_IDLE_CONNECTIONS,
      scheduling: 'lifo',
      timeout: IDLE_MS,
    });
    const { baseline } = options;
    if (baseline !== undefined) {
      this.#agent.createConnection = (target) =>
        baseline.connect({ host: String(target.host), port: Number(target.port) });
    }
  }

  /** Sends a GET and resolves with the head of a successful response; rejects with {@link CallFailure} otherwise. */
  call(
    planned: PlannedCall,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallReply> {
    const address = this.#options.upstreams[planned.service];
    if (address === undefined) throw new CallFailure(`${planned.service}: no address`);
    return new Promise((resolve, reject) => {
      const call = request({
        host: address.host,
        port: address.port,
        path: planned.path,
        method: 'GET',
        headers: { ...headers, host: planned.service },
        agent: this.#agent,
        timeout: this.#options.callTimeoutMs,
        signal,
      });
      call.on('timeout', () => call.destroy(new Error('the callee is silent')));
      call.on('error', (error) => reject(new CallFailure(`${planned.service}: ${messageOf(error)}`)));
      call.on('response', (body) => {
        const status = body.statusCode ?? 0;
        if (status < 200 || status > 299) {
          body.resume();
          reject(new CallFailure(`${planned.service}: status ${status}`));
          return;
        }
        const { 'content-length': length, 'server-timing': timing } = body.headers;
        resolve({
          body,
          bodyBytes: length === undefined ? undefined : Number(length),
          queueWaitMs: timing === undefined ? undefined : queueWaitOf(String(timing)),
        });
      });
      call.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
