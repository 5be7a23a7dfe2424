import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Address, SidecarConfig } from '../../../../src/config/index.ts';
import type { BrokerSettings, Policy, QueueSettings, RequestClass } from '../../../../src/core/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type TestServer, testPolicy } from '../harness.ts';

/** The queue of all requests of the tests. */
export const QUEUE = 'requests';

/** What a test may change about its policy. */
export interface QueuedPolicy {
  readonly queue?: Partial<QueueSettings>;
  readonly broker?: Partial<BrokerSettings>;
  readonly batch?: Partial<RequestClass['queue']>;
  readonly interactive?: Partial<RequestClass['queue']>;
}

/** A policy of two classes whose requests for `tested` go through a queue; `/batch/...` is batch. */
export function queuedPolicy({ queue, broker, batch, interactive }: QueuedPolicy = {}): Policy {
  const policy = testPolicy(queue, batch, interactive);
  return {
    ...policy,
    classes: policy.classes.map((one, index) => ({ ...one, broker: { priority: index === 0 ? 2 : 1 } })),
    broker: { ...policy.broker, maxPriority: 2, prefetch: 1, ...broker },
    routes: [
      {
        name: 'everything',
        service: 'tested',
        path: '/**',
        via: 'amqp',
        queue: QUEUE,
        place: { file: 'test', line: 1, column: 1 },
      },
    ],
  };
}

/** What a sidecar of a test is. */
export interface QueuedSidecarOptions {
  readonly broker: Address;
  readonly virtualHost: string;
  readonly policy?: Policy;
  readonly layers?: SidecarConfig['layers'];
  readonly limits?: SidecarConfig['limits'];
  /** Where the application listens; without one the sidecar stands beside a caller and has an outbound side only. */
  readonly application?: number | undefined;
  readonly ingress?: boolean;
}

/** The configuration of a sidecar whose requests go through the queue. */
export function queuedConfig(options: QueuedSidecarOptions): SidecarConfig {
  const { broker, virtualHost, application, limits } = options;
  const here = { host: '127.0.0.1', port: 0 };
  return {
    service: application === undefined ? 'caller' : 'tested',
    policy: options.policy ?? queuedPolicy(),
    layers: options.layers ?? ['broker'],
    baselineCongestionControl: '',
    broker: { address: broker, virtualHost, userName: 'guest' },
    ...(application === undefined
      ? { outbound: { listen: here, upstreams: {} } }
      : {
          inbound: {
            listen: here,
            application: { host: '127.0.0.1', port: application },
            ingress: options.ingress ?? true,
          },
        }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/** Starts a sidecar whose requests go through the queue. */
export function queuedSidecar(options: QueuedSidecarOptions): Promise<Sidecar> {
  return startSidecar(queuedConfig(options), { random: seededRandom(1) });
}

type Counts = Readonly<Record<string, number>>;

/** What the statistics say of requests through queues. */
export interface QueuedNumbers {
  readonly links: Readonly<Record<string, { readonly connected: boolean; readonly sessions: number }>>;
  readonly gateway: Counts & { readonly classes: { readonly interactive: Counts; readonly batch: Counts } };
  readonly worker: Counts & {
    readonly workers: readonly Counts[];
    readonly classes: { readonly interactive: Counts; readonly batch: Counts };
  };
}

/** Reads them. */
export function numbersOf(sidecar: Sidecar): QueuedNumbers {
  return sidecar.statistics()['requestReply'] as QueuedNumbers;
}

/** Whether all connections to the broker stand. */
export function connected(sidecar: Sidecar): boolean {
  const links = Object.values(numbersOf(sidecar).links);
  return links.length > 0 && links.every((link) => link.connected);
}

/** Resolves when a condition holds; it is looked at every few milliseconds. */
export async function when(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A request that an application holds. */
export interface HeldRequest {
  readonly incoming: IncomingMessage;
  readonly body: string;
  answer(body?: string): void;
  /** Whether whoever sent it is gone. */
  readonly gone: () => boolean;
}

/** An application that answers each request at once, but for those that it is told to hold. */
export interface HoldingApplication extends TestServer {
  /** All requests that it was given, in order: method and target. */
  readonly seen: string[];
  /** The requests that it holds. */
  readonly held: HeldRequest[];
  /** Requests whose target begins so are held. */
  hold: string;
}

/** Opens one. */
export async function holdingApplication(): Promise<HoldingApplication> {
  const seen: string[] = [];
  const held: HeldRequest[] = [];
  const serve = (incoming: IncomingMessage, response: ServerResponse, body: string): void => {
    seen.push(`${incoming.method} ${incoming.url}`);
    let gone = false;
    response.on('close', () => {
      gone = !response.writableFinished;
    });
    const answer = (text = `did ${incoming.url}`): void => void response.end(text);
    if (application.hold !== '' && (incoming.url ?? '').startsWith(application.hold)) {
      held.push({ incoming, body, answer, gone: () => gone });
    } else answer();
  };
  const server = await httpApplication((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => serve(incoming, response, Buffer.concat(chunks).toString('latin1')));
  });
  const application: HoldingApplication = { ...server, seen, held, hold: '' };
  return application;
}
