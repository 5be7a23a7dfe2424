import {
  type DepthPoint,
  depthOverTime,
  figure,
  type QueueSample,
  totalReady,
} from '../../analysis/index.ts';
import { classColour, UNACKED_COLOUR, UNCLASSED_COLOUR } from '../palette.ts';
import { type Chart, type ChartSource, drawnArms, type Room, type Spec, VEGA_LITE_SCHEMA } from './chart.ts';

const LEAST_BIN_MS = 250;
/** More bins than this cannot be told apart in a panel. */
const BINS_MAX = 120;
const UNACKED = 'with consumers';

interface Row {
  readonly arm: string;
  readonly series: string;
  readonly timeS: number;
  readonly messages: number;
}

interface Series {
  readonly name: string;
  readonly colour: string;
  /** AMQP priority; undefined for the messages that are with consumers. */
  readonly priority: string | undefined;
}

/** What waited in the message queue over time by priority, and what was with its consumers, where no priority reaches it. Undefined without a broker. */
export function queueDepthChart(source: ChartSource): Chart | undefined {
  const queue = busiestQueue(source);
  if (queue === undefined) return undefined;
  const { startMs, endMs } = source.window;
  const widthMs = Math.max(LEAST_BIN_MS, Math.ceil((endMs - startMs) / BINS_MAX / 50) * 50);
  const series = seriesOf(source, queue);
  const values = drawnArms(source).flatMap((arm) =>
    closed(depthOverTime(samplesOf(source, arm, queue), startMs, endMs, widthMs), endMs - startMs).flatMap(
      ({ timeS, ready, unacked }) =>
        series.map(({ name, priority }) => ({
          arm,
          series: name,
          timeS,
          messages: priority === undefined ? unacked : (ready[priority] ?? 0),
        })),
    ),
  );
  if (values.length === 0) return undefined;
  return {
    name: 'queue-depth',
    title: 'What waits in the queue',
    caption: `Messages of queue \`${queue}\` over the measuring window: those that wait in the broker, by priority, and those that it has handed out and that are not acknowledged, which its priorities do not reach any more. Mean over the trials of the arm in bins of ${figure(widthMs / 1000)} s, stacked; each panel has a scale of its own.`,
    alt: `Stacked areas of messages over time, one panel for each arm. Means: ${drawnArms(source)
      .filter((arm) => values.some((row) => row.arm === arm))
      .map(
        (arm) =>
          `${arm} ${series.map(({ name }) => `${figure(meanOf(values, arm, name))} ${name}`).join(', ')}`,
      )
      .join('; ')}.`,
    spec: (room) => spec(source, values, series, room),
  };
}

/** Lets the last bin reach to the end of the window. */
function closed(points: readonly DepthPoint[], lengthMs: number): DepthPoint[] {
  return points.concat(points.slice(-1).map((last) => ({ ...last, timeS: lengthMs / 1000 })));
}

/** The queue that held most, over all arms. */
function busiestQueue(source: ChartSource): string | undefined {
  const held = new Map<string, number>();
  for (const sample of source.trials.flatMap(({ queueSamples = [] }) => queueSamples)) {
    held.set(sample.queue, (held.get(sample.queue) ?? 0) + totalReady(sample) + sample.unacked);
  }
  return [...held].sort(([, one], [, other]) => other - one)[0]?.[0];
}

/** The samples of each trial of an arm. */
function samplesOf(source: ChartSource, arm: string, queue: string): QueueSample[][] {
  return source.trials
    .filter((trial) => trial.arm === arm)
    .map(({ queueSamples = [] }) => queueSamples.filter((sample) => sample.queue === queue));
}

/** From the bottom of the stack: what is with consumers, then the priorities, the least important first. */
function seriesOf(source: ChartSource, queue: string): Series[] {
  const all = drawnArms(source).flatMap((arm) => samplesOf(source, arm, queue).flat());
  const used = [
    ...new Set(
      all.flatMap(({ ready }) => Object.keys(ready).filter((priority) => (ready[priority] ?? 0) > 0)),
    ),
  ];
  return [
    { name: UNACKED, colour: UNACKED_COLOUR, priority: undefined },
    ...used
      .sort((one, other) => Number(one) - Number(other))
      .map((priority) => {
        const index = source.classes.findIndex((one) => String(one.brokerPriority) === priority);
        const known = source.classes[index];
        return known === undefined
          ? { name: `waiting, priority ${priority}`, colour: UNCLASSED_COLOUR, priority }
          : { name: `waiting, ${known.name}`, colour: classColour(index), priority };
      }),
  ];
}

function meanOf(values: readonly Row[], arm: string, series: string): number {
  const own = values.filter((row) => row.arm === arm && row.series === series);
  return own.reduce((sum, row) => sum + row.messages, 0) / Math.max(1, own.length);
}

function spec(source: ChartSource, values: readonly Row[], series: readonly Series[], room: Room): Spec {
  const names = series.map(({ name }) => name);
  return {
    $schema: VEGA_LITE_SCHEMA,
    data: { values: values.map((row) => ({ ...row, order: names.indexOf(row.series) })) },
    facet: {
      field: 'arm',
      type: 'nominal',
      sort: drawnArms(source),
      header: { title: null, labelFontWeight: 600, labelFontSize: 13, labelAnchor: 'start', labelPadding: 4 },
    },
    columns: room === 'wide' ? 2 : 1,
    resolve: { scale: { y: 'independent' } },
    bounds: 'flush',
    spacing: { row: 38, column: 74 },
    spec: {
      width: room === 'wide' ? 285 : 265,
      height: room === 'wide' ? 100 : 84,
      mark: { type: 'area', interpolate: 'step-after', opacity: 0.9 },
      encoding: {
        x: { field: 'timeS', type: 'quantitative', axis: { title: 'time (s)', grid: false, tickCount: 6 } },
        y: {
          field: 'messages',
          type: 'quantitative',
          stack: 'zero',
          axis: { title: 'messages', tickCount: 4 },
        },
        color: {
          field: 'series',
          type: 'nominal',
          scale: { domain: names, range: series.map(({ colour }) => colour) },
          legend: { title: null, orient: 'top', symbolType: 'square', columns: room === 'wide' ? 4 : 2 },
        },
        order: { field: 'order', sort: 'ascending' },
      },
    },
  };
}
