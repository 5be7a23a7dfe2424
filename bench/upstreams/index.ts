import type { Address } from '../../src/config/index.ts';
import type { Wire } from '../loads/index.ts';
import type { ProcessGroup } from '../processes.ts';
import { startHttp2Upstream } from './http2.ts';
import { startNginxUpstream } from './nginx.ts';

/** What stands behind every peer. */
export interface Upstreams {
  /** The server for a wire. */
  readonly address: Readonly<Record<Wire, Address>>;
  /** A server of HTTP/2 that tells which class reached it, as the one that is measured cannot. */
  readonly http2Echo: Address;
  readonly pids: readonly number[];
}

/** Starts the servers behind every peer. */
export async function startUpstreams(
  processes: ProcessGroup,
  folder: string,
  core: number,
): Promise<Upstreams> {
  const nginx = await startNginxUpstream(processes, folder, core);
  const own = await startHttp2Upstream(processes, core);
  return {
    address: { http1: nginx.http1, tcp: nginx.http1, http2: own.address, grpc: own.address },
    http2Echo: nginx.http2,
    pids: [...nginx.pids, ...own.pids],
  };
}
