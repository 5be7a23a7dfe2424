import { figure, type LoadPoint, loadOverTime, meetsObjective, succeeded } from '../../analysis/index.ts';
import { classColour } from '../palette.ts';
import { logTicks } from './axis.ts';
import { type Chart, type ChartSource, drawnArms, type Room, type Spec, VEGA_LITE_SCHEMA } from './chart.ts';

const WINDOW_MS = 200;

interface Row extends LoadPoint {
  readonly class: string;
}

interface Panels {
  readonly arm: string;
  readonly rows: readonly Row[];
}

/**
 * The step of the load as it went, an arm a panel: how much of each class was offered and how much of it was served within its objective, and how long
 * those took that were answered. Undefined in an experiment without a step.
 */
export function loadStepChart(source: ChartSource): Chart | undefined {
  const { step } = source;
  if (step === undefined) return undefined;
  const panels = drawnArms(source).map((arm) => panelsOf(source, arm));
  return {
    name: 'load-step',
    title: 'While the load is higher',
    caption: `All trials of an arm on top of each other, by when requests were due, in windows of ${figure(WINDOW_MS / 1000)} s. Above: requests a second of each class that were offered (dashed), and that were served within their objective. Below: p99 of the latency of those that were answered. Shaded: the step of the load, ${figure((step.endMs - step.startMs) / 1000)} s.`,
    alt: `Two panels over time for each arm: requests a second served within their objective against those offered, and p99 latency. ${panels.map((one) => describe(source, one)).join('; ')}.`,
    spec: (room) => spec(source, panels, room),
  };
}

function panelsOf(source: ChartSource, arm: string): Panels {
  const { startMs, endMs } = source.window;
  const trials = source.trials.filter((trial) => trial.arm === arm);
  return {
    arm,
    rows: source.classes.flatMap((one) =>
      loadOverTime(
        trials.map(({ requests }) => requests.filter(({ className }) => className === one.name)),
        {
          met: (request) => meetsObjective(request, one),
          answeredMs: (request) =>
            succeeded(request) && request.endMs !== undefined
              ? Math.max(1, request.endMs - request.intendedMs)
              : undefined,
        },
        { startMs, endMs, widthMs: WINDOW_MS },
      ).map((point) => ({ ...point, class: one.name })),
    ),
  };
}

function describe(source: ChartSource, { arm, rows }: Panels): string {
  const { step, window } = source;
  if (step === undefined) return arm;
  const within = rows.filter(
    ({ timeS }) =>
      timeS >= (step.startMs - window.startMs) / 1000 && timeS < (step.endMs - window.startMs) / 1000,
  );
  const shares = source.classes.flatMap(({ name }) => {
    const own = within.filter((row) => row.class === name);
    const offered = own.reduce((sum, { offeredRps }) => sum + offeredRps, 0);
    const good = own.reduce((sum, { goodRps }) => sum + goodRps, 0);
    return offered === 0 ? [] : [`${name} ${figure((100 * good) / offered)} %`];
  });
  return `${arm}: served within the objective while the load was higher: ${shares.join(', ')}`;
}

function spec(source: ChartSource, panels: readonly Panels[], room: Room): Spec {
  const names = source.classes.map(({ name }) => name);
  const rows = panels.flatMap((one) => one.rows);
  const most = Math.max(1, ...rows.map(({ offeredRps }) => offeredRps));
  const latencies = rows.flatMap(({ p99Ms }) => p99Ms ?? []);
  const slowest = Math.max(10, ...latencies);
  const fastest = Math.min(slowest, ...latencies);
  const lengthS = (source.window.endMs - source.window.startMs) / 1000;
  const colour = {
    field: 'class',
    type: 'nominal',
    scale: { domain: names, range: names.map((_, index) => classColour(index)) },
    legend: { title: null, orient: 'top', symbolType: 'stroke', symbolSize: 400, symbolStrokeWidth: 3 },
  };
  const x = (isLast: boolean): Spec => ({
    field: 'timeS',
    type: 'quantitative',
    scale: { domain: [0, lengthS], nice: false },
    axis: { title: isLast ? 'time (s)' : null, labels: isLast, ticks: isLast, grid: false, tickCount: 6 },
  });
  const line = (field: string, values: readonly Row[], dash: readonly number[]): Spec => ({
    data: { values },
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.6, strokeDash: [...dash], clip: true },
    encoding: { y: { field, type: 'quantitative' }, color: colour },
  });
  const frame = { width: room === 'wide' ? 262 : 268, height: 84 };
  return {
    $schema: VEGA_LITE_SCHEMA,
    columns: room === 'wide' ? 2 : 1,
    spacing: { row: 26, column: 34 },
    concat: panels.map(({ arm, rows: own }) => ({
      spacing: 10,
      vconcat: [
        {
          ...frame,
          title: { text: arm, anchor: 'start', fontSize: 13, offset: 6 },
          encoding: {
            x: x(false),
            y: { scale: { domain: [0, most] }, axis: { title: 'requests/s', tickCount: 4, minExtent: 34 } },
          },
          layer: [...shade(source), line('offeredRps', own, [2, 2]), line('goodRps', own, [1, 0])],
        },
        {
          ...frame,
          encoding: {
            x: x(true),
            y: {
              scale: { type: 'log', domain: [fastest, slowest], nice: true },
              axis: { title: 'p99 (ms)', values: logTicks(fastest / 2, slowest * 2, 4), minExtent: 34 },
            },
          },
          layer: [
            ...shade(source),
            line(
              'p99Ms',
              own.filter(({ p99Ms }) => p99Ms !== undefined),
              [1, 0],
            ),
          ],
        },
      ],
    })),
  };
}

/** The time of the higher load. */
function shade({ step, window }: ChartSource): Spec[] {
  if (step === undefined) return [];
  const seconds = (ms: number) => (ms - window.startMs) / 1000;
  return [
    {
      data: { values: [{ fromS: seconds(step.startMs), toS: seconds(step.endMs) }] },
      mark: { type: 'rect', color: '#808080', opacity: 0.16 },
      encoding: { x: { field: 'fromS', type: 'quantitative' }, x2: { field: 'toS' }, y: null },
    },
  ];
}
