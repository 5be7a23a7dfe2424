import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Address, loadPolicy, type SidecarConfig } from '../src/config/index.ts';
import type { Prefetch } from '../src/core/index.ts';
import { SIDECAR_MAIN } from '../src/sidecar/index.ts';
import { freePort, waitUntilServing } from './ports.ts';
import type { ProcessGroup } from './processes.ts';
import { findTool, meshProgram } from './programs.ts';
import { HOST } from './scene.ts';

const POLICY_FILE = new URL('../policies/case-study.yaml', import.meta.url).pathname;
const READY_TIMEOUT_MS = 10_000;

/** What stands between the load and the broker. */
export interface AmqpPeer {
  readonly name: string;
  readonly title: string;
  start(processes: ProcessGroup, broker: Address, folder: string, core: number): Promise<RunningAmqpPeer>;
}

/** A peer that serves. */
export interface RunningAmqpPeer {
  readonly address: Address;
  /** The processes whose processor time and memory are the peer's; none for the direct way. */
  readonly pids: readonly number[];
}

const direct: AmqpPeer = {
  name: 'direct',
  title: 'nothing',
  start: async (_, address) => ({ address, pids: [] }),
};

/** Passes bytes and reads nothing: what a connection through any process costs. */
const haproxy: AmqpPeer = {
  name: 'haproxy-tcp',
  title: 'HAProxy, one thread, mode tcp: reads nothing',
  async start(processes, broker, folder, core) {
    const program = await findTool('haproxy');
    const port = await freePort();
    const file = path.join(folder, 'haproxy-tcp.cfg');
    await writeFile(
      file,
      `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen amqp
  bind ${HOST}:${port}
  server broker ${broker.host}:${broker.port}
`,
    );
    const child = processes.spawn('haproxy', [program, '-db', '-f', file], { core });
    await waitUntilServing(port, child, processes.signal);
    return { address: { host: HOST, port }, pids: [child.pid] };
  },
};

function sidecar(name: string, title: string, layerOn: boolean, prefetch: Prefetch): AmqpPeer {
  return {
    name,
    title,
    async start(processes, broker, folder, core) {
      const policy = await loadPolicy(POLICY_FILE);
      const config: SidecarConfig = {
        service: 'application',
        policy: { ...policy, broker: { ...policy.broker, prefetch } },
        layers: layerOn ? ['broker'] : [],
        baselineCongestionControl: '',
        broker: {
          address: { ...broker },
          listen: { host: HOST, port: 0 },
          virtualHost: '/',
          userName: 'guest',
        },
        statistics: { file: path.join(folder, `${name}.jsonl`), intervalMs: 1000 },
      };
      const file = path.join(folder, `${name}.json`);
      await writeFile(file, JSON.stringify(config));
      const { argv } = await meshProgram(SIDECAR_MAIN);
      const child = processes.spawn(name, [...argv, '--config', file], { core });
      const ready = await child.waitForLine('"event":"ready"', READY_TIMEOUT_MS, processes.signal);
      const { brokerPort } = JSON.parse(ready) as { brokerPort: number };
      return { address: { host: HOST, port: brokerPort }, pids: [child.pid] };
    },
  };
}

/** The rows of the comparison, in the order in which each round measures them. */
export const AMQP_PEERS: readonly AmqpPeer[] = [
  direct,
  haproxy,
  sidecar(
    'layer-off',
    'priomesh sidecar, layer broker off: frames are followed, none is changed',
    false,
    'client',
  ),
  sidecar('layer-on', 'priomesh sidecar, layer broker on, the prefetch of the client', true, 'client'),
  sidecar('governed', 'priomesh sidecar, layer broker on, prefetch governed', true, 'governed'),
];
