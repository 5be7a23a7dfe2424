import { loadSidecarFiles, resolveLimits } from '../config/index.ts';
import { type DaemonContext, randomSeed, seededRandom } from '../core/index.ts';
import { type Sidecar, startSidecar } from './start.ts';
import { warmUp } from './warm-up.ts';

/**
 * Runs a sidecar until the signal fires: prints `{"event":"ready", ...}` as a line when it serves, and resolves when all is closed.
 * @throws PriomeshError CONFIG_* for a wrong file; LISTEN_FAILED when a port is taken
 */
export async function runSidecar(file: string, { stdout, logger, signal }: DaemonContext): Promise<void> {
  let sidecar: Sidecar | undefined;
  // What goes wrong with a reload has been logged, and changes nothing. Before there is a sidecar nothing is old yet.
  const hangUp = (): void => {
    sidecar?.reopen();
    sidecar?.reload().catch(() => undefined);
  };
  process.on('SIGHUP', hangUp);
  const load = () => loadSidecarFiles(file);
  const { config, files } = await load();
  const dependencies = { random: seededRandom(randomSeed()), logger };
  await warmUp(config, dependencies, resolveLimits(config.limits).warmUpMs);
  sidecar = await startSidecar(config, { ...dependencies, load, files });
  const ready = {
    event: 'ready',
    service: config.service,
    pid: process.pid,
    inboundPort: sidecar.inboundPort ?? null,
    outboundPort: sidecar.outboundPort ?? null,
    brokerPort: sidecar.brokerPort ?? null,
    ...(sidecar.adminPort === undefined ? {} : { adminPort: sidecar.adminPort }),
  };
  stdout(`${JSON.stringify(ready)}\n`);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  await sidecar.close();
  process.off('SIGHUP', hangUp);
}
