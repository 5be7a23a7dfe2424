import { figure } from '../../analysis/index.ts';
import { busiestPort } from '../counters.ts';
import { classColour } from '../palette.ts';
import type { PublishedTrial } from '../trials.ts';
import { type Chart, type ChartSource, drawnArms, type Room, type Spec, VEGA_LITE_SCHEMA } from './chart.ts';
import { commonBlock, trialOf } from './share.ts';

interface Row {
  readonly arm: string;
  readonly class: string;
  readonly timeS: number;
  readonly backlogKb: number;
}

/** What waited at the bottleneck's busiest port, by the port's own classes. Undefined where the laboratory has no port to read. */
export function backlogChart(source: ChartSource): Chart | undefined {
  const block = commonBlock(source);
  const values = drawnArms(source).flatMap((arm) => {
    const trial = trialOf(source, arm, block);
    return trial === undefined ? [] : backlogOf(trial, source.window);
  });
  if (values.length === 0) return undefined;
  const names = [...new Set(values.map((row) => row.class))];
  const most = (arm: string) =>
    Math.max(0, ...values.filter((row) => row.arm === arm).map((row) => row.backlogKb));
  return {
    name: 'bottleneck-backlog',
    title: 'What waits at the bottleneck',
    caption: `Bytes that waited at the busiest bottleneck port when its counters were read, by the port's own classes (where priorities are off the port has one class), during the measuring window of block ${block}.`,
    alt: `Lines of waiting kilobytes over time by class, one panel for each arm. Most seen: ${drawnArms(
      source,
    )
      .map((arm) => `${arm} ${figure(most(arm))} kB`)
      .join(', ')}.`,
    spec: (room) => spec(source, values, names, room),
  };
}

function backlogOf(trial: PublishedTrial, window: ChartSource['window']): Row[] {
  return busiestPort(trial.counters)
    .filter((line) => line.timeMs >= window.startMs && line.timeMs < window.endMs)
    .flatMap((line) =>
      line.classes.map((one) => ({
        arm: trial.arm,
        class: one.className,
        timeS: (line.timeMs - window.startMs) / 1000,
        backlogKb: one.backlogBytes / 1000,
      })),
    );
}

function spec(source: ChartSource, values: readonly Row[], names: readonly string[], room: Room): Spec {
  const known = source.classes.map(({ name }) => name);
  const dashes = [
    [1, 0],
    [5, 3],
    [2, 2],
    [8, 3, 2, 3],
  ];
  const legend = { title: null, orient: 'top', symbolType: 'stroke', symbolSize: 400 };
  return {
    $schema: VEGA_LITE_SCHEMA,
    data: { values },
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
      height: room === 'wide' ? 80 : 70,
      mark: { type: 'line', interpolate: 'linear', strokeWidth: 2 },
      encoding: {
        x: { field: 'timeS', type: 'quantitative', axis: { title: 'time (s)', grid: false, tickCount: 6 } },
        y: { field: 'backlogKb', type: 'quantitative', axis: { title: 'kB', tickCount: 4 } },
        color: {
          field: 'class',
          type: 'nominal',
          scale: {
            domain: [...names],
            range: names.map((name) => (known.includes(name) ? classColour(known.indexOf(name)) : '#808080')),
          },
          legend,
        },
        strokeDash: {
          field: 'class',
          type: 'nominal',
          scale: { domain: [...names], range: names.map((_, index) => dashes[index % dashes.length]) },
          legend,
        },
      },
    },
  };
}
