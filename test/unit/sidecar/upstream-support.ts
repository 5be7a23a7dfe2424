import type { EndpointConfig, UpstreamConfig } from '../../../src/config/index.ts';
import { resolveLimits } from '../../../src/config/index.ts';
import { seededRandom } from '../../../src/core/index.ts';
import { type OutlierSettings, Outliers } from '../../../src/sidecar/health/index.ts';
import { TimerWheel } from '../../../src/sidecar/io/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { Endpoint, Upstream, type UpstreamOptions } from '../../../src/sidecar/pools/index.ts';
import { balancingOf, outlierSettings, slowStartOf } from '../../../src/sidecar/upstream-settings.ts';
import { HeldClock } from './held-clock.ts';

/** Addresses `10.0.0.0:80`, `10.0.0.1:80` and so on. */
export function addresses(count: number): EndpointConfig[] {
  return Array.from({ length: count }, (_, index) => ({ host: `10.0.0.${index}`, port: 80 }));
}

/** An upstream without connections, its time held. */
export interface HeldUpstream {
  readonly upstream: Upstream;
  readonly outliers: Outliers;
  readonly clock: HeldClock;
  readonly wheel: TimerWheel;
  /** Lets time pass. */
  pass(ms: number): void;
}

export function heldUpstream(
  config: UpstreamConfig,
  more: {
    readonly classes?: number;
    readonly seed?: number;
    readonly own?: UpstreamOptions['own'];
    readonly outliers?: Partial<OutlierSettings>;
  } = {},
): HeldUpstream {
  const clock = new HeldClock();
  const wheel = new TimerWheel(clock);
  const limits = { ...resolveLimits(), fields: FIXED_LIMITS.fields };
  const outliers = new Outliers({ ...outlierSettings(config, limits), ...more.outliers }, wheel);
  const balancing = balancingOf(config);
  const upstream = new Upstream(
    {
      name: 'service',
      balancing,
      timed: balancing.kind.timed,
      panicShare: (config.panicThresholdPercent ?? 0) / 100,
      own: more.own,
      random: seededRandom(more.seed ?? 1),
      make: (address) =>
        new Endpoint({
          address,
          wheel,
          pools: [],
          classCount: more.classes ?? 1,
          timed: balancing.kind.timed,
          slowStart: slowStartOf(config),
        }),
      joined: (endpoint) => outliers.joined(endpoint),
      left: (endpoint) => outliers.left(endpoint),
    },
    config.endpoints ?? [],
  );
  return {
    upstream,
    outliers,
    clock,
    wheel,
    pass(ms) {
      const end = clock.ms + ms;
      for (; clock.ms < end; clock.ms += 20) wheel.advance();
      wheel.advance();
    },
  };
}

/** How often each endpoint is picked, by its label. */
export function picks(
  upstream: Upstream,
  count: number,
  classIndex = 0,
  hash?: () => number,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const label = upstream.pick([], classIndex, hash?.())?.label ?? 'none';
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}
