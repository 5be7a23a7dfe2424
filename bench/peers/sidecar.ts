import { freePort } from '../ports.ts';
import { DEFAULT_CLASS, HOST, SERVICE } from '../scene.ts';
import type { Peer, PeerContext, RunningPeer } from './peer.ts';
import {
  EVERYTHING,
  listenOn,
  type SidecarChoice,
  sidecarConfig,
  startSidecarProcess,
} from './sidecar-process.ts';

/** Starts an inbound sidecar, in front of the upstream, at the ingress. */
export async function startInbound(
  context: PeerContext,
  name: string,
  choice: SidecarChoice,
): Promise<RunningPeer> {
  const { processes, folder, core, upstream, connections, port } = context;
  const tcp =
    context.wire === 'tcp' ? { listen: listenOn(await freePort()), application: upstream } : undefined;
  const { process: child, inboundPort } = await startSidecarProcess(
    processes,
    folder,
    name,
    core,
    {
      ...(await sidecarConfig(folder, name, connections, choice)),
      inbound: {
        listen: listenOn(port),
        application: upstream,
        ingress: true,
        ...(tcp === undefined ? {} : { tcp: [{ ...tcp, class: DEFAULT_CLASS }] }),
      },
    },
    choice.fromSources,
  );
  const { pid, spawnedMs } = child;
  const address = tcp === undefined ? { host: HOST, port: inboundPort } : tcp.listen;
  return { address, pids: [pid], spawnedMs, end: () => child.end() };
}

/** The sidecar at the ingress: classification, propagation, request queue, class pools, statistics. */
export const sidecar: Peer = {
  name: 'sidecar',
  title: 'priomesh sidecar, inbound at the ingress',
  wires: ['http1', 'http2', 'grpc', 'tcp'],
  classifies: true,
  stamps: true,
  start: (context) => startInbound(context, 'sidecar', EVERYTHING),
};

type Link = 'auto' | 'off';

async function startChain(context: PeerContext, link: Link): Promise<RunningPeer> {
  const { processes, upstream, folder, core, connections, port } = context;
  const start = (name: string, config: object) =>
    sidecarConfig(folder, name, connections, EVERYTHING).then((common) =>
      startSidecarProcess(processes, folder, name, core, { ...common, ...config }),
    );
  const inbound = await start('chain-inbound', {
    inbound: { listen: listenOn(), application: upstream, ingress: false },
  });
  const endpoints = [{ host: HOST, port: inbound.inboundPort }];
  const outbound = await start('chain-outbound', {
    outbound: { listen: listenOn(port), upstreams: { [SERVICE]: { endpoints, link } } },
  });
  return {
    address: { host: HOST, port: outbound.outboundPort },
    pids: [outbound.process.pid, inbound.process.pid],
    async end() {
      await outbound.process.end();
      await inbound.process.end();
    },
  };
}

function chain(name: string, title: string, link: Link): Peer {
  return {
    name,
    title,
    wires: ['http1', 'http2', 'grpc'],
    classifies: false,
    stamps: true,
    start: (context) => startChain(context, link),
  };
}

/** Two sidecars one after the other, as between two services of a mesh: the caller's outbound, the callee's inbound. */
export const sidecarChain: Peer = chain(
  'chain',
  'sidecar to sidecar, outbound then inbound, both on one core',
  'auto',
);

/** The same without the connection that requests between two sidecars share. */
export const unlinkedChain: Peer = chain(
  'chain-unlinked',
  'sidecar to sidecar without a link: a connection for each request under way',
  'off',
);
