import { resolveLimits } from '../../../../src/config/index.ts';
import { type Policy, seededRandom, silentLogger } from '../../../../src/core/index.ts';
import {
  createPropagation,
  createProvenanceResolver,
  ProvenanceTable,
} from '../../../../src/propagation/index.ts';
import type { AmqpContext } from '../../../../src/sidecar/amqp/context.ts';
import { AmqpCounters } from '../../../../src/sidecar/amqp/counters.ts';
import type { End } from '../../../../src/sidecar/amqp/frame-rules.ts';
import { KnownQueues } from '../../../../src/sidecar/amqp/known-queues.ts';
import { MessageBook } from '../../../../src/sidecar/amqp/message.ts';
import {
  type AmqpFault,
  type AnyMethod,
  decodeMethod,
  encodeFrame,
  encodeMethod,
  FRAME,
  FrameScanner,
  type MethodArguments,
  type MethodName,
  tableOf,
} from '../../../../src/sidecar/amqp/protocol/index.ts';
import { Session, type SessionOwner } from '../../../../src/sidecar/amqp/session.ts';
import { TimerWheel, Wire } from '../../../../src/sidecar/io/index.ts';
import type { TapMessage } from '../../../../src/sidecar/tap/index.ts';
import { QUIET_NETWORK } from '../../../support/network-settings.ts';
import { arrive, FakeSocket } from '../fake-socket.ts';
import { HeldClock } from '../held-clock.ts';

function row(name: string, rank: number, priority: number): Policy['classes'][number] {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 30_000, weight: 1, maxSharePercent: 100 },
    broker: { priority },
    transport: { congestionControl: ['reno'] },
    mark: { dscp: 0, dscpName: '0' },
    kernel: { sharePercent: 30, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
  };
}

/** Three classes with broker priorities 9, 5 and 1; the default is the middle one. */
export function amqpPolicy(broker: Partial<Policy['broker']> = {}): Policy {
  return {
    schema: 'priomesh/policy/v1',
    name: 'test',
    classes: [row('interactive', 0, 9), row('normal', 3, 5), row('batch', 5, 1)],
    queue: { mode: 'strict', concurrency: 64, capacity: 512, starvationMs: 60_000 },
    broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 16, starvationMs: 5000, ...broker },
    network: QUIET_NETWORK,
    routes: [],
    ingress: { defaultClass: 'normal', trustedNetworks: [], rules: [] },
  };
}

/** A frame as a test looks at it. */
export interface SeenFrame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
  readonly bytes: Buffer;
  readonly method: AnyMethod | undefined;
}

/** Takes bytes apart into frames. */
export function framesOf(bytes: Buffer): SeenFrame[] {
  const scanner = new FrameScanner();
  const frames: SeenFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const found = scanner.scan(bytes, at, bytes.length, Number.MAX_SAFE_INTEGER);
    if (found !== 'frame') throw new Error(`${found} at ${at} of ${bytes.length}`);
    const payload = bytes.subarray(scanner.payloadStart, scanner.payloadEnd);
    frames.push({
      type: scanner.type,
      channel: scanner.channel,
      payload,
      bytes: bytes.subarray(at, scanner.frameEnd),
      method: scanner.type === FRAME.method ? decodeMethod(payload, 0, payload.length) : undefined,
    });
    at = scanner.frameEnd;
  }
  return frames;
}

/** The headers that a test message carries so that it is of a class. */
export function classHeaders(name: string): Record<string, string> {
  return {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: `priomesh=c:${name}`,
  };
}

const HEADERS_FLAG = 0x2000;
const PRIORITY_FLAG = 0x0800;

/** A content header frame. */
export function contentHeader(
  channel: number,
  bodyBytes: number,
  headers: Readonly<Record<string, string>> = {},
  priority?: number,
): Buffer {
  // The table as a method has it, without all around it.
  const holder = encodeMethod(0, 'queue.unbind', { arguments: tableOf(headers) });
  const table = holder.subarray(7 + 4 + 2 + 3, holder.length - 1);
  const head = Buffer.alloc(14);
  head.writeUInt16BE(60, 0);
  head.writeBigUInt64BE(BigInt(bodyBytes), 4);
  head.writeUInt16BE(HEADERS_FLAG | (priority === undefined ? 0 : PRIORITY_FLAG), 12);
  const rest = priority === undefined ? [] : [Buffer.from([priority])];
  return encodeFrame(FRAME.header, channel, Buffer.concat([head, table, ...rest]));
}

/** A method with its content, as bytes; the body may be cut into several frames. */
export function content<N extends MethodName>(
  channel: number,
  name: N,
  args: Partial<MethodArguments<N>>,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  priority?: number,
  frameBytes = 100_000,
): Buffer {
  const bytes = Buffer.from(body);
  const frames = [encodeMethod(channel, name, args), contentHeader(channel, bytes.length, headers, priority)];
  for (let at = 0; at < bytes.length; at += frameBytes) {
    frames.push(encodeFrame(FRAME.body, channel, bytes.subarray(at, at + frameBytes)));
  }
  return Buffer.concat(frames);
}

