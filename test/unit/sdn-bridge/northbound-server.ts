import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Topology } from '../../../src/control-protocol/index.ts';
import type { NorthboundEvents, Routes, Statistics } from '../../../src/sdn-bridge/northbound/northbound.ts';

/** A request as a test's server sees it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

/** Answers a request: a status and a JSON value. */
export type Answer = (asked: Asked) => readonly [status: number, body?: unknown];

/** An HTTP server on loopback that answers JSON. */
export async function serve(answer: Answer): Promise<{ url: string; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      const [status, body] = answer({
        method: request.method ?? '',
        path: request.url ?? '',
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
        authorization: request.headers.authorization,
      });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Keeps what a northbound tells, and lets a test wait for it. */
export class Told implements NorthboundEvents {
  readonly events: string[] = [];
  topologies: Topology[] = [];
  statisticsSeen: Statistics[] = [];
  routesSeen: Routes[] = [];
  readonly #waiting = new Set<() => void>();

  found(): void {
    this.#add('found');
  }

  lost(): void {
    this.#add('lost');
  }

  topology(topology: Topology): void {
    this.topologies.push(topology);
    this.#add('topology');
  }

  statistics(statistics: Statistics): void {
    this.statisticsSeen.push(statistics);
    this.#add('statistics');
  }

  routes(routes: Routes): void {
    this.routesSeen.push(routes);
    this.#add('routes');
  }

  /** Resolves when the condition holds, looked at after each event. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  #add(event: string): void {
    this.events.push(event);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
