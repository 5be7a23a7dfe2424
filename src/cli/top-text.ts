import type { Frame, LinkRow, LiveEvent, ServiceRow } from '../telemetry/index.ts';
import { formatDuration } from './progress.ts';
import { classStyle, escaped, type Style } from './terminal-text.ts';
import { cellLine, type TableCell, type TableColumn, tableLines } from './text-table.ts';

/** What a frame is drawn on. */
export interface Paper {
  /** Characters of a line, and lines; Infinity where it is no terminal. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

/** The columns of services; what says the same in every row is left out. */
function serviceColumns(rows: readonly ServiceRow[]): readonly TableColumn[] {
  const messages = rows.some((one) => one.of === 'messages');
  const paths = rows.some((one) => one.path !== '');
  return [
    { title: 'service', least: 10, most: 24 },
    ...(messages ? [{ title: 'of', least: 8, most: 8, leaveOut: 5 }] : []),
    { title: 'class', least: 6, most: 24 },
    { title: 'per s', least: 7, most: 9, right: true },
    { title: 'p50 ms', least: 8, most: 9, right: true, leaveOut: 1 },
    { title: 'p99 ms', least: 8, most: 9, right: true },
    { title: 'in flight', least: 9, most: 9, right: true, leaveOut: 4 },
    { title: 'queue', least: 5, most: 7, right: true },
    { title: 'wait p99 ms', least: 11, most: 11, right: true, leaveOut: 3 },
    { title: 'failed/s', least: 8, most: 9, right: true, leaveOut: 2 },
    ...(paths ? [{ title: 'path', least: 9, most: 20, leaveOut: 6 }] : []),
  ];
}

const LINK_COLUMNS: readonly TableColumn[] = [
  { title: 'link', least: 10, most: 24 },
  { title: 'class', least: 6, most: 24 },
  { title: '', least: 16, most: 16, leaveOut: 3 },
  { title: 'used', least: 5, most: 6, right: true },
  { title: '', least: 16, most: 16, leaveOut: 4 },
  { title: 'level', least: 5, most: 5, right: true },
  { title: 'delay ms', least: 8, most: 9, right: true, leaveOut: 1 },
  { title: 'lost', least: 5, most: 6, right: true, leaveOut: 2 },
];

const EVENT_COLUMNS: readonly TableColumn[] = [
  { title: 'time (UTC)', least: 12, most: 12 },
  { title: 'event', least: 5, most: 5 },
  { title: 'where', least: 10, most: 24 },
  { title: 'class', least: 6, most: 24 },
  { title: 'what', least: 4, most: 160 },
];

const NONE: TableCell = { text: '-', style: 'dim' };
/** After how long without a word the state of the links is shown as old. */
const OLD_LINKS_MS = 1000;
const BAR_CELLS = 16;
/** How many events are shown where there is no end of lines. */
const MOST_EVENTS = 20;
/** How many lines events and links keep when the services are too many for the screen. */
const KEPT_FOR_EVENTS = 5;
const KEPT_FOR_LINKS = 6;

function bar(share: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells);
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const timeOf = (wallMs: number): string => new Date(wallMs).toISOString().slice(11, 23);

function amount(value: number | undefined, digits: number): TableCell {
  return value === undefined ? NONE : { text: value.toFixed(digits) };
}

class Drawing {
  readonly #frame: Frame;
  readonly #paper: Paper;

  constructor(frame: Frame, paper: Paper) {
    this.#frame = frame;
    this.#paper = paper;
  }

  lines(): string[] {
    const { rows } = this.#paper;
    const head = this.#head();
    const [services, links, events] = [this.#services(), this.#links(), this.#events()];
    const room = rows - head.length;
    const forEvents = Math.min(events.length, KEPT_FOR_EVENTS);
    const forLinks = Math.min(links.length, KEPT_FOR_LINKS);
    const shownServices = this.#cut(services, room - forEvents - forLinks);
    const shownLinks = this.#cut(links, room - shownServices.length - forEvents);
    const shownEvents = events.slice(0, Math.max(0, room - shownServices.length - shownLinks.length));
    return [...head, ...shownServices, ...shownLinks, ...shownEvents].slice(0, rows);
  }

  /** The first of the lines, with a word about those that are left out. */
  #cut(lines: readonly string[], room: number): readonly string[] {
    if (lines.length <= room) return lines;
    const shown = Math.max(0, room - 1);
    const more = `... and ${lines.length - shown} more`;
    return [...lines.slice(0, shown), this.#line([{ text: more, style: 'dim' as const }])].slice(
      0,
      Math.max(0, room),
    );
  }

  #line(cells: readonly TableCell[]): string {
    const { columns, colour } = this.#paper;
    const plain = cells.map(({ text, style }) => ({ text: escaped(text), style }));
    return cellLine(plain, '  ', columns, colour);
  }

  #table(columns: readonly TableColumn[], rows: readonly (readonly TableCell[])[]): string[] {
    if (rows.length === 0) return [];
    return ['', ...tableLines(columns, rows, this.#paper.columns, this.#paper.colour)];
  }

  #class(name: string): TableCell {
    const rank = this.#frame.run.classes.indexOf(name);
    return { text: name, style: rank === -1 ? undefined : classStyle(rank) };
  }

