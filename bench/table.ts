import type { Machine } from './machine.ts';
import type { Settings } from './settings.ts';
import type { Row, Spread } from './summary.ts';

/** Lines up cells in columns: the first to the left, the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly measure: string;
  /** Shows the ratio to this peer instead of the figure. */
  readonly against?: string;
  readonly digits: number;
  /** What the figure is divided by before it is shown. */
  readonly unit?: number;
  /** Shows the extremes too. */
  readonly spread?: boolean;
}

function cell(found: Spread | undefined, { digits, unit = 1, spread = false }: Column): string {
  if (found === undefined) return '-';
  const shown = (value: number): string => (value / unit).toFixed(digits);
  const middle = shown(found.median);
  return spread ? `${middle} (${shown(found.min)} to ${shown(found.max)})` : middle;
}

/** A table with a title, a line for each peer that has figures. */
export function section(
  title: string,
  rows: readonly Row[],
  peers: readonly string[],
  columns: readonly Column[],
): string {
  const lines = peers.flatMap((peer) => {
    const cells = columns.map((column) => {
      const row = rows.find((one) => one.peer === peer && one.measure === column.measure);
      return cell(column.against === undefined ? row : row?.ratios[column.against], column);
    });
    return cells.every((one) => one === '-') ? [] : [[peer, ...cells]];
  });
  return `${title}\n${alignColumns([['peer', ...columns.map((column) => column.title)], ...lines])}`;
}

/** Where and how was measured, in two lines. */
export function heading(
  machine: Machine,
  settings: Pick<Settings, 'rounds'>,
  loadAverages: readonly (readonly number[])[],
): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const loads = loadAverages.map(([one = 0]) => one.toFixed(2)).join(' before, ');
  return (
    `${machine.processor}, ${machine.cores} cores, Linux ${machine.kernel}; ${versions.join(', ')}\n` +
    `load average over one minute: ${loads} after; median (least to most) of ${settings.rounds} interleaved rounds`
  );
}

/** A table that is to be made of rows. */
export interface TableShape {
  readonly title: string;
  readonly case: string;
  readonly peers: readonly string[];
  readonly columns: readonly Column[];
}

/** The tables as a person reads them. */
export function formatTables(shapes: readonly TableShape[], rows: readonly Row[]): string[] {
  return shapes.map((shape) =>
    section(
      shape.title,
      rows.filter((row) => row.case === shape.case),
      shape.peers,
      shape.columns,
    ),
  );
}
