import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  loadControlProtocol,
  type WatchRequest,
  type WatchResponse,
} from '../../../src/control-protocol/index.ts';

/** A control plane that says what the test tells it to say. */
export interface ControlPlaneDouble {
  /** `unix:PATH`. */
  readonly target: string;
  /** Who has begun to watch, in order. */
  readonly watchers: readonly WatchRequest[];
  /** How many streams stand. */
  readonly streams: number;
  /** Says the same to everyone, now and, for a snapshot, to those who come later. */
  tell(message: WatchResponse): void;
  /** Dies: every stream breaks. */
  kill(): void;
}

/** Two ways to each peer: over s2, and over s3. */
export function pathsTo(...peers: string[]): NonNullable<WatchResponse['paths']> {
  const ways = ['primary', 'secondary'].map((id, index) => ({
    id,
    links: [`s1>s${index + 2}`, `s${index + 2}>s4`, `s4>s${index + 2}`, `s${index + 2}>s1`],
  }));
  return { groups: [{ peers, paths: ways }] };
}

let sequence = 0;

/** A hint about one link; classes that are not named are calm. */
export function hintOf(link: string, levels: Readonly<Record<string, number>>, ttlMs = 60_000) {
  sequence += 1;
  return {
    link,
    epoch: 1,
    sequence,
    ttlMs,
    down: false,
    classes: Object.entries(levels).map(([name, level]) => ({
      name,
      level,
      queueingDelayMs: level * 20,
      utilization: level,
      lossRatio: 0,
    })),
  };
}

/** All four links of both ways: the first way has these levels, the other one is calm. */
export function hintsOf(levels: Readonly<Record<string, number>>, ttlMs?: number): WatchResponse {
  return { hints: { hints: [hintOf('s1>s2', levels, ttlMs), hintOf('s1>s3', {}, ttlMs)] } };
}

/** Listens at a Unix socket. */
export async function controlPlaneDouble(socket: string): Promise<ControlPlaneDouble> {
  const { grpc, watch } = await loadControlProtocol();
  const server = new grpc.Server();
  const watchers: WatchRequest[] = [];
  const streams = new Set<ServerWritableStream<WatchRequest, WatchResponse>>();
  let snapshot: WatchResponse = {
    snapshot: { epoch: 1, keepaliveMs: 60_000, paths: null, registry: null, hints: null },
  };
  server.addService(
    { Watch: watch },
    {
      Watch: (call: ServerWritableStream<WatchRequest, WatchResponse>) => {
        watchers.push(call.request);
        streams.add(call);
        call.on('cancelled', () => streams.delete(call));
        call.write(snapshot);
      },
    },
  );
  const target = `unix:${socket}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(target, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return {
    target,
    watchers,
    get streams() {
      return streams.size;
    },
    tell(message) {
      if (message.snapshot) snapshot = message;
      for (const stream of streams) stream.write(message);
    },
    kill: () => server.forceShutdown(),
  };
}
