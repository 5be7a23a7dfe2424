import { figure, type SummaryClass, type SummaryEstimate } from '../../analysis/index.ts';
import { logTicks } from './axis.ts';
import {
  allArms,
  armColours,
  type Chart,
  type ChartSource,
  type Room,
  type Spec,
  VEGA_LITE_SCHEMA,
} from './chart.ts';

interface Row {
  readonly arm: string;
  readonly series: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly label: string;
}

/** What a class that is not the most important gets of its work done. */
interface Amount {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly found: readonly Row[];
}

/** The ablation: what each arm gives the most important class (median and tail) and every other class (goodput), with intervals over trials. */
export function ablationChart(source: ChartSource): Chart | undefined {
  const [first, ...others] = source.classes.map(({ name }) => name);
  if (first === undefined) return undefined;
  const latency = [
    ...rows(source, first, 'p50', ({ latencyMs }) => latencyMs.p50, 1),
    ...rows(source, first, 'p99', ({ latencyMs }) => latencyMs.p99, 1),
  ];
  const goodputs = others.flatMap((name): Amount[] => {
    // What passes a message queue is counted in messages.
    const queues = allArms(source).some(
      (arm) => source.summary.arms[arm]?.classes[name]?.queueWaitMs !== undefined,
    );
    const found = queues
      ? rows(source, name, 'throughput', ({ throughputRps }) => throughputRps, 1)
      : rows(source, name, 'goodput', ({ goodputBps }) => goodputBps, 1e-6);
    const words = queues ? { what: 'throughput', unit: 'requests/s' } : { what: 'goodput', unit: 'Mbit/s' };
    return found.length === 0 ? [] : [{ name, found, ...words }];
  });
  return {
    name: 'ablation',
    title: isOfLayers(source) ? 'What each layer buys' : 'What each arm gives',
    caption: `Latency of ${first} requests: median (hollow) and 99th percentile (filled), logarithmic, lower is better.${goodputs.map(({ name, what }) => ` ${what.slice(0, 1).toUpperCase()}${what.slice(1)} of ${name}: higher is better.`).join('')} Points are means over the trials (geometric), bars their 95 % intervals, cut where they leave the frame. All arms of a block had the same arrivals, so the paired ratios in the text are surer than bars that overlap suggest.`,
    alt: `Dot plot with intervals by arm. ${first} p99: ${told(
      latency.filter(({ series }) => series === 'p99'),
      'ms',
    )}.${goodputs.map(({ name, found, what, unit }) => ` ${name} ${what}: ${told(found, unit)}.`).join('')}`,
    spec: (room) => spec(source, first, latency, goodputs, room),
  };
}

/** Whether arms differ in their layers, and not only in how a layer is set. */
function isOfLayers(source: ChartSource): boolean {
  const layers = allArms(source)
    .filter((arm) => arm !== source.summary.audit.control?.arm)
    .flatMap((arm) => source.summary.arms[arm]?.layers.join() || []);
  return new Set(layers).size === layers.length;
}

function rows(
  source: ChartSource,
  className: string,
  series: string,
  pick: (metrics: SummaryClass) => SummaryEstimate | undefined,
  unit: number,
): Row[] {
  return allArms(source).flatMap((arm) => {
    const metrics = source.summary.arms[arm]?.classes[className];
    const estimate = metrics === undefined ? undefined : pick(metrics);
    if (estimate === undefined) return [];
    const { value, low, high } = estimate;
    return [
      {
        arm,
        series,
        value: value * unit,
        low: (low ?? value) * unit,
        high: (high ?? value) * unit,
        label: figure(value * unit),
      },
    ];
  });
}

function told(found: readonly Row[], unit: string): string {
  return found.map(({ arm, label }) => `${arm} ${label}`).join(', ') + (found.length === 0 ? '' : ` ${unit}`);
}

function spec(
  source: ChartSource,
  first: string,
  latency: readonly Row[],
  goodputs: readonly Amount[],
  room: Room,
): Spec {
  const panels = [
    panel(source, latency, {
      title: `${first} latency (ms, log)`,
      log: true,
      width: room === 'wide' ? 350 : 200,
      names: true,
      room,
    }),
    ...goodputs.map(({ name, found, what, unit }) =>
      panel(source, found, {
        title: `${name} ${what} (${unit})`,
        log: false,
        width: 200,
        names: room === 'narrow',
        room,
      }),
    ),
  ];
  const sources = { $schema: VEGA_LITE_SCHEMA, resolve: { scale: { y: 'shared' } } };
  return room === 'wide' ? { ...sources, hconcat: panels, spacing: 24 } : { ...sources, vconcat: panels };
}

function panel(
  source: ChartSource,
  values: readonly Row[],
  options: { title: string; log: boolean; width: number; names: boolean; room: Room },
): Spec {
  const several = new Set(values.map(({ series }) => series)).size > 1;
  const domain = domainOf(values, options.log);
  const scale = { type: options.log ? 'log' : 'linear', domain, nice: false };
  const y = {
    field: 'arm',
    type: 'nominal',
    sort: allArms(source),
    scale: { domain: allArms(source) },
    axis: options.names
      ? { title: null, labelFontWeight: 600, labelLimit: 0, ticks: false, domain: false }
      : null,
  };
  const offset = several
    ? { yOffset: { field: 'series', type: 'nominal', scale: { domain: ['p50', 'p99'], paddingOuter: 0.5 } } }
    : {};
  const color = { field: 'arm', type: 'nominal', scale: armColours(source, allArms(source)), legend: null };
  const axis = {
    title: options.title,
    ...(options.log ? { values: logTicks(...domain, 7) } : { tickCount: 5 }),
    format: ',~r',
    grid: true,
  };
  return {
    data: { values },
    width: options.width,
    height: { step: several ? 14 : 28 },
    encoding: { y, ...offset },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2.5, opacity: 0.75, clip: true },
        encoding: {
          x: { field: 'low', type: 'quantitative', scale, axis },
          x2: { field: 'high' },
          color,
        },
      },
      {
        mark: { type: 'point', size: 75, strokeWidth: 2, opacity: 1 },
        encoding: {
          x: { field: 'value', type: 'quantitative', scale, axis },
          color,
          fill: {
            condition: {
              test: "datum.series !== 'p50'",
              field: 'arm',
              type: 'nominal',
              scale: armColours(source, allArms(source)),
              legend: null,
            },
            value: 'white',
          },
        },
      },
      // The median's number stands above its point and the tail's below: they may be close.
      ...[
        { dy: -10, test: "datum.series !== 'p99'" },
        { dy: 11, test: "datum.series === 'p99'" },
      ].map(({ dy, test }) => ({
        transform: [{ filter: test }],
        mark: { type: 'text', dy, fontSize: 11, baseline: 'middle' },
        encoding: { x: { field: 'value', type: 'quantitative', scale, axis }, text: { field: 'label' } },
      })),
    ],
  };
}

/** Room for the values and their intervals, but not for intervals that say nothing: they would squeeze everything else. */
function domainOf(rows: readonly Row[], log: boolean): [number, number] {
  const values = rows.map(({ value }) => value).filter((value) => value > 0);
  if (values.length === 0) return log ? [0.1, 10] : [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = Math.max(least / 5, Math.min(least, ...rows.map((row) => row.low)));
  const high = Math.max(...rows.map((row) => row.high));
  return log ? [low / 1.2, Math.min(most * 5, high) * 1.2] : [0, Math.min(most * 2, high) * 1.08];
}
