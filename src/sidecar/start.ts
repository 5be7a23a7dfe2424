import { randomUUID } from 'node:crypto';
import { resolveLimits, type SidecarConfig } from '../config/index.ts';
import { type Clock, type Logger, type Random, silentLogger, systemClock } from '../core/index.ts';
import { compileClassifier } from '../ingress-classifier/index.ts';
import { createPropagation, createProvenanceResolver, ProvenanceTable } from '../propagation/index.ts';
import {
  applyListenerProfile,
  type ConnectionProfile,
  classProfiles,
  connectWithProfile,
  openTransport,
  probeTransport,
  type TransportPlatform,
} from '../transport/index.ts';
import type { AmqpProxy } from './amqp/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import type { Side } from './exchange.ts';
import { AnswerBytes } from './http1/index.ts';
import { inboundStack } from './inbound-stack.ts';
import { TimerWheel } from './io/index.ts';
import { type DataPathLimits, FIXED_LIMITS } from './limits.ts';
import { Listener } from './listener.ts';
import { gatewayRoutes, makeUpstream, type UpstreamContext } from './make-upstream.ts';
import type { NetworkReactions } from './network/index.ts';
import { outboundStack } from './outbound-stack.ts';
import type { Upstream } from './pools/index.ts';
import { type Admission, queueSettings } from './queue/index.ts';
import { queuedRoutes, queuesOf, reachedLocally } from './queued-routes.ts';
import { requestQueue } from './stages/index.ts';
import { SideCounters, StatisticsReporter } from './statistics/index.ts';
import { openTap, type Tap } from './tap/index.ts';

/** What a sidecar is started with beside its configuration. */
export interface SidecarDependencies {
  readonly random: Random;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** What sockets can be given here; probed when absent. */
  readonly platform?: TransportPlatform;
}

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

/**
 * Starts a sidecar in this process. Resolves when it serves; the signal closes it as `close` does.
 * @throws PriomeshError LISTEN_FAILED when a port is taken
 */
