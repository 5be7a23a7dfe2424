import {
  figure,
  latencyMs,
  latencyOverTime,
  levelOverTime,
  RELIEF_WINDOW_MS,
  shareOverTime,
} from '../../analysis/index.ts';
import { linkSamples, networkPaths } from '../counters.ts';
import { classColour, pathColour } from '../palette.ts';
import type { PublishedTrial } from '../trials.ts';
import { logTicks } from './axis.ts';
import { type Chart, type ChartSource, drawnArms, type Room, type Spec, VEGA_LITE_SCHEMA } from './chart.ts';
import { commonBlock, trialOf } from './share.ts';

interface Row {
  readonly timeS: number;
  readonly series: string;
  readonly value: number;
}

/** What one trial shows, panel by panel. */
interface Panels {
  readonly arm: string;
  readonly latency: readonly Row[];
  readonly level: readonly Row[];
  readonly share: readonly Row[];
  /** The first moves of each class away from a path, seconds. */
  readonly moves: readonly { readonly timeS: number; readonly series: string }[];
}

/**
 * The episode as it went, one trial an arm: how fast the classes were, how congested the paths, and which share of each class left the default
 * one. Undefined where nobody looked at the network.
 */
export function timelineChart(source: ChartSource): Chart | undefined {
  const block = commonBlock(source);
  const trials = drawnArms(source).flatMap((arm) => trialOf(source, arm, block) ?? []);
  const paths = trials.map(({ counters }) => networkPaths(counters)).find((known) => known.length > 0);
  if (paths === undefined) return undefined;
  const first = source.classes[0]?.name ?? '';
  const panels = trials.map((trial) => panelsOf(source, trial, paths));
  const episode = source.episode;
  const crossTraffic =
    episode === undefined
      ? ''
      : ` Shaded: the cross traffic, ${figure((episode.endMs - episode.startMs) / 1000)} s.`;
  return {
    name: 'timeline',
    title: 'From congestion to another path',
    caption: `One trial of each arm (block ${block}: the same arrivals). Above: p99 latency of the requests that were due in each window of ${figure(RELIEF_WINDOW_MS / 1000)} s, by class, and when a class first moved (dashed). In the middle: how congested the worst link of each path was for ${first} (1: a packet waits for the target delay or longer). Below: which share of each class's bytes took another path than \`${paths[0]?.id ?? ''}\`.${crossTraffic}`,
    alt: `Three panels over time for each arm: latency, congestion of the paths, share of traffic on other paths. ${panels.map((one) => describe(source, one)).join('; ')}.`,
    spec: (room) =>
      spec(
        source,
        panels,
        paths.map(({ id }) => id),
        room,
      ),
  };
}

function panelsOf(
  source: ChartSource,
  trial: PublishedTrial,
  paths: readonly { readonly id: string; readonly links: readonly string[] }[],
): Panels {
  const { startMs, endMs, cutOffMs } = source.window;
  const span = { startMs, endMs, widthMs: RELIEF_WINDOW_MS };
  const samples = linkSamples(trial.counters);
  const pathOf = (link: string) => paths.find(({ links }) => links.includes(link))?.id;
  const names = source.classes.map(({ name }) => name);
  const ofClass = (name: string) => samples.filter(({ className }) => className === name);
  const took = (request: PublishedTrial['requests'][number]) =>
    latencyMs(request, { timeoutMs: source.timeoutMs(request.workload), cutOffMs });
  const moves = trial.networkEvents?.moves ?? [];
  return {
    arm: trial.arm,
    latency: names.flatMap((name) =>
      latencyOverTime(
        trial.requests.filter(({ className }) => className === name),
        took,
        span,
      ).map(({ timeS, p99Ms }) => ({ timeS, series: name, value: Math.max(1, p99Ms) })),
    ),
    level: levelOverTime(ofClass(names[0] ?? ''), pathOf, span).map(({ timeS, path, value }) => ({
      timeS,
      series: path,
      value,
    })),
    share: names.flatMap((name) =>
      othersShare(shareOverTime(ofClass(name), pathOf, span), paths[0]?.id, name),
    ),
    moves: names.flatMap((name) => {
      const own = moves.filter(
        (one) => one.className === name && one.timeMs >= startMs && one.timeMs < endMs,
      );
      const [firstMove] = own;
      return firstMove === undefined ? [] : [{ timeS: (firstMove.timeMs - startMs) / 1000, series: name }];
    }),
  };
}

/** The share of what did not take the default path. */
function othersShare(
  points: readonly { readonly timeS: number; readonly path: string; readonly value: number }[],
  ownPath: string | undefined,
  series: string,
): Row[] {
  return points
    .filter(({ path }) => path === ownPath)
    .map(({ timeS, value }) => ({ timeS, series, value: Math.max(0, 100 * (1 - value)) }));
}

