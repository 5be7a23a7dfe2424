import { figure, rateOverTime } from '../../analysis/index.ts';
import { classColour } from '../palette.ts';
import type { PublishedTrial } from '../trials.ts';
import { type Chart, type ChartSource, drawnArms, type Room, type Spec, VEGA_LITE_SCHEMA } from './chart.ts';

const BIN_MS = 500;
/** More bins than this cannot be told apart in a panel. */
const BINS_MAX = 120;

/** A link that carries less than this share of its rate decides nothing. */
const IDLE_SHARE = 0.1;

/** What each class got of the bottleneck over time, in one block of trials. Undefined when nothing arrived. */
export function shareChart(source: ChartSource): Chart | undefined {
  const block = commonBlock(source);
  const classes = source.classes.map(({ name }) => name);
  const { startMs, endMs } = source.window;
  const widthMs = Math.max(BIN_MS, Math.ceil((endMs - startMs) / BINS_MAX / 100) * 100);
  const trials = drawnArms(source).flatMap((arm) => trialOf(source, arm, block) ?? []);
  const values = trials.flatMap((trial) =>
    rateOverTime(trial.throughput, classes, startMs, endMs, widthMs).map(({ timeS, className, rateBps }) => ({
      arm: trial.arm,
      class: className,
      timeS,
      rateMbps: rateBps / 1e6,
    })),
  );
  if (values.every(({ rateMbps }) => rateMbps === 0) || isBesideThePoint(source, values)) return undefined;
  return {
    name: 'bottleneck-share',
    title: 'Who has the bottleneck',
    caption: `Response-body bytes as they arrived at the generator, by class, in bins of ${figure(widthMs / 1000)} s, for the measuring window of block ${block} (the same arrivals in every arm; an arm without a trusted trial in it shows its first). Stacked, ${classes.at(-1) ?? ''} below${source.rateBps === undefined ? '' : `; the dotted line is the rate of the bottleneck link, ${figure(source.rateBps / 1e6)} Mbit/s, headers included`}.`,
    alt: `Stacked areas of received rate over time by class, one panel for each arm. Means: ${trials.map((trial) => `${trial.arm} ${classes.map((name) => `${name} ${figure(meanOf(values, trial.arm, name))}`).join(' and ')} Mbit/s`).join('; ')}.`,
    spec: (room) => spec(source, values, classes, room),
  };
}

/** Whether there is a message queue to be looked at, and a link that is as good as idle. */
function isBesideThePoint({ rateBps, trials }: ChartSource, values: readonly Row[]): boolean {
  const queues = trials.some(({ queueSamples = [] }) => queueSamples.length > 0);
  return queues && rateBps !== undefined && Math.max(...stackTops(values)) * 1e6 < IDLE_SHARE * rateBps;
}

interface Row {
  readonly arm: string;
  readonly class: string;
  readonly timeS: number;
  readonly rateMbps: number;
}

function meanOf(values: readonly Row[], arm: string, className: string): number {
  const own = values.filter((row) => row.arm === arm && row.class === className);
  return own.reduce((sum, row) => sum + row.rateMbps, 0) / Math.max(1, own.length);
}

/** The first block that has most arms. */
export function commonBlock(source: ChartSource): number {
  const counts = new Map<number, number>();
  for (const { block } of source.trials) counts.set(block, (counts.get(block) ?? 0) + 1);
  const [most] = [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  return most?.[0] ?? 0;
}

/** An arm's trial of a block, or its first. */
export function trialOf(source: ChartSource, arm: string, block: number): PublishedTrial | undefined {
  const own = source.trials.filter((trial) => trial.arm === arm);
  return own.find((trial) => trial.block === block) ?? own[0];
}

function spec(source: ChartSource, values: readonly Row[], classes: readonly string[], room: Room): Spec {
  const linkMbps = source.rateBps === undefined ? [] : [source.rateBps / 1e6];
  const most = Math.max(...linkMbps, ...stackTops(values));
  return {
    $schema: VEGA_LITE_SCHEMA,
    data: {
      values: values.map((row) => ({
        ...row,
        order: classes.indexOf(row.class),
      })),
    },
    facet: {
      field: 'arm',
      type: 'nominal',
      sort: drawnArms(source),
      header: { title: null, labelFontWeight: 600, labelFontSize: 13, labelAnchor: 'start', labelPadding: 4 },
    },
    columns: room === 'wide' ? 2 : 1,
    spacing: { row: 14, column: 26 },
    spec: {
      width: room === 'wide' ? 300 : 285,
      height: room === 'wide' ? 100 : 84,
      layer: [
        {
          mark: { type: 'area', interpolate: 'step', line: { strokeWidth: 1 }, opacity: 0.8 },
          encoding: {
            x: {
              field: 'timeS',
              type: 'quantitative',
              axis: { title: 'time (s)', grid: false, tickCount: 6 },
            },
            y: {
              field: 'rateMbps',
              type: 'quantitative',
              stack: 'zero',
              scale: { domain: [0, most * 1.05], nice: false },
              axis: { title: 'Mbit/s', tickCount: 4 },
            },
            color: {
              field: 'class',
              type: 'nominal',
              scale: { domain: [...classes], range: classes.map((_, index) => classColour(index)) },
              legend: { title: null, orient: 'top', symbolType: 'square' },
            },
            order: { field: 'order', sort: 'descending' },
          },
        },
        ...linkMbps.map((rate) => ({
          mark: { type: 'rule', strokeDash: [1, 3], strokeWidth: 1.2 },
          encoding: { y: { datum: rate, type: 'quantitative' } },
        })),
      ],
    },
  };
}

function stackTops(values: readonly Row[]): number[] {
  const tops = new Map<string, number>();
  for (const { arm, timeS, rateMbps } of values) {
    const key = `${arm} ${timeS}`;
    tops.set(key, (tops.get(key) ?? 0) + rateMbps);
  }
  return [...tops.values()];
}
