import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Address, loadPolicy, type SidecarConfig } from '../../src/config/index.ts';
import { type Policy, systemClock } from '../../src/core/index.ts';
import { SIDECAR_MAIN } from '../../src/sidecar/index.ts';
import { DEFAULT_CLASS, HOST, SERVICE } from '../load.ts';
import type { BenchProcess, ProcessGroup, SpawnOptions } from '../processes.ts';
import type { Peer } from './peer.ts';

const POLICY_FILE = new URL('../../policies/case-study.yaml', import.meta.url).pathname;
const READY_TIMEOUT_MS = 10_000;

/** More than the connections of the load, so that the request queue is passed through by every request and holds none. */
const CONCURRENCY = 1024;

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

/** Everything that a sidecar can do is on: classes on sockets, the queue, statistics once a second. */
async function common(folder: string, name: string): Promise<SidecarConfig> {
  return {
    service: SERVICE,
    policy: await benchPolicy(),
    layers: ['queue', 'transport', 'mark'],
    baselineCongestionControl: '',
    statistics: { file: path.join(folder, `${name}.jsonl`), intervalMs: 1000 },
    limits: { maxIdleConnections: 4096 },
  };
}

/** A sidecar that serves. */
export interface RunningSidecar {
  readonly process: BenchProcess;
  /** From spawn to the line `ready`. */
  readonly readyMs: number;
  readonly address: Address;
}

async function start(
  processes: ProcessGroup,
  folder: string,
  name: string,
  spawnOptions: SpawnOptions,
  config: SidecarConfig,
): Promise<RunningSidecar> {
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(config));
  const spawnedMs = systemClock.nowMs();
  const child = processes.spawn(name, [process.execPath, SIDECAR_MAIN, '--config', file], spawnOptions);
  const ready = await child.waitForLine('"event":"ready"', READY_TIMEOUT_MS, processes.signal);
  const readyMs = systemClock.nowMs() - spawnedMs;
  const { inboundPort, outboundPort } = JSON.parse(ready) as Record<string, number | null>;
  return { process: child, readyMs, address: { host: HOST, port: inboundPort ?? outboundPort ?? 0 } };
}

/** Starts an inbound sidecar, in front of `application`, at the ingress. */
export async function startInbound(
  processes: ProcessGroup,
  folder: string,
  name: string,
  spawnOptions: SpawnOptions,
  application: Address,
): Promise<RunningSidecar> {
  const config = await common(folder, name);
  const listen = { host: HOST, port: 0 };
  return start(processes, folder, name, spawnOptions, {
    ...config,
    inbound: { listen, application, ingress: true },
  });
}

/** The sidecar at the ingress: classification, propagation, request queue, class pools, statistics. */
export const sidecar: Peer = {
  name: 'sidecar',
  title: 'priomesh sidecar, inbound at the ingress',
  classifies: true,
  stamps: true,
  async start({ processes, upstream, folder, core }) {
    const inbound = await startInbound(processes, folder, 'sidecar', { core }, upstream);
    return { address: inbound.address, pids: [inbound.process.pid] };
  },
};

/** Two sidecars one after the other, as between two services of a mesh: the caller's outbound, the callee's inbound. */
export const chain: Peer = {
  name: 'chain',
  title: 'priomesh sidecars, outbound then inbound',
  classifies: false,
  stamps: true,
  async start({ processes, upstream, folder, core }) {
    const listen = { host: HOST, port: 0 };
    const inbound = await start(
      processes,
      folder,
      'chain-inbound',
      { core },
      {
        ...(await common(folder, 'chain-inbound')),
        inbound: { listen, application: upstream, ingress: false },
      },
    );
    const outbound = await start(
      processes,
      folder,
      'chain-outbound',
      { core },
      {
        ...(await common(folder, 'chain-outbound')),
        outbound: { listen, upstreams: { [SERVICE]: { endpoints: [inbound.address] } } },
      },
    );
    return { address: outbound.address, pids: [outbound.process.pid, inbound.process.pid] };
  },
};
