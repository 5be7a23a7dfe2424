import { figure, quantity, type SummaryEstimate } from '../../analysis/index.ts';
import { logTicks } from './axis.ts';
import {
  armColours,
  type Chart,
  type ChartSource,
  drawnArms,
  type Room,
  type Spec,
  VEGA_LITE_SCHEMA,
} from './chart.ts';
import { spreadLabels } from './spread-labels.ts';

interface Row {
  readonly arm: string;
  readonly waitMs: number;
  readonly waitLow: number;
  readonly waitHigh: number;
  readonly rps: number;
  readonly rpsLow: number;
  readonly rpsHigh: number;
}

interface Panel {
  readonly className: string;
  readonly rows: readonly Row[];
}

const SIZE = { wide: { width: 285, height: 300 }, narrow: { width: 250, height: 270 } } as const;

/**
 * What a prefetch buys and what it costs: the wait of each class in the message queue against the throughput of the least important class, an arm a
 * point. Undefined where no class passes a queue.
 */
export function queueTradeChart(source: ChartSource): Chart | undefined {
  const queued = source.classes
    .map(({ name }) => name)
    .filter((name) =>
      drawnArms(source).some((arm) => metricsOf(source, arm, name)?.queueWaitMs !== undefined),
    );
  const last = queued.at(-1);
  if (last === undefined) return undefined;
  const panels = queued.map((className) => ({
    className,
    rows: drawnArms(source).flatMap((arm) => rowOf(source, arm, className, last)),
  }));
  return {
    name: 'queue-trade',
    title: 'Wait in the queue against throughput',
    caption: `Mean wait in the message queue of ${queued.map((name) => `${name} requests`).join(' and of ')} (logarithmic, lower is better) against the throughput of ${last} (further right is better), an arm a point: geometric means over the trials with their 95 % intervals, cut where they leave the frame. The wait counts from the call to the moment when a worker begins, in the broker and in the client's buffer alike.`,
    alt: `Points with intervals by arm. ${panels
      .map(
        ({ className, rows }) =>
          `${className}: ${rows
            .map(
              (row) =>
                `${row.arm} waits ${quantity('queueWaitMs.mean', row.waitMs)} at ${figure(row.rps)} ${last} requests/s`,
            )
            .join(', ')}`,
      )
      .join('. ')}.`,
    spec: (room) => spec(source, panels, last, room),
  };
}

function metricsOf(source: ChartSource, arm: string, className: string) {
  return source.summary.arms[arm]?.classes[className];
}

function rowOf(source: ChartSource, arm: string, className: string, last: string): Row[] {
  const wait = metricsOf(source, arm, className)?.queueWaitMs?.mean;
  const rate = metricsOf(source, arm, last)?.throughputRps;
  if (wait === undefined || rate === undefined || wait.value <= 0) return [];
  const [waitLow, waitHigh] = boundsOf(wait);
  const [rpsLow, rpsHigh] = boundsOf(rate);
  return [{ arm, waitMs: wait.value, waitLow, waitHigh, rps: rate.value, rpsLow, rpsHigh }];
}

function boundsOf({ value, low, high }: SummaryEstimate): [number, number] {
  return [low ?? value, high ?? value];
}

function spec(source: ChartSource, panels: readonly Panel[], last: string, room: Room): Spec {
  const all = panels.flatMap(({ rows }) => rows);
  const rates = all.map(({ rps }) => rps);
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  // Room for the bulk of the intervals; one trial gone astray shall not squeeze the rest.
  const margin = Math.max((most - least) * 0.15, most * 0.01);
  const rps: [number, number] = [
    Math.max(least - 4 * margin, Math.min(least, ...all.map(({ rpsLow }) => rpsLow)) - margin),
    Math.min(most + 4 * margin, Math.max(most, ...all.map(({ rpsHigh }) => rpsHigh)) + margin),
  ];
  const drawn = panels.map((panel) => panelSpec(source, panel, last, rps, room));
  return room === 'wide'
    ? { $schema: VEGA_LITE_SCHEMA, hconcat: drawn, spacing: 26 }
    : { $schema: VEGA_LITE_SCHEMA, vconcat: drawn, spacing: 20 };
}

function panelSpec(
  source: ChartSource,
  { className, rows }: Panel,
  last: string,
  rps: [number, number],
  room: Room,
): Spec {
  const { width, height } = SIZE[room];
  const waits = rows.map(({ waitMs }) => waitMs);
  const low = Math.max(Math.min(...waits) / 4, Math.min(...rows.map(({ waitLow }) => waitLow))) / 1.4;
  const high = Math.min(Math.max(...waits) * 4, Math.max(...rows.map(({ waitHigh }) => waitHigh))) * 1.4;
  const x = {
    field: 'rps',
    type: 'quantitative',
    scale: { domain: rps, nice: false, zero: false },
    axis: { title: `${last} throughput (requests/s)`, tickCount: 5, grid: true },
  };
  const y = {
    field: 'waitMs',
    type: 'quantitative',
    scale: { type: 'log', domain: [low, high], nice: false },
    axis: {
      title: `${className} queue wait (ms, log)`,
      values: logTicks(low, high, 9),
      format: ',~r',
      grid: true,
    },
  };
  const color = { field: 'arm', type: 'nominal', scale: armColours(source, drawnArms(source)), legend: null };
  const pixelX = (value: number) => clamp((value - rps[0]) / (rps[1] - rps[0])) * width;
  const pixelY = (value: number) => (1 - clamp(Math.log(value / low) / Math.log(high / low))) * height;
  const labels = spreadLabels(
    rows.map((row) => {
      const [px, py] = [pixelX(row.rps), pixelY(row.waitMs)];
      return {
        text: row.arm,
        x: px,
        y: py,
        marks: [
          { left: px - 5, right: px + 5, top: py - 5, bottom: py + 5 },
          { left: pixelX(row.rpsLow), right: pixelX(row.rpsHigh), top: py - 2, bottom: py + 2 },
          { left: px - 2, right: px + 2, top: pixelY(row.waitHigh), bottom: pixelY(row.waitLow) },
        ],
      };
    }),
    { width, height },
  );
  return {
    data: { values: rows },
    width,
    height,
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.6, clip: true },
        encoding: { x: { ...x, field: 'rpsLow' }, x2: { field: 'rpsHigh' }, y, color },
      },
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.6, clip: true },
        encoding: { x, y: { ...y, field: 'waitLow' }, y2: { field: 'waitHigh' }, color },
      },
      { mark: { type: 'point', filled: true, size: 75, opacity: 1 }, encoding: { x, y, color } },
      {
        data: { values: labels.filter(({ isFar }) => isFar) },
        mark: { type: 'rule', strokeWidth: 1, opacity: 0.6 },
        encoding: {
          x: { field: 'pointX', type: 'quantitative', scale: null },
          y: { field: 'pointY', type: 'quantitative', scale: null },
          x2: { field: 'x' },
          y2: { field: 'y' },
          color: { ...color, field: 'text' },
        },
      },
      ...(['left', 'right'] as const).map((align) => ({
        data: { values: labels.filter((label) => label.align === align) },
        mark: { type: 'text', align, baseline: 'middle', fontSize: 12, fontWeight: 600 },
        encoding: {
          x: { field: 'x', type: 'quantitative', scale: null },
          y: { field: 'y', type: 'quantitative', scale: null },
          text: { field: 'text' },
          color: { ...color, field: 'text' },
        },
      })),
    ],
  };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
