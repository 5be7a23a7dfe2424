import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { Address } from '../src/config/index.ts';
import { startInbound } from './peers/index.ts';
import type { ProcessGroup } from './processes.ts';

/** How long one sidecar took from spawn to its line `ready`. */
export interface StartSample {
  /** `sidecar`: as the experiments start it. `sidecar-cached`: with Node's on-disk cache of compiled code (NODE_COMPILE_CACHE), filled. */
  readonly peer: 'sidecar' | 'sidecar-cached';
  readonly round: number;
  readonly ms: number;
}

/** Times sidecars, both kinds in turn. The times include setpriv and taskset, about 2 ms. */
export async function measureStartUp(
  processes: ProcessGroup,
  folder: string,
  { core, application, times }: { core: number; application: Address; times: number },
): Promise<StartSample[]> {
  const cached = { NODE_COMPILE_CACHE: path.join(folder, 'compile-cache') };
  const startOnce = async (env: Readonly<Record<string, string>>): Promise<number> => {
    const own = await mkdtemp(path.join(folder, 'start-'));
    const sidecar = await startInbound(processes, own, 'starting', { core, env }, application);
    await sidecar.process.end();
    return sidecar.readyMs;
  };
  // The first one fills the cache, when it ends.
  await startOnce(cached);
  const samples: StartSample[] = [];
  for (let round = 1; round <= times; round += 1) {
    samples.push({ peer: 'sidecar', round, ms: await startOnce({}) });
    samples.push({ peer: 'sidecar-cached', round, ms: await startOnce(cached) });
  }
  return samples;
}
