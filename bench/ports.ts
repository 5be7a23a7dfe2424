import { once } from 'node:events';
import net from 'node:net';
import { abortError, PriomeshError, systemClock } from '../src/core/index.ts';
import type { BenchProcess } from './processes.ts';
import { HOST } from './scene.ts';

const SERVING_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/** A TCP port that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string')
    throw new PriomeshError('INTERNAL', 'no port was given');
  return address.port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, HOST);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // Not yet.
  } finally {
    socket.destroy();
  }
}

/** Resolves when a process accepts connections; rejects when it ends before, or takes too long. */
export async function waitUntilServing(
  port: number,
  child: BenchProcess,
  signal: AbortSignal,
): Promise<void> {
  const deadline = systemClock.nowMs() + SERVING_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (signal.aborted) throw abortError(signal);
    if (child.ended) throw child.failure('ended before it served');
    if (systemClock.nowMs() > deadline) throw child.failure(`did not serve within ${SERVING_TIMEOUT_MS} ms`);
    await systemClock.sleep(POLL_MS, signal);
  }
}
