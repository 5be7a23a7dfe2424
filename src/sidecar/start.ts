import type { SidecarConfig } from '../config/index.ts';
import type { ControlClient } from './control/index.ts';
import type { Discovery } from './discovery/index.ts';
import { type BrokerPart, openBroker } from './open-broker.ts';
import { makeControlClient, registrationOf, startDiscovery } from './open-control.ts';
import { type InboundPart, openInbound } from './open-inbound.ts';
import { type OutboundPart, openOutbound } from './open-outbound.ts';
import { openRuntime, type Runtime, type SidecarDependencies } from './runtime.ts';
import { openTap } from './tap/index.ts';

/** A running sidecar. */
export interface Sidecar {
  readonly inboundPort: number | undefined;
  readonly outboundPort: number | undefined;
  /** Where AMQP clients connect. */
  readonly brokerPort: number | undefined;
  /** What it has counted so far, as in the statistics file. */
  statistics(): Readonly<Record<string, unknown>>;
  /** Stops accepting, lets running requests end for `drainTimeoutMs` at most, and closes everything. Safe to call twice. */
  close(): Promise<void>;
}

/** What has been opened so far. */
interface Opened {
  control?: ControlClient | undefined;
  discovery?: Discovery | undefined;
  broker?: BrokerPart | undefined;
  inbound?: InboundPart | undefined;
  outbound?: OutboundPart | undefined;
}

/**
 * Starts a sidecar in this process. Resolves when it serves; the signal closes it as `close` does.
 * @throws PriomeshError LISTEN_FAILED when a port is taken
 */
export async function startSidecar(
  config: SidecarConfig,
  dependencies: SidecarDependencies,
  signal?: AbortSignal,
): Promise<Sidecar> {
  const runtime = openRuntime(config, dependencies);
  const opened: Opened = {};
  try {
    await openAll(runtime, opened);
  } catch (error) {
    await closeAll(runtime, opened, 'now');
    throw error;
  }
  let closing: Promise<void> | undefined;
  const sidecar: Sidecar = {
    inboundPort: opened.inbound?.listener.port,
    outboundPort: opened.outbound?.listener.port,
    brokerPort: opened.broker?.proxy.port,
    statistics: () => runtime.reporter.snapshot(),
    close: () => {
      closing ??= closeAll(runtime, opened, 'drained');
      return closing;
    },
  };
  if (signal?.aborted === true) await sidecar.close();
  else signal?.addEventListener('abort', () => void sidecar.close(), { once: true });
  return sidecar;
}

async function openAll(runtime: Runtime, opened: Opened): Promise<void> {
  const { config, clock, classNames, reporter, logger } = runtime;
  if (config.tap !== undefined) {
    const tap = await openTap({ ...config.tap, service: config.service, classNames, clock });
    runtime.tap = tap;
    reporter.addSection('tap', () => ({ ...tap.statistics() }));
  }
  opened.control = await makeControlClient(runtime);
  await openNetwork(runtime, opened.control);
  opened.broker = await openBroker(runtime);
  const requestReply = opened.broker?.requestReply;
  opened.inbound = await openInbound(runtime, requestReply);
  opened.outbound = await openOutbound(runtime, requestReply);
  if (config.statistics !== undefined) await reporter.start(config.statistics, logger);
  const internal = opened.inbound?.internal;
  if (internal !== undefined) await requestReply?.serve(internal.listener.port, internal.ownToken);
  runtime.network?.start({
    inbound: opened.inbound?.listener,
    upstreams: opened.outbound?.called ?? [],
    admission: opened.inbound?.admission,
  });
  opened.discovery = await startDiscovery(runtime, opened.outbound, opened.control);
  opened.control?.start(registrationOf(config, opened.inbound?.listener.port));
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

/** What can stop taking work, and resolves when it has none left. */
interface Drainable {
  drain(): Promise<void>;
}

/** Inbound first: to end a request that is inside, the application may still have to call others. */
async function drainInTurn(parts: readonly (Drainable | undefined)[]): Promise<void> {
  for (const part of parts) await part?.drain();
}

/** Closes what is open. `drained`: running requests may end, for `drainTimeoutMs` at most. */
async function closeAll(runtime: Runtime, opened: Opened, how: 'now' | 'drained'): Promise<void> {
  const { broker, inbound, outbound } = opened;
  const internal = inbound?.internal?.listener;
  const listeners = [inbound?.listener, internal, outbound?.listener];
  runtime.network?.close();
  // Callers go elsewhere first: whoever closes while requests are still sent to it breaks some of them.
  if (how === 'drained') await opened.control?.drain();
  await opened.discovery?.close();
  if (how === 'now') {
    for (const listener of listeners) listener?.destroy();
  } else {
    // Requests that came over connections may be in a queue now, and be served by this sidecar itself.
    const drained = drainInTurn([inbound?.listener, broker?.requestReply, internal, outbound?.listener]);
    if (!(await within(runtime, drained))) {
      runtime.logger.log('warn', 'requests were still running when the drain timeout ended');
      for (const listener of listeners) listener?.destroy();
      await broker?.requestReply?.close();
      await drained;
    }
  }
  await broker?.requestReply?.close();
  await opened.control?.close();
  for (const upstream of [...(inbound?.upstreams ?? []), ...(outbound?.upstreams ?? [])]) upstream.destroy();
  await runtime.tap?.close();
  await broker?.proxy.close();
  await runtime.close();
}

/** Whether something is over before the drain timeout. */
async function within({ clock, limits }: Runtime, something: Promise<void>): Promise<boolean> {
  const enough = new AbortController();
  const late = clock.sleep(limits.drainTimeoutMs, enough.signal).then(
    () => false,
    () => true,
  );
  const inTime = await Promise.race([something.then(() => true), late]);
  enough.abort();
  return inTime;
}