function describe(source: ChartSource, { arm, latency, moves }: Panels): string {
  const [first] = source.classes;
  const most = Math.max(
    0,
    ...latency.filter(({ series }) => series === first?.name).map(({ value }) => value),
  );
  const moved = moves.map(({ series, timeS }) => `${series} moved at ${figure(timeS)} s`);
  return `${arm}: ${first?.name ?? ''} p99 at most ${figure(most)} ms${moved.length === 0 ? '' : `, ${moved.join(', ')}`}`;
}

const PANELS: readonly {
  readonly key: 'latency' | 'level' | 'share';
  readonly title: string;
  readonly height: number;
}[] = [
  { key: 'latency', title: 'p99 (ms)', height: 96 },
  { key: 'level', title: 'level', height: 50 },
  { key: 'share', title: 'moved %', height: 50 },
];

function spec(source: ChartSource, panels: readonly Panels[], paths: readonly string[], room: Room): Spec {
  const names = source.classes.map(({ name }) => name);
  const slowest = Math.max(10, ...panels.flatMap(({ latency }) => latency.map(({ value }) => value)));
  const fastest = Math.min(slowest, ...panels.flatMap(({ latency }) => latency.map(({ value }) => value)));
  const lengthS = (source.window.endMs - source.window.startMs) / 1000;
  const colour = {
    field: 'series',
    type: 'nominal',
    scale: {
      domain: [...names, ...paths],
      range: [...names.map((_, index) => classColour(index)), ...paths.map((_, index) => pathColour(index))],
    },
    legend: {
      title: null,
      orient: 'top',
      symbolType: 'stroke',
      symbolSize: 400,
      symbolStrokeWidth: 3,
      columns: room === 'wide' ? 4 : 2,
    },
  };
  const scaleOf = (key: (typeof PANELS)[number]['key']): Spec => {
    if (key === 'latency') return { type: 'log', domain: [fastest, slowest], nice: true };
    return { domain: key === 'level' ? [0, 1] : [0, 100], nice: false };
  };
  const panel = (one: Panels, { key, title, height }: (typeof PANELS)[number], isLast: boolean): Spec => ({
    width: room === 'wide' ? 262 : 268,
    height,
    ...(key === 'latency' ? { title: { text: one.arm, anchor: 'start', fontSize: 13, offset: 6 } } : {}),
    layer: [
      ...shade(source),
      ...(key === 'latency'
        ? [
            {
              data: { values: one.moves },
              mark: { type: 'rule', strokeDash: [4, 3], strokeWidth: 1.5 },
              encoding: { x: { field: 'timeS', type: 'quantitative' }, color: colour },
            },
          ]
        : []),
      {
        data: { values: one[key] },
        mark: {
          type: 'line',
          interpolate: key === 'latency' ? 'linear' : 'step-after',
          strokeWidth: 1.8,
          clip: true,
        },
        encoding: {
          x: {
            field: 'timeS',
            type: 'quantitative',
            scale: { domain: [0, lengthS], nice: false },
            axis: {
              title: isLast ? 'time (s)' : null,
              labels: isLast,
              ticks: isLast,
              grid: false,
              tickCount: 6,
            },
          },
          y: {
            field: 'value',
            type: 'quantitative',
            scale: scaleOf(key),
            axis: {
              title,
              ...(key === 'latency' ? { values: logTicks(fastest / 2, slowest * 2, 4) } : {}),
              ...(key === 'level' ? { values: [0, 0.5, 1] } : {}),
              ...(key === 'share' ? { values: [0, 50, 100] } : {}),
              minExtent: 34,
            },
          },
          color: colour,
        },
      },
    ],
  });
  return {
    $schema: VEGA_LITE_SCHEMA,
    columns: room === 'wide' ? 2 : 1,
    spacing: { row: 26, column: 34 },
    concat: panels.map((one) => ({
      spacing: 10,
      vconcat: PANELS.map((what, index) => panel(one, what, index === PANELS.length - 1)),
    })),
  };
}

/** The time of the cross traffic. */
function shade({ episode, window }: ChartSource): Spec[] {
  if (episode === undefined) return [];
  const seconds = (ms: number) => (ms - window.startMs) / 1000;
  return [
    {
      data: { values: [{ fromS: seconds(episode.startMs), toS: seconds(episode.endMs) }] },
      mark: { type: 'rect', color: '#808080', opacity: 0.16 },
      encoding: {
        x: { field: 'fromS', type: 'quantitative' },
        x2: { field: 'toS' },
      },
    },
  ];
}
