import { BODY_BYTES } from './load.ts';
import type { Machine } from './machine.ts';
import type { Settings } from './rounds.ts';
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

const MEBIBYTE = 1024 * 1024;

function throughputColumns(name: string): Column[] {
  const cpu = `cpuPerRequest${name}Us`;
  return [
    { title: 'CPU us/request', measure: cpu, digits: 2, spread: true },
    { title: 'to haproxy', measure: cpu, against: 'haproxy', digits: 2 },
    { title: 'to nginx', measure: cpu, against: 'nginx', digits: 2 },
    { title: 'requests/s', measure: `throughput${name}Rps`, digits: 0, spread: true },
    { title: 'to haproxy', measure: `throughput${name}Rps`, against: 'haproxy', digits: 2 },
    { title: 'to nginx', measure: `throughput${name}Rps`, against: 'nginx', digits: 2 },
    { title: 'own core %', measure: `proxyCore${name}Percent`, digits: 0 },
    { title: 'upstream core %', measure: `upstreamCore${name}Percent`, digits: 0 },
    { title: 'errors', measure: `errors${name}`, digits: 0 },
  ];
}

/** Where and how was measured, in two lines. */
export function heading(
  machine: Machine,
  settings: Settings,
  loadAverages: readonly (readonly number[])[],
): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const loads = loadAverages.map(([one = 0]) => one.toFixed(2)).join(' before, ');
  return (
    `${machine.processor}, ${machine.cores} cores, Linux ${machine.kernel}; ${versions.join(', ')}\n` +
    `load average over one minute: ${loads} after; median (least to most) of ${settings.rounds} interleaved rounds`
  );
}

/** The whole result as a person reads it. */
export function formatTables(
  rows: readonly Row[],
  peers: readonly string[],
  settings: Settings,
  machine: Machine,
  loadAverages: readonly (readonly number[])[],
): string {
  const sections = [
    heading(machine, settings, loadAverages),
    ...Object.entries(BODY_BYTES).map(([name, bytes]) =>
      section(
        `${bytes}-byte responses, ${settings.connections} keep-alive connections, the peer alone on core ${settings.proxyCore}, closed loop of ${settings.seconds} s`,
        rows,
        peers,
        throughputColumns(`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`),
      ),
    ),
    section(
      `latency at ${settings.latencyRateRps} requests/s, open loop, from the intended send time`,
      rows,
      peers,
      [
        { title: 'p50 ms', measure: 'latencyP50Ms', digits: 3 },
        { title: 'added p50 ms', measure: 'addedLatencyP50Ms', digits: 3, spread: true },
        { title: 'p99 ms', measure: 'latencyP99Ms', digits: 3 },
        { title: 'added p99 ms', measure: 'addedLatencyP99Ms', digits: 3, spread: true },
        { title: 'late sends', measure: 'lateSends', digits: 0 },
        { title: 'errors', measure: 'errorsOpenLoop', digits: 0 },
      ],
    ),
    section('memory in MiB, all processes of the peer', rows, peers, [
      { title: 'resident idle', measure: 'rssIdleBytes', digits: 1, unit: MEBIBYTE },
      { title: 'anonymous idle', measure: 'anonymousIdleBytes', digits: 1, unit: MEBIBYTE },
      { title: 'resident loaded', measure: 'rssLoadedBytes', digits: 1, unit: MEBIBYTE, spread: true },
      { title: 'anonymous loaded', measure: 'anonymousLoadedBytes', digits: 1, unit: MEBIBYTE, spread: true },
    ]),
    section(
      `from spawn to ready, ${settings.starts} starts each; sidecar-cached: with Node's cache of compiled code`,
      rows,
      ['sidecar', 'sidecar-cached'],
      [{ title: 'ms', measure: 'startMs', digits: 1, spread: true }],
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}
