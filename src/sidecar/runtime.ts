import { resolveLimits, type SidecarConfig } from '../config/index.ts';
import {
  type Clock,
  type Logger,
  type Policy,
  type Random,
  silentLogger,
  systemClock,
} from '../core/index.ts';
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
import { type EarlierPolicy, remembered, withEarlier } from './earlier-provenance.ts';
import type { Side } from './exchange.ts';
import { AnswerBytes } from './http1/index.ts';
import { http1Protocol } from './http1-exchange/index.ts';
import { http2Protocol } from './http2/index.ts';
import { TimerWheel } from './io/index.ts';
import { type DataPathLimits, FIXED_LIMITS } from './limits.ts';
import type { NetworkReactions } from './network/index.ts';
import { NO_OBSERVATION, type ObservationStages } from './operation/observe.ts';
import type { Protocol } from './protocol.ts';
import { type QueuedRoutes, queuedRoutes } from './queued-routes.ts';
import { StatisticsReporter } from './statistics/index.ts';
import type { Tap, TapPoint } from './tap/index.ts';

/** What a sidecar is started with beside its configuration. */
export interface SidecarDependencies {
  readonly random: Random;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** What sockets can be given here; probed when absent. */
  readonly platform?: TransportPlatform;
}

/** What follows from the configuration alone, made anew for each. */
interface ConfiguredParts {
  readonly config: SidecarConfig;
  readonly classNames: readonly string[];
  readonly limits: DataPathLimits;
  /** How connections between sidecars are opened, by class, while nothing has moved. */
  profiles: readonly ConnectionProfile[];
  readonly baselines: readonly ConnectionProfile[];
  readonly propagation: Propagation;
  readonly table: ProvenanceTable;
  readonly queued: QueuedRoutes;
  /** Where requests may still be inside that came in under these. */
  readonly earlier: readonly EarlierPolicy[];
  /** Finds the class of what leaves the application; also of what was caused by a request that came in under the configuration before. */
  resolver(): ProvenanceResolver;
  /** What every side has; `ownToken` as in {@link AnswerBytes}. */
  sideBasics(ownToken?: string): SideBasics;
}

/** What all parts of one sidecar share. It is made once and closed last; another configuration replaces what follows from it. */
export interface Runtime extends ConfiguredParts {
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  readonly transport: Transport;
  readonly platform: TransportPlatform;
  /** How connections over loopback are opened: they need no class, and are alike in every arm. */
  readonly baseline: ConnectionProfile;
  readonly reporter: StatisticsReporter;
  tap: Tap | undefined;
  /** Where requests are told of. */
  tapPoint: TapPoint | undefined;
  /** The stages that log requests and report spans, for a policy. */
  observe: (policy: Policy) => ObservationStages;
  network: NetworkReactions | undefined;
  close(): Promise<void>;
}

type SideBasics = Pick<Side, 'limits' | 'clock' | 'wheel' | 'answers' | 'hostLine' | 'protocols' | 'tap'>;

/** What is spoken on accepted connections, in the order in which it is recognized; the last takes what no other does. */
const PROTOCOLS: readonly Protocol[] = [http2Protocol, http1Protocol];

/** Makes what the parts of a sidecar share. Nothing listens yet. */
export function openRuntime(config: SidecarConfig, dependencies: SidecarDependencies): Runtime {
  const { clock = systemClock, logger = silentLogger, random } = dependencies;
  const wheel = new TimerWheel(clock);
  const transport = openTransport({ clock, logger });
  const platform = dependencies.platform ?? probeTransport([config.baselineCongestionControl]);
  const baseline = baselineProfile(config, platform);
  const shared = { random, clock, logger, wheel, transport, platform, baseline };
  const parts = configuredParts(config, shared, () => runtime.tapPoint);
  const reporter = new StatisticsReporter({
    service: config.service,
    clock,
    wheel,
    transport,
    classNames: parts.classNames,
    propagation: parts.propagation.counters,
    provenanceTable: parts.table.counters,
  });
  const runtime: Runtime = {
    ...shared,
    ...parts,
    reporter,
    tap: undefined,
    tapPoint: undefined,
    observe: () => NO_OBSERVATION,
    network: undefined,
    close: async () => {
      await reporter.close();
      transport.close();
      wheel.close();
    },
  };
  return runtime;
}

