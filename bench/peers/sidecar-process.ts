import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadPolicy, type SidecarConfig } from '../../src/config/index.ts';
import type { Policy } from '../../src/core/index.ts';
import { SIDECAR_MAIN } from '../../src/sidecar/index.ts';
import type { BenchProcess, ProcessGroup } from '../processes.ts';
import { meshProgram } from '../programs.ts';
import { DEFAULT_CLASS, HOST, SERVICE } from '../scene.ts';

const POLICY_FILE = new URL('../../policies/case-study.yaml', import.meta.url).pathname;
const READY_TIMEOUT_MS = 10_000;
/** More than requests under way at once in any load: every one passes through the queue, and none waits in it. */
const CONCURRENCY = 4096;

/** The case study's policy, with the mapping from `priority` to class that the peers have in front of its own rules. */
async function benchPolicy(): Promise<Policy> {
  const policy = await loadPolicy(POLICY_FILE);
  const place = { file: 'bench', line: 1, column: 1 };
  const rules = [
    { name: 'urgent', class: 'interactive', match: { urgencyAtMost: 3 }, place },
    { name: 'not-urgent', class: 'batch', match: { urgencyAtLeast: 4 }, place },
    ...policy.ingress.rules,
  ];
  return {
    ...policy,
    queue: { ...policy.queue, concurrency: CONCURRENCY, capacity: CONCURRENCY },
    ingress: { ...policy.ingress, rules, defaultClass: DEFAULT_CLASS },
  };
}

/** What differs between the sidecars of the benchmark. */
export interface SidecarChoice {
  readonly layers: SidecarConfig['layers'];
  /** Whether it appends statistics to a file once a second. */
  readonly statistics: boolean;
  /** The path of a tap's socket. */
  readonly tap?: string;
  /** Further keys of its configuration. */
  readonly more?: object;
  /** Whether it is run from the sources and not from the bundle, which is how it is run where it is in use. */
  readonly fromSources?: boolean;
}

/** Everything that a sidecar does for a request between services: classes on sockets, the queue, statistics once a second. */
export const EVERYTHING: SidecarChoice = { layers: ['queue', 'transport', 'mark'], statistics: true };

/** A configuration without a way in or out. */
export async function sidecarConfig(
  folder: string,
  name: string,
  connections: number,
  { layers, statistics, tap, more }: SidecarChoice,
): Promise<SidecarConfig> {
  return {
    service: SERVICE,
    policy: await benchPolicy(),
    layers,
    baselineCongestionControl: '',
    ...(statistics ? { statistics: { file: path.join(folder, `${name}.jsonl`), intervalMs: 1000 } } : {}),
    ...(tap === undefined ? {} : { tap: { socket: tap } }),
    ...more,
    limits: { maxConnections: connections, maxIdleConnections: 4096 },
  };
}

/** A listener on a port, or on any free one. */
export function listenOn(port = 0): { readonly host: string; readonly port: number } {
  return { host: HOST, port };
}

/** Starts a sidecar and waits until it says that it serves. */
export async function startSidecarProcess(
  processes: ProcessGroup,
  folder: string,
  name: string,
  core: number,
  config: SidecarConfig,
  fromSources = false,
): Promise<{ readonly process: BenchProcess; readonly inboundPort: number; readonly outboundPort: number }> {
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(config));
  const sources = [process.execPath, SIDECAR_MAIN] as const;
  const argv = fromSources ? sources : (await meshProgram(SIDECAR_MAIN)).argv;
  const child = processes.spawn(name, [...argv, '--config', file], { core });
  const ready = await child.waitForLine('"event":"ready"', READY_TIMEOUT_MS, processes.signal);
  const { inboundPort, outboundPort } = JSON.parse(ready) as Record<string, number | null>;
  return { process: child, inboundPort: inboundPort ?? 0, outboundPort: outboundPort ?? 0 };
}
