import type { LoadedSidecarConfig, SidecarConfig } from '../config/index.ts';
import { closeAll, drainAll } from './close.ts';
import type { ControlClient } from './control/index.ts';
import { FormerSides } from './former-sides.ts';
import { openBroker } from './open-broker.ts';
import { loadDiscovery, makeControlClient, registrationOf } from './open-control.ts';
import { openInbound } from './open-inbound.ts';
import { openOutbound } from './open-outbound.ts';
import { openTcp } from './open-tcp.ts';
import type { Opened } from './opened.ts';
import { type Operation, openOperation, type Readiness, Reloader } from './operation/index.ts';
import { reconfigure } from './reconfigure.ts';
import { openRuntime, type Runtime, type SidecarDependencies } from './runtime.ts';
import { openTap } from './tap/index.ts';

/** What a sidecar in this process is started with. */
export interface StartDependencies extends SidecarDependencies {
  /** Reads the configuration again, for reloads. */
  readonly load?: () => Promise<LoadedSidecarConfig>;
  /** The files that it stands in. */
  readonly files?: readonly string[];
}

/** A running sidecar. */
export interface Sidecar {
  readonly inboundPort: number | undefined;
  readonly outboundPort: number | undefined;
  /** Where AMQP clients connect. */
  readonly brokerPort: number | undefined;
  /** Where the admin API listens, where it does so on TCP. */
  readonly adminPort: number | undefined;
  /** What it has counted so far, as in the statistics file. */
  statistics(): Readonly<Record<string, unknown>>;
  /** Whether it should be sent requests, and why not. */
  readiness(): Readiness;
  /**
   * Puts another configuration in place without a request lost: this one, or else what the files say now.
   * @returns the number of the configuration; the first was 1
   * @throws PriomeshError CONFIG_*; then the one before holds, entirely
   */
  reload(config?: SidecarConfig): Promise<number>;
  /** Writes on with new files where files are appended to: somebody has moved them away. */
  reopen(): void;
  /** Takes no more work; resolves when none is under way, after `drainTimeoutMs` at the latest. Safe to call twice. */
  drain(): Promise<void>;
  /** Drains, and closes everything. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a sidecar in this process. Resolves when it serves; the signal closes it as `close` does.
 * @throws PriomeshError LISTEN_FAILED when a port is taken
 */
export async function startSidecar(
  config: SidecarConfig,
  dependencies: StartDependencies,
  signal?: AbortSignal,
): Promise<Sidecar> {
  const runtime = openRuntime(config, dependencies);
  const opened: Opened = {
    runtime,
    phase: 'starting',
    former: new FormerSides(),
    discoveries: new Map(),
    shares: new Map(),
  };
  const { sidecar, operate } = handleOf(opened, dependencies);
  try {
    await openAll(runtime, opened);
    await operate();
    opened.phase = 'serving';
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  if (signal?.aborted === true) await sidecar.close();
  else signal?.addEventListener('abort', () => void sidecar.close(), { once: true });
  return sidecar;
}

/** What others hold of a sidecar, and what opens the ways to operate it. */
function handleOf(opened: Opened, dependencies: StartDependencies) {
  const { runtime } = opened;
  let operation: Operation | undefined;
  let draining: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  const reloader = new Reloader({
    logger: runtime.logger,
    load: dependencies.load,
    apply: async (next) => {
      reconfigure(opened, next, await loadDiscovery({ ...runtime, config: next }, opened.control));
    },
    applied: ({ files }) => operation?.follow(files),
  });
  const sidecar: Sidecar = {
    get inboundPort() {
      return opened.inbound?.listener.port;
    },
    get outboundPort() {
      return opened.outbound?.listener.port;
    },
    get brokerPort() {
      return opened.broker?.proxy.port;
    },
    get adminPort() {
      return operation?.adminPort;
    },
    statistics: () => runtime.reporter.snapshot(),
    readiness: () => ({
      ready: opened.phase === 'serving',
      phase: opened.phase,
      listening: {
        inbound: opened.inbound !== undefined && opened.phase !== 'drained',
        outbound: opened.outbound !== undefined && opened.phase !== 'drained',
        broker: opened.broker !== undefined,
      },
      controlPlane: opened.control?.statistics() ?? null,
    }),
    reload: (config) => (config === undefined ? reloader.reload() : reloader.replace(config)),
    reopen: () => opened.observers?.reopen(),
    drain: () => {
      draining ??= drainAll(opened);
      return draining;
    },
    close: () => {
      closing ??= sidecar
        .drain()
        .then(() => operation?.close())
        .then(() => closeAll(opened));
      return closing;
    },
  };
  const operate = async (): Promise<void> => {
    const { config, reporter } = runtime;
    reporter.addSection('configuration', () => ({ ...reloader.statistics() }));
    operation = await openOperation(config, { opened, sidecar, reloader, files: dependencies.files ?? [] });
  };
  return { sidecar, operate };
}

async function openAll(runtime: Runtime, opened: Opened): Promise<void> {
  const { config, clock, classNames, reporter, logger } = runtime;
  if (config.tap !== undefined) {
    const tap = await openTap({ ...config.tap, service: config.service, classNames, clock });
    runtime.tap = tap;
    runtime.tapPoint = tap;
    reporter.addSection('tap', () => ({ ...tap.statistics() }));
  }
  if (config.accessLog !== undefined || config.traces !== undefined) {
    const { openObservers } = await import('./operation/observers.ts');
    opened.observers = await openObservers(runtime);
  }
  opened.control = await makeControlClient(runtime);
  await openNetwork(runtime, opened.control);
  opened.broker = await openBroker(runtime);
  const requestReply = opened.broker?.requestReply;
  opened.tcp = await openTcp(runtime);
  opened.inbound = await openInbound(runtime, requestReply, opened.tcp.front);
  opened.outbound = await openOutbound(runtime, requestReply);
  if (config.statistics !== undefined) await reporter.start(config.statistics, logger);
  const internal = opened.inbound?.internal;
  if (internal !== undefined) await requestReply?.serve(internal.listener.port, internal.ownToken);
  startNetwork(opened);
  await startDiscovery(opened);
  opened.control?.start(registrationOf(config, opened.inbound?.listener.port));
}

/** Lets the network layer act on what is open; on the queue, whichever there is. */
function startNetwork(opened: Opened): void {
  const { runtime, inbound, outbound, shares } = opened;
  runtime.network?.start({
    inbound: inbound?.listener,
    upstreams: outbound?.way.called ?? [],
    admission:
      inbound === undefined
        ? undefined
        : {
            setShare: (classIndex, percent) => {
              shares.set(classIndex, percent);
              inbound.way.admission.setShare(classIndex, percent);
            },
          },
  });
}

async function startDiscovery({ runtime, outbound, tcp, control, discoveries }: Opened): Promise<void> {
  const discover = await loadDiscovery(runtime, control);
  for (const [upstream, discovery] of discover([...(outbound?.way.called ?? []), ...(tcp?.called ?? [])])) {
    discoveries.set(upstream, discovery);
  }
  if (discoveries.size === 0) return;
  runtime.reporter.addSection('discovery', () =>
    Object.fromEntries([...discoveries.values()].flatMap((one) => Object.entries(one.statistics()))),
  );
}

async function openNetwork(runtime: Runtime, control: ControlClient | undefined): Promise<void> {
  const { config, profiles, platform, transport, clock, wheel, random, tap, reporter } = runtime;
  if (control === undefined || !config.layers.includes('network')) return;
  const { networkReactions } = await import('./network/index.ts');
  const reactions = networkReactions(control, {
    config,
    profiles,
    socketOptions: platform.socketOptions,
    transport,
    clock,
    wheel,
    random: random.child('network'),
    tap,
    record: (line) => reporter.event(line),
  });
  runtime.network = reactions;
  runtime.profiles = reactions.profiles;
  reporter.addSection('network', () => ({ stream: control.statistics(), ...reactions.statistics() }));
}