/**
 * The same sidecar under another configuration. What is open is shared with `before`; nothing of that is touched.
 * @param indexOf by class index before: the class index now
 */
export function nextRuntime(before: Runtime, config: SidecarConfig, indexOf: readonly number[]): Runtime {
  const next: Runtime = {
    ...before,
    ...configuredParts(config, before, () => next.tapPoint, { parts: before, indexOf }),
  };
  // Marks that classes have moved to stay; where the network layer is on, the classes stay too.
  if (before.network !== undefined) next.profiles = before.profiles;
  return next;
}

/** The configuration before, and by class index then the class index now. */
interface Before {
  readonly parts: ConfiguredParts;
  readonly indexOf: readonly number[];
}

function configuredParts(
  config: SidecarConfig,
  shared: Pick<Runtime, 'clock' | 'wheel' | 'platform' | 'baseline'>,
  tapPoint: () => TapPoint | undefined,
  before?: Before,
): ConfiguredParts {
  const { policy } = config;
  const { clock, wheel, platform, baseline } = shared;
  const limits: DataPathLimits = { ...resolveLimits(config.limits), fields: FIXED_LIMITS.fields };
  const classNames = policy.classes.map(({ name }) => name);
  const propagation = createPropagation(policy);
  if (before !== undefined) Object.assign(propagation.counters, before.parts.propagation.counters);
  const table = tableOf(limits, classNames, before?.parts);
  const earlier = earlierOf(table, before);
  const hostLine = Buffer.from(`host: ${config.service}\r\n`);
  return {
    config,
    classNames,
    limits,
    profiles: classProfiles(policy, config.layers, platform, config.baselineCongestionControl),
    baselines: policy.classes.map(() => baseline),
    propagation,
    table,
    queued: queuedRoutes(config),
    earlier,
    resolver: () => withEarlier(createProvenanceResolver(policy, table), classNames, earlier),
    sideBasics: (ownToken) => {
      const tap = tapPoint();
      return {
        limits,
        clock,
        wheel,
        answers: new AnswerBytes(classNames, ownToken),
        hostLine,
        protocols: PROTOCOLS,
        ...(tap === undefined ? {} : { tap }),
      };
    },
  };
}

function earlierOf(table: ProvenanceTable, before: Before | undefined): readonly EarlierPolicy[] {
  if (before === undefined) return [];
  const { parts, indexOf } = before;
  if (parts.table === table) return parts.earlier;
  return remembered(createProvenanceResolver(parts.config.policy, parts.table), parts.earlier, indexOf);
}

/** The requests that are inside: the table before, where its classes and its size are what they are now. */
function tableOf(
  limits: DataPathLimits,
  classNames: readonly string[],
  before: ConfiguredParts | undefined,
): ProvenanceTable {
  const { provenanceEntries, provenanceTtlMs } = limits;
  const same =
    before !== undefined &&
    before.limits.provenanceEntries === provenanceEntries &&
    before.limits.provenanceTtlMs === provenanceTtlMs &&
    before.classNames.join() === classNames.join();
  return same ? before.table : new ProvenanceTable({ capacity: provenanceEntries, ttlMs: provenanceTtlMs });
}

function baselineProfile(config: SidecarConfig, platform: TransportPlatform): ConnectionProfile {
  const { baselineCongestionControl } = config;
  return baselineCongestionControl === '' || !platform.socketOptions
    ? {}
    : { congestionControl: baselineCongestionControl };
}
