import { quantity } from '../../analysis/index.ts';
import {
  armColours,
  type Chart,
  type ChartSource,
  drawnArms,
  type Room,
  type Spec,
  VEGA_LITE_SCHEMA,
} from './chart.ts';

interface Row {
  readonly arm: string;
  readonly class: string;
  readonly percent: number;
  readonly low: number;
  readonly high: number;
  readonly label: string;
}

/** Which share of each class's requests met its objective, by arm, with intervals over trials. */
export function sloChart(source: ChartSource): Chart {
  const classes = source.classes.map(({ name }) => name);
  const values = drawnArms(source).flatMap((arm) =>
    classes.flatMap((name): Row[] => {
      const attained = source.summary.arms[arm]?.classes[name]?.sloAttainment;
      if (attained === undefined) return [];
      const { value, low, high } = attained;
      return [
        {
          arm,
          class: name,
          percent: value * 100,
          low: (low ?? value) * 100,
          high: (high ?? value) * 100,
          label: quantity('sloAttainment', value),
        },
      ];
    }),
  );
  const shown = classes.filter((name) => values.some((row) => row.class === name));
  return {
    name: 'slo-attainment',
    title: 'Who keeps the objective',
    caption:
      'Share of the requests of each class that met its objective (a request that failed does not), mean over the trials with its 95 % interval.',
    alt: `Bars by arm and class. ${shown
      .map(
        (name) =>
          `${name}: ${values
            .filter((row) => row.class === name)
            .map(({ arm, label }) => `${arm} ${label}`)
            .join(', ')}`,
      )
      .join('. ')}.`,
    spec: (room) => {
      const panels = shown.map((name, index) =>
        panel(
          source,
          values.filter((row) => row.class === name),
          name,
          index === 0 || room === 'narrow',
          room,
        ),
      );
      return room === 'wide'
        ? { $schema: VEGA_LITE_SCHEMA, hconcat: panels, spacing: 24 }
        : { $schema: VEGA_LITE_SCHEMA, vconcat: panels };
    },
  };
}

function panel(source: ChartSource, values: readonly Row[], name: string, names: boolean, room: Room): Spec {
  const color = { field: 'arm', type: 'nominal', scale: armColours(source, drawnArms(source)), legend: null };
  const y = {
    field: 'arm',
    type: 'nominal',
    sort: drawnArms(source),
    scale: { domain: drawnArms(source) },
    axis: names ? { title: null, labelFontWeight: 600, labelLimit: 0, ticks: false, domain: false } : null,
  };
  const scale = { domain: [0, 120], nice: false };
  const axis = {
    title: `${name} requests (%)`,
    values: [0, 25, 50, 75, 100],
    grid: true,
  };
  const x = { field: 'percent', type: 'quantitative', scale, axis };
  return {
    data: { values },
    width: room === 'wide' ? 265 : 195,
    height: { step: 24 },
    encoding: { y },
    layer: [
      { mark: { type: 'bar', height: 13, opacity: 0.55 }, encoding: { x, color } },
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { x: { field: 'low', type: 'quantitative', scale, axis }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 11, baseline: 'middle' },
        encoding: { x: { field: 'high', type: 'quantitative', scale, axis }, text: { field: 'label' } },
      },
    ],
  };
}
