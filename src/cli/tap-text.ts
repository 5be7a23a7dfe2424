import type { MessageLine, MoveLine, RequestLine, TapLine } from '../sidecar/index.ts';
import { classStyle, escaped, type Style, styled } from './terminal-text.ts';

/** Turns the lines of taps into text. */
export type TapText = (line: TapLine) => string;

/** JSON lines, as they came; `hello` lines are left out. Characters that a terminal would obey are escaped. */
export function jsonText(): TapText {
  return (line) => (line.event === 'hello' ? '' : `${escaped(JSON.stringify(line))}\n`);
}

/** A column: its title, how wide it is at first, and how wide it may grow as wider values come. */
interface Column {
  readonly title: string;
  readonly least: number;
  readonly most: number;
  readonly right?: true;
}

const COLUMNS = [
  { title: 'time (UTC)', least: 12, most: 12 },
  { title: 'service', least: 8, most: 24 },
  { title: 'event', least: 7, most: 7 },
  { title: 'class', least: 5, most: 24 },
  { title: 'reason', least: 12, most: 32 },
  { title: 'what', least: 24, most: 48 },
  { title: 'result', least: 6, most: 6 },
  { title: 'waited', least: 10, most: 10, right: true },
  { title: 'took', least: 10, most: 10, right: true },
] as const satisfies readonly Column[];

/** A value, and how it looks on a terminal. */
interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

const NONE: Cell = { text: '-', style: 'dim' };

function milliseconds(ms: number | null): Cell {
  return ms === null ? NONE : { text: `${ms.toFixed(1)} ms` };
}

function statusStyle(status: number): Style | undefined {
  if (status >= 500) return 'red';
  return status >= 400 ? 'yellow' : undefined;
}

function ofRequest(line: RequestLine): readonly Cell[] {
  const { side, to, method, path, status, outcome, code } = line;
  const done = outcome === 'completed' || outcome === 'answered' || outcome === 'refused';
  return [
    { text: side === 'inbound' ? 'in' : 'out' },
    { text: `${method} ${to}${path}`.trim() },
    status === null ? NONE : { text: String(status), style: statusStyle(status) },
    { text: [done ? '' : outcome, code].join(' ').trim(), style: 'red' },
  ];
}

function ofMessage(line: MessageLine): readonly Cell[] {
  const { action, exchange, routingKey, queue, priority, bodyBytes, outcome } = line;
  const way = exchange === '' ? routingKey : `${exchange}/${routingKey}`;
  const bad = outcome === 'rejected' || outcome === 'requeued';
  return [
    { text: action },
    { text: queue === '' ? way : queue },
    priority === null ? NONE : { text: `prio ${priority}` },
    action === 'settle'
      ? { text: outcome, style: bad ? 'red' : undefined }
      : { text: `${bodyBytes} bytes`, style: 'dim' },
  ];
}

function ofMove({ peer, from, to }: MoveLine): readonly Cell[] {
  return [{ text: 'move' }, { text: `to ${peer}: ${from} -> ${to}` }];
}

function cellsOf(line: RequestLine | MessageLine | MoveLine): readonly Cell[] {
  if (line.event === 'move') return ofMove(line);
  return line.event === 'request' ? ofRequest(line) : ofMessage(line);
}

/** Lines for a person: columns that stand under each other, under a line of titles. */
export function alignedText(colour: boolean): TapText {
  const widths: number[] = COLUMNS.map((one) => one.least);
  const styles = new Map<string, Style>();
  let titled = false;

  const row = (cells: readonly Cell[]): string => {
    const padded = cells.map(({ text, style }, at) => {
      const column: Column | undefined = COLUMNS[at];
      const plain = escaped(text);
      if (column === undefined) return { plain, style };
      const width = Math.max(widths[at] ?? 0, Math.min(plain.length, column.most));
      widths[at] = width;
      return { plain: column.right === true ? plain.padStart(width) : plain.padEnd(width), style };
    });
    return `${padded
      .map(({ plain, style }) => (colour && style !== undefined ? styled(style, plain) : plain))
      .join('  ')
      .trimEnd()}\n`;
  };

  const learn = (classes: readonly string[]): void => {
    for (const [rank, name] of classes.entries()) {
      if (!styles.has(name)) styles.set(name, classStyle(rank));
    }
    const at = COLUMNS.findIndex((one) => one.title === 'class');
    const { most } = COLUMNS[at] as Column;
    widths[at] = Math.max(widths[at] ?? 0, ...classes.map((name) => Math.min(name.length, most)));
  };

  return (line) => {
    switch (line.event) {
      case 'hello':
        learn(line.classes);
        return '';
      case 'request':
      case 'message':
      case 'move': {
        const [event = NONE, what = NONE, result = NONE, note = NONE] = cellsOf(line);
        const titles = titled ? '' : row(COLUMNS.map(({ title }) => ({ text: title, style: 'bold' })));
        titled = true;
        const time = new Date(line.timeMs).toISOString().slice(11, 23);
        return `${titles}${row([
          { text: time, style: 'dim' },
          { text: line.service },
          event,
          line.class === null ? NONE : { text: line.class, style: styles.get(line.class) },
          line.reason === '' ? NONE : { text: line.reason },
          what.text === '' ? NONE : what,
          result,
          milliseconds(line.event === 'move' ? null : line.queueWaitMs),
          milliseconds(line.event === 'move' ? null : line.tookMs),
          note,
        ])}`;
      }
      case 'dropped': {
        const text = `... ${line.count} events of ${escaped(line.service)} are missing here: they came faster than they were read`;
        return `${colour ? styled('yellow', text) : text}\n`;
      }
      case 'full':
        return '';
    }
  };
}