/** A session between a client and a broker that the test plays; bytes go in, frames come out. */
export class SessionPair implements SessionOwner {
  readonly clock = new HeldClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly clientSocket = new FakeSocket();
  readonly brokerSocket = new FakeSocket();
  readonly faults: { readonly end: End; readonly fault: AmqpFault; readonly methodId: number }[] = [];
  readonly told: TapMessage[] = [];
  readonly counters: AmqpCounters;
  readonly table = new ProvenanceTable();
  readonly context: AmqpContext;
  readonly session: Session;
  readonly client: Wire;
  readonly broker: Wire;

  constructor(
    policy = amqpPolicy(),
    layerOn = true,
    limits: Partial<AmqpContext['limits']> = {},
    queues = new KnownQueues(),
  ) {
    this.counters = new AmqpCounters(policy);
    const base: Omit<AmqpContext, 'book'> = {
      service: 'tested',
      settings: { address: { host: '127.0.0.1', port: 1 }, listen: { host: '127.0.0.1', port: 0 } },
      policy,
      broker: policy.broker,
      layerOn,
      propagation: createPropagation(policy, { randomFill: (into) => into.fill(7) }),
      resolver: createProvenanceResolver(policy, this.table),
      table: this.table,
      clock: this.clock,
      wheel: this.wheel,
      random: seededRandom(1),
      logger: silentLogger,
      limits: { ...resolveLimits(), fields: 128, ...limits },
      counters: this.counters,
      queues,
      connect: () => this.brokerSocket.asSocket(),
      tap: {
        active: true,
        request: () => undefined,
        move: () => undefined,
        message: (event) => this.told.push(event),
      },
    };
    this.context = { ...base, book: new MessageBook(base) };
    this.client = new Wire({
      onBytes: () => this.session.onClientBytes(),
      onEnd: () => undefined,
      onClosed: () => undefined,
    });
    this.broker = new Wire({
      onBytes: () => this.session.onBrokerBytes(),
      onEnd: () => undefined,
      onClosed: () => undefined,
    });
    this.client.attach(this.clientSocket.asSocket());
    this.broker.attach(this.brokerSocket.asSocket());
    this.session = new Session(this.context, this.client, this.broker, this);
  }

  faulty(end: End, fault: AmqpFault, methodId: number): void {
    this.faults.push({ end, fault, methodId });
  }

  closing(): void {}

  closed(): void {}

  /** Bytes come from the client. @returns what left for the broker */
  fromClient(bytes: Buffer): Buffer {
    arrive(this.client, this.clientSocket, bytes);
    return this.toBroker();
  }

  /** Bytes come from the broker. @returns what left for the client */
  fromBroker(bytes: Buffer): Buffer {
    arrive(this.broker, this.brokerSocket, bytes);
    return this.toClient();
  }

  /** What left for the broker since the last look. */
  toBroker(): Buffer {
    return Buffer.concat(this.brokerSocket.written.splice(0));
  }

  /** What left for the client since the last look. */
  toClient(): Buffer {
    return Buffer.concat(this.clientSocket.written.splice(0));
  }

  /** Goes through the handshake, and opens channel 1. */
  open(properties: Readonly<Record<string, string>> = {}, frameMax = 131_072): this {
    this.fromBroker(
      encodeMethod(0, 'connection.start', { versionMinor: 9, mechanisms: 'PLAIN', locales: 'en' }),
    );
    this.fromClient(
      encodeMethod(0, 'connection.start-ok', {
        clientProperties: tableOf(properties),
        mechanism: 'PLAIN',
        response: '\0guest\0guest',
        locale: 'en',
      }),
    );
    this.fromBroker(encodeMethod(0, 'connection.tune', { channelMax: 2047, frameMax, heartbeat: 60 }));
    this.fromClient(encodeMethod(0, 'connection.tune-ok', { channelMax: 2046, frameMax, heartbeat: 60 }));
    this.fromClient(encodeMethod(0, 'connection.open', { virtualHost: '/' }));
    this.fromBroker(encodeMethod(0, 'connection.open-ok', {}));
    return this.openChannel(1);
  }

  openChannel(channel: number): this {
    this.fromClient(encodeMethod(channel, 'channel.open', {}));
    this.fromBroker(encodeMethod(channel, 'channel.open-ok', {}));
    return this;
  }
}

/** The names of the methods among frames, `header`, `body` or `heartbeat` for others. */
export function namesOf(bytes: Buffer): string[] {
  return framesOf(bytes).map(({ type, method }) => {
    if (method !== undefined) return method.name;
    return type === FRAME.header ? 'header' : type === FRAME.body ? 'body' : 'heartbeat';
  });
}

/** The arguments of the only method of that name among frames. */
export function argsOf<N extends MethodName>(bytes: Buffer, name: N): MethodArguments<N>[] {
  return framesOf(bytes).flatMap(({ method }) =>
    // The name tells the arguments' type, which the compiler cannot follow through a type parameter.
    method?.name === name ? [method.args as unknown as MethodArguments<N>] : [],
  );
}
