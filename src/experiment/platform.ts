import { fileURLToPath } from 'node:url';
import { hostExec, mustRun, type Platform } from '../core/index.ts';
import type { LabKind } from '../lab/index.ts';

const PROBE = fileURLToPath(new URL('platform-main.ts', import.meta.url));
const TIMEOUT_MS = 60_000;

/**
 * Finds out what processes can do where an experiment runs. For the Mininet laboratory the probe runs in a network
 * namespace of its own, because an ordinary user has rights there that he does not have outside.
 */
export async function probePlatform(lab: LabKind, signal?: AbortSignal): Promise<Platform> {
  const inside = process.getuid?.() === 0 ? ['unshare', '-n'] : ['unshare', '-Urn'];
  const prefix = lab === 'mininet' ? inside : [];
  const argv = [...prefix, process.execPath, PROBE] as unknown as [string, ...string[]];
  const result = await mustRun(hostExec, argv, {
    timeoutMs: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  return JSON.parse(result.stdout) as Platform;
}