export async function startSidecar(
  config: SidecarConfig,
  dependencies: SidecarDependencies,
  signal?: AbortSignal,
): Promise<Sidecar> {
  const { clock = systemClock, logger = silentLogger, random } = dependencies;
  const { policy } = config;
  const wheel = new TimerWheel(clock);
  const limits: DataPathLimits = { ...resolveLimits(config.limits), fields: FIXED_LIMITS.fields };
  const transport = openTransport({ clock, logger });
  const platform = dependencies.platform ?? probeTransport([config.baselineCongestionControl]);
  let profiles: readonly ConnectionProfile[] = classProfiles(
    policy,
    config.layers,
    platform,
    config.baselineCongestionControl,
  );
  // Loopback needs no class: the application's side of a connection has the baseline in every arm.
  const baseline = baselineProfile(config, platform);
  const baselines = policy.classes.map(() => baseline);
  const shared: UpstreamContext = { config, wheel, limits, transport, random };

  const propagation = createPropagation(policy);
  const table = new ProvenanceTable({ capacity: limits.provenanceEntries, ttlMs: limits.provenanceTtlMs });
  const classNames = policy.classes.map(({ name }) => name);
  const answers = new AnswerBytes(classNames);
  const queued = queuedRoutes(config);
  const ownToken = randomUUID();

  const listeners: Listener[] = [];
  const upstreams: Upstream[] = [];
  const reporter = new StatisticsReporter({
    service: config.service,
    policy,
    clock,
    wheel,
    transport,
    propagation: propagation.counters,
    provenanceTable: table.counters,
  });
  let inbound: Listener | undefined;
  let outbound: Listener | undefined;
  let broker: AmqpProxy | undefined;
  let requestReply: RequestReply | undefined;
  let internal: Listener | undefined;
  let tap: Tap | undefined;
  let network: NetworkReactions | undefined;
  try {
    if (config.tap !== undefined) {
      const opened = await openTap({ ...config.tap, service: config.service, classNames, clock });
      tap = opened;
      reporter.addSection('tap', () => ({ ...opened.statistics() }));
    }
    if (config.controlPlane !== undefined && config.layers.includes('network')) {
      const { networkReactions } = await import('./network/index.ts');
      const reactions = networkReactions({
        config,
        profiles,
        socketOptions: platform.socketOptions,
        transport,
        clock,
        wheel,
        random: random.child('network'),
        logger,
        tap,
        record: (line) => reporter.event(line),
      });
      network = reactions;
      profiles = reactions.profiles;
      reporter.addSection('network', () => reactions.statistics());
    }
    const common = { limits, clock, wheel, answers, ...(tap === undefined ? {} : { tap }) };
    if (config.broker !== undefined) {
      // Loaded only where there is a broker, so that other sidecars start as fast as before.
      const { AmqpProxy } = await import('./amqp/index.ts');
      const { address, listen = { host: '127.0.0.1', port: 0 }, tlsAddress } = config.broker;
      const proxy = await AmqpProxy.open({
        service: config.service,
        settings: { address, listen, ...(tlsAddress === undefined ? {} : { tlsAddress }) },
        policy,
        layerOn: config.layers.includes('broker'),
        propagation,
        resolver: createProvenanceResolver(policy, table),
        table,
        clock,
        wheel,
        random: random.child('amqp'),
        logger,
        limits,
        ...(tap === undefined ? {} : { tap }),
        connect: (to, onread) => connectWithProfile(to, baseline, { transport, onread }),
      });
      broker = proxy;
      reporter.addSection('broker', () => proxy.statistics());
      if (queued.inbound.length + queued.outbound.length + queued.workerQueues.length > 0) {
        const { RequestReply } = await import('./amqp/request-reply/index.ts');
        const { virtualHost, userName, passwordFile } = config.broker;
        requestReply = await RequestReply.open({
          service: config.service,
          policy,
          broker: {
            host: reachedLocally(listen),
            port: proxy.port,
            virtualHost,
            userName,
            ...(passwordFile === undefined ? {} : { passwordFile }),
          },
          gatewayQueues: queuesOf([...queued.inbound, ...queued.outbound]),
          workerQueues: queued.workerQueues,
          limits,
          clock,
          wheel,
          random: random.child('request-reply'),
          logger,
        });
        const opened = requestReply;
        reporter.addSection('requestReply', () => opened.statistics());
      }
    }
    let admission: Admission | undefined;
    if (config.inbound !== undefined) {
      const counters = new SideCounters(policy);
      const application = makeUpstream(
        shared,
        'application',
        [config.inbound.application],
        counters,
        () => baselines,
      );
      const queue = requestQueue(queueSettings(policy, config.layers.includes('queue')), clock, wheel);
      admission = queue.admission;
      const parts = {
        policy,
        service: config.service,
        classifier: compileClassifier(policy),
        propagation,
        resolver: createProvenanceResolver(policy, table),
        table,
        transport,
        queue,
        application,
        tap,
      };
      const brokerRoutes = gatewayRoutes(shared, queued.inbound, requestReply, counters, baselines);
      const { ingress } = config.inbound;
      const side: Side = {
        name: 'inbound',
        ...common,
        ...inboundStack({ ...parts, ingress, profiles, brokerRoutes }),
        counters,
        ...(network === undefined ? {} : { profilesTowards: network.answering }),
      };
      inbound = await Listener.open(side, config.inbound.listen);
      applyListenerProfile(inbound.server, baseline, transport);
      listeners.push(inbound);
      upstreams.push(application, ...brokerRoutes.map(({ gateway }) => gateway));
      reporter.add({ side, listener: inbound, upstreams: [application], queue: queue.admission.queue });
      if (queued.workerQueues.length > 0) {
        // What comes out of a queue waits for the application in the same line as what comes over connections.
        const fromQueue: Side = {
          name: 'inbound',
          ...common,
          answers: new AnswerBytes(classNames, ownToken),
          ...inboundStack({ ...parts, ingress: false, profiles: [], brokerRoutes: [] }),
          counters: new SideCounters(policy),
        };
        internal = await Listener.open(fromQueue, { host: '127.0.0.1', port: 0 });
        listeners.push(internal);
        reporter.add({
          name: 'fromQueue',
          side: fromQueue,
          listener: internal,
          upstreams: [],
          queue: undefined,
        });
      }
    }
    let called: readonly Upstream[] = [];
    if (config.outbound !== undefined) {
      const counters = new SideCounters(policy);
      const opening = network?.opening ?? (() => profiles);
      const routes = new Map(
        Object.entries(config.outbound.upstreams).map(([name, { endpoints }]) => [
          name.toLowerCase(),
          makeUpstream(shared, name, endpoints, counters, opening),
        ]),
      );
      called = [...routes.values()];
      const brokerRoutes = gatewayRoutes(shared, queued.outbound, requestReply, counters, baselines);
      const stack = outboundStack({
        policy,
        service: config.service,
        propagation,
        resolver: createProvenanceResolver(policy, table),
        upstreams: routes,
        brokerRoutes,
        tap,
      });
      const side: Side = { name: 'outbound', ...common, ...stack, counters };
      outbound = await Listener.open(side, config.outbound.listen);
      applyListenerProfile(outbound.server, baseline, transport);
      listeners.push(outbound);
      upstreams.push(...called, ...brokerRoutes.map(({ gateway }) => gateway));
      reporter.add({ side, listener: outbound, upstreams: called, queue: undefined });
    }
    if (config.statistics !== undefined) await reporter.start(config.statistics, logger);
    if (internal !== undefined) await requestReply?.serve(internal.port, ownToken);
    network?.start({ inbound, inboundPort: inbound?.port, upstreams: called, admission });
  } catch (error) {
    for (const listener of listeners) listener.destroy();
    await network?.close();
    await requestReply?.close();
    await tap?.close();
    await broker?.close();
    await reporter.close();
    transport.close();
    wheel.close();
    throw error;
  }

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const leaving = network?.close();
    // Requests that came over connections may be in a queue now, and be served by this sidecar itself.
    const drained = drainInTurn([inbound, requestReply, internal, outbound]);
    const enough = new AbortController();
    const bounded = clock.sleep(limits.drainTimeoutMs, enough.signal).then(
      () => 'timeout',
      () => 'drained',
    );
    const outcome = await Promise.race([drained.then(() => 'drained'), bounded]);
    enough.abort();
    if (outcome === 'timeout') {
      logger.log('warn', 'requests were still running when the drain timeout ended');
      for (const listener of listeners) listener.destroy();
      await requestReply?.close();
      await drained;
    }
    await requestReply?.close();
    await leaving;
    for (const { endpoints } of upstreams) {
      for (const { pools } of endpoints) for (const pool of pools) pool.destroy();
    }
    await tap?.close();
    await broker?.close();
    await reporter.close();
    transport.close();
    wheel.close();
  };
  const sidecar: Sidecar = {
    inboundPort: inbound?.port,
    outboundPort: outbound?.port,
    brokerPort: broker?.port,
    statistics: () => reporter.snapshot(),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
  if (signal?.aborted === true) await sidecar.close();
  else signal?.addEventListener('abort', () => void sidecar.close(), { once: true });
  return sidecar;
}

/** What can stop taking work, and resolves when it has none left. */
interface Drainable {
  drain(): Promise<void>;
}

/** Inbound first: to end a request that is inside, the application may still have to call others. */
async function drainInTurn(parts: readonly (Drainable | undefined)[]): Promise<void> {
  for (const part of parts) await part?.drain();
}

function baselineProfile(config: SidecarConfig, platform: TransportPlatform): ConnectionProfile {
  const { baselineCongestionControl } = config;
  return baselineCongestionControl === '' || !platform.socketOptions
    ? {}
    : { congestionControl: baselineCongestionControl };
}
