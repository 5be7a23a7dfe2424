import { escaped, type Style, styled } from './terminal-text.ts';

/** A value of a table, and how it looks on a terminal. */
export interface TableCell {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** A column of a table. */
export interface TableColumn {
  readonly title: string;
  /** It is at least so wide, so that it does not jump as values change; wider where a value is, up to `most`. */
  readonly least: number;
  readonly most: number;
  readonly right?: true;
  /** Where there is no room for all columns, the one with the largest number is left out first; without a number it stays. */
  readonly leaveOut?: number;
}

const GAP = '  ';

interface Fitted {
  readonly at: number;
  readonly width: number;
  readonly right: boolean;
}

/** Which columns are shown, and how wide. */
function fitted(
  columns: readonly TableColumn[],
  texts: readonly (readonly string[])[],
  room: number,
): Fitted[] {
  const all = columns.map((column, at) => {
    const widest = Math.max(column.title.length, ...texts.map((row) => row[at]?.length ?? 0));
    return { at, width: Math.max(column.least, Math.min(widest, column.most)), right: column.right === true };
  });
  const widthOf = (some: readonly Fitted[]): number =>
    some.reduce((sum, one) => sum + one.width, GAP.length * (some.length - 1));
  const order = columns
    .flatMap(({ leaveOut }, at) => (leaveOut === undefined ? [] : [{ at, leaveOut }]))
    .sort((a, b) => b.leaveOut - a.leaveOut);
  let shown = all;
  for (const { at } of order) {
    if (widthOf(shown) <= room) break;
    shown = shown.filter((one) => one.at !== at);
  }
  return shown;
}

function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 1 ? text.slice(0, Math.max(0, width)) : `${text.slice(0, width - 1)}…`;
}

/** A line of cells that is never wider than there is room. */
export function cellLine(cells: readonly TableCell[], gap: string, room: number, colour: boolean): string {
  let left = room;
  let line = '';
  for (const [at, { text, style }] of cells.entries()) {
    const between = at === 0 ? '' : gap;
    const shown = cut(at === cells.length - 1 ? text.trimEnd() : text, left - between.length);
    if (shown.trim() === '' && left <= between.length) break;
    left -= between.length + shown.length;
    line += between + (colour && style !== undefined && shown.trim() !== '' ? styled(style, shown) : shown);
  }
  return line.trimEnd();
}

/**
 * A table as lines: the titles first, then each row.
 * @param room characters that a line may have
 */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly TableCell[])[],
  room: number,
  colour: boolean,
): string[] {
  const plain = rows.map((row) => row.map(({ text, style }) => ({ text: escaped(text), style })));
  const shown = fitted(
    columns,
    plain.map((row) => row.map(({ text }) => text)),
    room,
  );
  const line = (row: readonly TableCell[]): string => {
    const cells = shown.map(({ at, width, right }) => {
      const { text, style } = row[at] ?? { text: '' };
      const whole = cut(text, width);
      return { text: right ? whole.padStart(width) : whole.padEnd(width), style };
    });
    return cellLine(cells, GAP, room, colour);
  };
  return [line(columns.map(({ title }) => ({ text: title, style: 'bold' as const }))), ...plain.map(line)];
}
