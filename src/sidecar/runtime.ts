import { resolveLimits, type SidecarConfig } from '../config/index.ts';
import { type Clock, type Logger, type Random, silentLogger, systemClock } from '../core/index.ts';
import {
  createPropagation,
  createProvenanceResolver,
  type Propagation,
  type ProvenanceResolver,
  ProvenanceTable,
} from '../propagation/index.ts';
import {
  type ConnectionProfile,
  classProfiles,
  openTransport,
  probeTransport,
  type Transport,
  type TransportPlatform,
} from '../transport/index.ts';
import type { Side } from './exchange.ts';
import { AnswerBytes } from './http1/index.ts';
import { http1Protocol } from './http1-exchange/index.ts';
import { http2Protocol } from './http2/index.ts';
import { TimerWheel } from './io/index.ts';
import { type DataPathLimits, FIXED_LIMITS } from './limits.ts';
import type { NetworkReactions } from './network/index.ts';
import type { Protocol } from './protocol.ts';
import { type QueuedRoutes, queuedRoutes } from './queued-routes.ts';
import { StatisticsReporter } from './statistics/index.ts';
import type { Tap } from './tap/index.ts';

/** What a sidecar is started with beside its configuration. */
export interface SidecarDependencies {
  readonly random: Random;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** What sockets can be given here; probed when absent. */
  readonly platform?: TransportPlatform;
}

/** What all parts of one sidecar share. It is made once and closed last. */
export interface Runtime {
  readonly config: SidecarConfig;
  readonly classNames: readonly string[];
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  readonly limits: DataPathLimits;
  readonly transport: Transport;
  readonly platform: TransportPlatform;
  /** How connections between sidecars are opened, by class, while nothing has moved. */
  profiles: readonly ConnectionProfile[];
  /** How connections over loopback are opened: they need no class, and are alike in every arm. */
  readonly baseline: ConnectionProfile;
  readonly baselines: readonly ConnectionProfile[];
  readonly propagation: Propagation;
  readonly table: ProvenanceTable;
  readonly queued: QueuedRoutes;
  readonly reporter: StatisticsReporter;
  tap: Tap | undefined;
  network: NetworkReactions | undefined;
  resolver(): ProvenanceResolver;
  /** What every side has; `ownToken` as in {@link AnswerBytes}. */
  sideBasics(ownToken?: string): SideBasics;
  close(): Promise<void>;
}

type SideBasics = Pick<Side, 'limits' | 'clock' | 'wheel' | 'answers' | 'hostLine' | 'protocols' | 'tap'>;

/** What is spoken on accepted connections, in the order in which it is recognized; the last takes what no other does. */
const PROTOCOLS: readonly Protocol[] = [http2Protocol, http1Protocol];

/** Makes what the parts of a sidecar share. Nothing listens yet. */
export function openRuntime(config: SidecarConfig, dependencies: SidecarDependencies): Runtime {
  const { clock = systemClock, logger = silentLogger, random } = dependencies;
  const { policy } = config;
  const wheel = new TimerWheel(clock);
  const limits: DataPathLimits = { ...resolveLimits(config.limits), fields: FIXED_LIMITS.fields };
  const transport = openTransport({ clock, logger });
  const platform = dependencies.platform ?? probeTransport([config.baselineCongestionControl]);
  const baseline = baselineProfile(config, platform);
  const propagation = createPropagation(policy);
  const table = new ProvenanceTable({ capacity: limits.provenanceEntries, ttlMs: limits.provenanceTtlMs });
  const classNames = policy.classes.map(({ name }) => name);
  const hostLine = Buffer.from(`host: ${config.service}\r\n`);
  const reporter = new StatisticsReporter({
    service: config.service,
    policy,
    clock,
    wheel,
    transport,
    propagation: propagation.counters,
    provenanceTable: table.counters,
  });
  const runtime: Runtime = {
    config,
    classNames,
    random,
    clock,
    logger,
    wheel,
    limits,
    transport,
    platform,
    profiles: classProfiles(policy, config.layers, platform, config.baselineCongestionControl),
    baseline,
    baselines: policy.classes.map(() => baseline),
    propagation,
    table,
    queued: queuedRoutes(config),
    reporter,
    tap: undefined,
    network: undefined,
    resolver: () => createProvenanceResolver(policy, table),
    sideBasics: (ownToken) => ({
      limits,
      clock,
      wheel,
      answers: new AnswerBytes(classNames, ownToken),
      hostLine,
      protocols: PROTOCOLS,
      ...(runtime.tap === undefined ? {} : { tap: runtime.tap }),
    }),
    close: async () => {
      await reporter.close();
      transport.close();
      wheel.close();
    },
  };
  return runtime;
}

function baselineProfile(config: SidecarConfig, platform: TransportPlatform): ConnectionProfile {
  const { baselineCongestionControl } = config;
  return baselineCongestionControl === '' || !platform.socketOptions
    ? {}
    : { congestionControl: baselineCongestionControl };
}
