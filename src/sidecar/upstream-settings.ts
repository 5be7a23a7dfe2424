import type { UpstreamConfig } from '../config/index.ts';
import { BAGGAGE_KEY } from '../propagation/index.ts';
import { BALANCERS } from './balancers/index.ts';
import {
  type Check,
  type CheckSettings,
  type Dial,
  grpcCheck,
  httpCheck,
  type OutlierSettings,
  tcpCheck,
} from './health/index.ts';
import type { DataPathLimits } from './limits.ts';
import type { Balancing, BalancingKey, SlowStart } from './pools/index.ts';

/** Envoy's: a zone or priority may lose 28 % of its endpoints before others get its requests. */
const OVERPROVISIONING = 1.4;
const RING_POINTS = 160;
const TABLE_SIZE = 16_411;

/** How an upstream balances, defaults filled in. */
export function balancingOf({
  balancer,
  overprovisioningFactor = OVERPROVISIONING,
}: UpstreamConfig): Balancing {
  return {
    kind: BALANCERS.find(({ name }) => name === balancer?.kind) ?? BALANCERS[0],
    key: keyOf(balancer?.hashOn),
    ringPoints: balancer?.ringPoints ?? RING_POINTS,
    tableSize: balancer?.tableSize ?? TABLE_SIZE,
    overprovisioningFactor,
  };
}

function keyOf(hashOn: NonNullable<UpstreamConfig['balancer']>['hashOn']): BalancingKey | undefined {
  if (hashOn === undefined) return undefined;
  const { from, name = '' } = hashOn;
  return { from, name: from === 'header' ? name.toLowerCase() : name };
}

/** How its endpoints start, where they do it slowly. */
export function slowStartOf({ slowStart }: UpstreamConfig): SlowStart | undefined {
  if (slowStart === undefined) return undefined;
  return { windowMs: slowStart.windowMs, minShare: (slowStart.minPercent ?? 10) / 100 };
}

/** When its endpoints are left out, defaults filled in. */
export function outlierSettings({ outliers = {} }: UpstreamConfig, limits: DataPathLimits): OutlierSettings {
  const { successRate, latency } = outliers;
  return {
    consecutiveFailures: outliers.consecutiveFailures ?? limits.breakerFailures,
    consecutiveGatewayErrors: outliers.consecutiveGatewayErrors ?? Number.POSITIVE_INFINITY,
    baseEjectionMs: outliers.baseEjectionMs ?? limits.breakerOpenMs,
    maxEjectionMs: outliers.maxEjectionMs ?? 300_000,
    maxEjectionShare: (outliers.maxEjectionPercent ?? 50) / 100,
    intervalMs: outliers.intervalMs ?? 10_000,
    successRate:
      successRate === undefined ? undefined : { minEndpoints: 5, minRequests: 100, ...successRate },
    latency: latency === undefined ? undefined : { minEndpoints: 5, minRequests: 100, ...latency },
  };
}

type HealthCheck = NonNullable<UpstreamConfig['healthCheck']>;

/** How often endpoints are asked, defaults filled in. */
export function checkSettings(check: HealthCheck): CheckSettings {
  return {
    intervalMs: check.intervalMs ?? 5000,
    jitter: (check.jitterPercent ?? 10) / 100,
    timeoutMs: check.timeoutMs ?? 1000,
    unhealthyAfter: check.unhealthyAfter ?? 3,
    healthyAfter: check.healthyAfter ?? 2,
  };
}

/** What endpoints are asked; the class stands on the wire as that of any request does. */
export function checkOf(
  { kind, path = '/', host, statuses, service = '' }: HealthCheck,
  upstream: string,
  className: string,
  dial: Dial,
): Check {
  if (kind === 'tcp') return tcpCheck(dial);
  const fields = [['baggage', `${BAGGAGE_KEY}=${className}`]] as const;
  if (kind === 'grpc') return grpcCheck(dial, { service, host: host ?? upstream, fields });
  return httpCheck(dial, {
    path,
    host: host ?? upstream,
    fields,
    expects: (status) => statuses?.includes(status) ?? (status >= 200 && status <= 299),
  });
}
