import { renderSvg } from '../src/publish/charts/index.ts';
import type { BenchResult } from './compare.ts';
import type { Row } from './summary.ts';

const MEASURE = 'cpuPerRequestUs';
const COLUMNS = 2;
const OWN_ROWS: ReadonlySet<string> = new Set(['sidecar', 'chain', 'chain-unlinked']);
const OWN_COLOUR = '#2f74c8';
const OTHER_COLOUR = '#808080';

/** What of a result is drawn. */
type Drawn = Pick<BenchResult, 'rows' | 'machine' | 'settings'>;

interface Bar {
  readonly row: string;
  readonly us: number;
  readonly least: number;
  readonly most: number;
  readonly label: string;
  readonly own: boolean;
}

/** What a bar is labelled with: the figure, and how it stands to the first of the row's peers. */
function labelOf(row: Row, reference: string | undefined): string {
  const ratio = reference === undefined ? undefined : row.ratios[reference]?.median;
  const us = row.median < 100 ? row.median.toFixed(1) : row.median.toFixed(0);
  return ratio === undefined ? us : `${us}  (${ratio.toFixed(2)} x ${reference})`;
}

function panel(of: string, rows: readonly Row[]): object {
  const reference = rows.find(({ peer }) => !OWN_ROWS.has(peer))?.peer;
  const bars = rows.map((row): Bar => {
    const own = OWN_ROWS.has(row.peer);
    const label = labelOf(row, row.peer === reference ? undefined : reference);
    return { row: row.peer, us: row.median, least: row.min, most: row.max, label, own };
  });
  const most = Math.max(...bars.map((bar) => bar.most));
  // Half as much again: the labels stand to the right of the bars.
  const x = {
    type: 'quantitative',
    scale: { domain: [0, most * 1.6], nice: false },
    axis: { title: null, tickCount: 4 },
  };
  const color = {
    condition: { test: 'datum.own', value: OWN_COLOUR },
    value: OTHER_COLOUR,
  };
  return {
    title: { text: of, anchor: 'start', fontSize: 12, fontWeight: 600 },
    data: { values: bars },
    width: 330,
    height: { step: 22 },
    encoding: {
      y: {
        field: 'row',
        type: 'nominal',
        sort: bars.map(({ row }) => row),
        axis: { title: null, ticks: false, domain: false },
      },
    },
    layer: [
      { mark: { type: 'bar', height: 12 }, encoding: { x: { field: 'us', ...x }, color } },
      {
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x: { field: 'least', ...x }, x2: { field: 'most' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 11 },
        encoding: { x: { field: 'most', ...x }, text: { field: 'label' } },
      },
    ],
  };
}

/** The drawing's specification: processor time a request, a panel for each load. */
function chartSpec({ rows, machine, settings }: Drawn): Readonly<Record<string, unknown>> {
  const own = rows.filter(({ measure }) => measure === MEASURE);
  const cases = [...new Set(own.map((row) => row.case ?? ''))];
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'Processor time a request, microseconds',
      subtitle: `${machine.processor}, Linux ${machine.kernel}; median of ${settings.rounds} interleaved rounds, lines from the least to the most; ratios within rounds`,
      anchor: 'start',
    },
    columns: COLUMNS,
    concat: cases.map((of) =>
      panel(
        of,
        own.filter((row) => row.case === of),
      ),
    ),
  };
}

/** Draws the comparison as SVG. */
export function drawChart(result: Drawn): Promise<string> {
  return renderSvg(chartSpec(result), 'paper');
}
