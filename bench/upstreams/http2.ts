import type { Address } from '../../src/config/index.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import type { ProcessGroup } from '../processes.ts';
import { HOST } from '../scene.ts';

const MAIN = new URL('../http2-upstream-main.ts', import.meta.url).pathname;

/** Starts the server of HTTP/2 and gRPC. */
export async function startHttp2Upstream(
  processes: ProcessGroup,
  core: number,
): Promise<{ readonly address: Address; readonly pids: readonly number[] }> {
  const port = await freePort();
  const child = processes.spawn('HTTP/2 upstream', [process.execPath, MAIN, String(port)], { core });
  await waitUntilServing(port, child, processes.signal);
  return { address: { host: HOST, port }, pids: [child.pid] };
}
