import { type CcdfPoint, ccdf, figure, latencyMs } from '../../analysis/index.ts';
import { logTicks } from './axis.ts';
import {
  armColours,
  armDashes,
  type Chart,
  type ChartSource,
  drawnArms,
  PLOT_WIDTH,
  type Room,
  type Spec,
  VEGA_LITE_SCHEMA,
} from './chart.ts';
import { placeLabels } from './labels.ts';

const HEIGHT = { wide: 340, narrow: 300 } as const;

interface Curve {
  readonly arm: string;
  readonly points: readonly CcdfPoint[];
}

/** The latency distributions of a class, an arm a curve, on logarithmic axes: the tail is where the curves part. Undefined when no arm had load of the class. */
export function ccdfChart(source: ChartSource, className: string): Chart | undefined {
  const curves = drawnArms(source).flatMap((arm) => {
    const latencies = latenciesOf(source, arm, className);
    return latencies.length === 0 ? [] : [{ arm, points: ccdf(latencies) }];
  });
  if (curves.length === 0) return undefined;
  const objective = source.classes.find(({ name }) => name === className)?.latencyMs;
  const told = curves
    .map(({ arm }) => {
      const p99 = source.summary.arms[arm]?.classes[className]?.latencyMs.p99.value;
      return p99 === undefined ? '' : `${arm} ${figure(p99)} ms`;
    })
    .filter((text) => text !== '');
  return {
    name: `ccdf-${className}`,
    title: `Latency of ${className} requests`,
    caption: `Share of ${className} requests that took at least so long, from the intended send time; all requests of all trusted trials pooled, both axes logarithmic. Further left and lower is better. A request that failed counts as its time-out (a step at the far right), one that the end of the trial cut off as the time it had waited.${objective === undefined ? '' : ` The vertical line is the objective of ${figure(objective)} ms.`}`,
    alt: `Complementary cumulative distribution of ${className} latency, one curve for each arm. 99th percentiles: ${told.join(', ')}.`,
    spec: (room) => spec(source, curves, objective, room),
  };
}

function latenciesOf(source: ChartSource, arm: string, className: string): number[] {
  return source.trials
    .filter((trial) => trial.arm === arm)
    .flatMap((trial) =>
      trial.requests
        .filter((request) => request.phase === 'measure' && request.className === className)
        .map((request) =>
          latencyMs(request, {
            timeoutMs: source.timeoutMs(request.workload),
            cutOffMs: source.window.cutOffMs,
          }),
        ),
    );
}

function spec(
  source: ChartSource,
  curves: readonly Curve[],
  objective: number | undefined,
  room: Room,
): Spec {
  const all = curves.flatMap(({ arm, points }) => points.map((point) => ({ arm, ...point })));
  const latencies = all.map((point) => point.latencyMs).concat(objective ?? []);
  const least = Math.max(0.01, Math.min(...latencies) / 1.15);
  const most = Math.max(...latencies) * (room === 'wide' ? 1.6 : 1.15);
  const leastShare = Math.min(...all.map((point) => point.share)) / 1.3;
  const frame = {
    width: PLOT_WIDTH[room],
    height: HEIGHT[room],
    latencies: [least, most] as const,
    shares: [leastShare, 1] as const,
  };
  const x = {
    field: 'latencyMs',
    type: 'quantitative',
    scale: { type: 'log', domain: [least, most], nice: false },
    axis: { title: 'latency (ms)', values: logTicks(least, most, room === 'wide' ? 12 : 5), format: ',~r' },
  };
  const y = {
    field: 'share',
    type: 'quantitative',
    scale: { type: 'log', domain: [leastShare, 1], nice: false },
    axis: {
      title: 'share of requests at least as slow',
      values: [1, 0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001],
      format: '~%',
    },
  };
  const arms = curves.map(({ arm }) => arm);
  const colour = { field: 'arm', type: 'nominal', scale: armColours(source, arms) };
  const legend = {
    title: null,
    orient: 'bottom',
    columns: room === 'wide' ? 4 : 2,
    symbolSize: 500,
    symbolStrokeWidth: 2.5,
  };
  return {
    $schema: VEGA_LITE_SCHEMA,
    width: frame.width,
    height: frame.height,
    layer: [
      ...(objective === undefined
        ? []
        : [
            {
              data: { values: [{ latencyMs: objective, share: 1 }] },
              mark: { type: 'rule', strokeWidth: 1, strokeDash: [1, 3], opacity: 0.8 },
              encoding: { x },
            },
          ]),
      {
        data: { values: all },
        mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, clip: true },
        encoding: {
          x,
          y,
          color: { ...colour, legend },
          strokeDash: { field: 'arm', type: 'nominal', scale: armDashes(source, arms), legend },
        },
      },
      ...(room === 'narrow'
        ? []
        : [
            {
              data: { values: placeLabels(curves, frame) },
              mark: { type: 'text', align: 'left', baseline: 'middle', dx: 5, fontWeight: 600, fontSize: 12 },
              encoding: { x, y, text: { field: 'arm' }, color: { ...colour, legend: null } },
            },
          ]),
    ],
  };
}
