import { createServer, type Server } from 'node:net';
import { PriomeshError } from '../core/index.ts';

/** Held by the sentinel only; no service of an experiment listens here. */
const SENTINEL_PORT = 15999;
/** Networks 127.A.B.0/24 that are tried, A from 64 to 127: away from the addresses that other programs use. */
const NETWORKS = 64 * 256;
const ATTEMPTS = 512;

/** A loopback network that belongs to one laboratory until it is released. */
export interface LoopbackNetwork {
  /** Address of the n-th node, 1 to 250. */
  address(number: number): string;
  release(): Promise<void>;
}

function listen(host: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port: SENTINEL_PORT, exclusive: true }, () => resolve(server));
  });
}

/**
 * Reserves a network 127.A.B.0/24 by listening on one address in it, so that no two local laboratories share one. The
 * kernel releases it when this process ends in any way.
 *
 * @param start where the search begins; two processes that start at different places rarely meet
 */
export async function reserveLoopback(start: number): Promise<LoopbackNetwork> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const network = (start + attempt) % NETWORKS;
    const prefix = `127.${64 + Math.floor(network / 256)}.${network % 256}`;
    const sentinel = await listen(`${prefix}.254`);
    if (sentinel === undefined) continue;
    sentinel.unref();
    return {
      address(number) {
        if (number < 1 || number > 250) throw new RangeError(`a loopback network has no node ${number}`);
        return `${prefix}.${number}`;
      },
      release: () => new Promise((resolve) => sentinel.close(() => resolve())),
    };
  }
  throw new PriomeshError('LAB_FAILED', `no free loopback network among ${ATTEMPTS}`, {
    fix: 'End other local laboratories.',
  });
}
