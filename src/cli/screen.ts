import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[H\u001b[J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** Synchronized output: a terminal that knows it shows what stands between the two at once; others ignore it. */
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
/** Of a terminal that does not know its size, as one over a serial line. */
const UNKNOWN_SIZE = { columns: 80, rows: 24 };

/**
 * What has to be written so that a screen that shows `before` shows `after`: the lines that differ, each in its place.
 * `before` undefined: what it shows is not known.
 */
export function screenUpdate(before: readonly string[] | undefined, after: readonly string[]): string {
  let update = '';
  for (const [at, line] of after.entries()) {
    if (before?.[at] !== line) update += `\u001b[${at + 1};1H${line}\u001b[K`;
  }
  if (before === undefined || before.length > after.length) update += `\u001b[${after.length + 1};1H\u001b[J`;
  return update === '' ? '' : `${BEGIN}${update}${END}`;
}

/** A terminal of which a command has the whole screen, and the keys. */
export interface Screen extends Disposable {
  readonly columns: number;
  readonly rows: number;
  /** Shows these lines, and nothing else. */
  draw(lines: readonly string[]): void;
}

/** What a screen tells of. */
export interface ScreenEvents {
  /** A key, as the terminal sends it; Ctrl-C is `\u0003`. */
  key(text: string): void;
  /** The size has changed. */
  resized(): void;
}

/**
 * Takes the whole screen until it is disposed of; then the terminal is as it was, also when the process ends in another way than by a
 * signal that nobody hears.
 */
export function openScreen(output: WriteStream, input: ReadStream | undefined, events: ScreenEvents): Screen {
  let shown: readonly string[] | undefined;
  const keys = input?.isTTY === true ? input : undefined;
  const onData = (bytes: Buffer): void => events.key(bytes.toString('latin1'));
  const onResize = (): void => {
    shown = undefined;
    events.resized();
  };
  const restore = (): void => {
    output.write(LEAVE);
    if (keys?.destroyed === false) keys.setRawMode(false);
  };
  process.once('exit', restore);
  output.on('resize', onResize);
  keys?.setRawMode(true);
  keys?.on('data', onData).resume();
  output.write(ENTER);
  return {
    get columns() {
      return output.columns || UNKNOWN_SIZE.columns;
    },
    get rows() {
      return output.rows || UNKNOWN_SIZE.rows;
    },
    draw(lines) {
      // Who does not read, as over a stuck connection, is shown the next frame instead of this one.
      if (output.writableNeedDrain) return;
      const update = screenUpdate(shown, lines);
      if (update !== '') output.write(update);
      shown = lines;
    },
    [Symbol.dispose]() {
      process.off('exit', restore);
      output.off('resize', onResize);
      keys?.off('data', onData).pause();
      restore();
    },
  };
}
