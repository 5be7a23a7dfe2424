import { loadControlPlaneConfig } from '../config/index.ts';
import { type DaemonContext, systemClock } from '../core/index.ts';
import { startControlPlane } from './start.ts';

/**
 * Runs a control plane until the signal fires: prints `{"event":"ready", ...}` as a line when it serves, and its statistics as
 * `{"event":"end", ...}` when it has ended.
 * @throws PriomeshError CONFIG_* for a wrong file; LISTEN_FAILED when the address cannot be listened on
 */
export async function runControlPlane(
  file: string,
  { stdout, logger, signal }: DaemonContext,
): Promise<void> {
  const config = await loadControlPlaneConfig(file);
  const plane = await startControlPlane(config, { clock: systemClock, logger });
  stdout(`${JSON.stringify({ event: 'ready', target: plane.target, pid: process.pid })}\n`);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  const statistics = plane.statistics();
  await plane.close();
  stdout(`${JSON.stringify({ event: 'end', ...statistics })}\n`);
}