  #head(): string[] {
    const { run, trial, wallMs, windowMs, missed } = this.#frame;
    const name = { text: run.experiment, style: 'bold' as const };
    const time = { text: timeOf(wallMs).slice(0, 8) };
    const lost: TableCell[] = missed === 0 ? [] : [{ text: `${missed} events missed`, style: 'yellow' }];
    if (trial === undefined) {
      return [this.#line([name, { text: run.form }, time, { text: 'no trial is running' }, ...lost])];
    }
    const { number, arm, block, attempt, beganMs } = trial;
    return [
      this.#line([
        name,
        { text: run.form },
        time,
        { text: `rates and quantiles of the last ${windowMs / 1000} s`, style: 'dim' },
        ...lost,
      ]),
      this.#line([
        { text: `trial ${number} of ${run.trials}` },
        { text: `arm ${arm}`, style: 'bold' },
        { text: `block ${block}` },
        ...(attempt === 1 ? [] : [{ text: `attempt ${attempt}`, style: 'yellow' as const }]),
        { text: `for ${formatDuration(wallMs - beganMs)}` },
      ]),
    ];
  }

  #services(): string[] {
    const { services, trial } = this.#frame;
    if (trial !== undefined && trial.sidecars.length === 0) {
      return ['', this.#line([{ text: 'no sidecar is there to tell anything yet', style: 'dim' }])];
    }
    const columns = serviceColumns(services);
    const titles = new Set(columns.map(({ title }) => title));
    return this.#table(
      columns,
      services.map((row, at) =>
        this.#service(row, services[at - 1])
          .filter(([title]) => titles.has(title))
          .map(([, cell]) => cell),
      ),
    );
  }

  /** Its values, each with the title of its column. */
  #service(row: ServiceRow, above: ServiceRow | undefined): [string, TableCell][] {
    const same = row.service === above?.service;
    const { failedPerSecond } = row;
    return [
      ['service', { text: same ? '' : row.service }],
      ['of', { text: same && row.of === above?.of ? '' : row.of }],
      ['class', this.#class(row.class)],
      ['per s', { text: row.perSecond.toFixed(1) }],
      ['p50 ms', amount(row.p50Ms, 1)],
      ['p99 ms', amount(row.p99Ms, 1)],
      ['in flight', amount(row.inFlight, 0)],
      ['queue', amount(row.queued, 0)],
      ['wait p99 ms', amount(row.waitP99Ms, 1)],
      ['failed/s', { text: failedPerSecond.toFixed(1), style: failedPerSecond > 0 ? 'red' : 'dim' }],
      ['path', row.path === '' ? NONE : { text: row.path }],
    ];
  }

  #links(): string[] {
    const { links, linksAgeMs = 0 } = this.#frame;
    const table = this.#table(
      LINK_COLUMNS,
      links.flatMap((one) => this.#link(one)),
    );
    if (table.length === 0 || linksAgeMs <= OLD_LINKS_MS) return table;
    const text = `the links were last heard of ${formatDuration(linksAgeMs)} ago`;
    return [...table, this.#line([{ text, style: 'yellow' }])];
  }

  #levelStyle(level: number): Style | undefined {
    const { congestedLevel, calmLevel } = this.#frame.run;
    if (level >= congestedLevel) return 'red';
    return level > calmLevel ? 'yellow' : undefined;
  }

  #link({ link, utilization, classes }: LinkRow): TableCell[][] {
    const all: TableCell[] = [
      { text: link },
      { text: 'all' },
      { text: bar(utilization) },
      { text: percent(utilization) },
    ];
    return [
      all,
      ...classes.map((one) => {
        const style = this.#levelStyle(one.level);
        return [
          { text: '' },
          this.#class(one.class),
          { text: bar(one.utilization) },
          { text: percent(one.utilization) },
          { text: bar(one.level), style },
          { text: one.level.toFixed(2), style },
          { text: one.queueingDelayMs.toFixed(1) },
          {
            text: `${(one.lossRatio * 100).toFixed(1)} %`,
            style: one.lossRatio > 0 ? ('red' as const) : undefined,
          },
        ];
      }),
    ];
  }

  #events(): string[] {
    return this.#table(
      EVENT_COLUMNS,
      this.#frame.events
        .slice(0, Number.isFinite(this.#paper.rows) ? this.#paper.rows : MOST_EVENTS)
        .map((one) => this.#event(one)),
    );
  }

  #event({ wallMs, what, where, class: className, text, bad }: LiveEvent): TableCell[] {
    return [
      { text: timeOf(wallMs), style: 'dim' },
      { text: what, style: bad ? 'red' : undefined },
      { text: where },
      className === '' ? NONE : this.#class(className),
      { text },
    ];
  }
}

/** A frame as lines, none of which is wider than the paper, and no more of them than it has. Pure. */
export function frameLines(frame: Frame, paper: Paper): readonly string[] {
  return new Drawing(frame, paper).lines();
}
