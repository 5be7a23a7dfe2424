import type { Runtime } from '../../runtime.ts';
import type { EventLoopDelay } from '../event-loop-delay.ts';
import type { ReloadStatistics } from '../reloader.ts';
import { poolMetrics, transportMetrics } from './connections.ts';
import { Exposition } from './open-metrics.ts';
import { configurationMetrics, processMetrics, sectionMetrics } from './process.ts';
import { requestMetrics, sideMetrics } from './requests.ts';

export { OPEN_METRICS_TYPE } from './open-metrics.ts';

/** What an exposition is made of. */
export interface MetricsInput {
  readonly runtime: Runtime;
  readonly reloads: ReloadStatistics;
  readonly version: string;
  readonly lag: EventLoopDelay;
}

/** All metrics of a sidecar, as OpenMetrics 1.0. */
export function metricsText({ runtime, reloads, version, lag }: MetricsInput): string {
  const { classNames, reporter } = runtime;
  const exposition = new Exposition();
  configurationMetrics(exposition, version, reloads);
  requestMetrics(exposition, reporter.sides, classNames);
  sideMetrics(exposition, reporter.sides);
  poolMetrics(exposition, reporter.sides, classNames);
  transportMetrics(exposition, reporter.sides, classNames);
  processMetrics(exposition, runtime, lag);
  sectionMetrics(exposition, runtime);
  return exposition.text();
}
