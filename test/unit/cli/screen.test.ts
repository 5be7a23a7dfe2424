import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { screenUpdate } from '../../../src/cli/screen.ts';

const ESCAPE = '\u001b';

/** A terminal as far as updates use it: rows of text, a cursor, and what clears. */
function obey(shown: readonly string[], update: string): string[] {
  const rows = [...shown];
  let row = 0;
  for (const part of update.split(new RegExp(`(${ESCAPE}\\[[?0-9;]*[A-Za-z])`))) {
    const at = new RegExp(`^${ESCAPE}\\[(\\d+);1H$`).exec(part)?.[1];
    if (at !== undefined) row = Number(at) - 1;
    else if (part === `${ESCAPE}[J`) rows.splice(row);
    else if (part !== '' && !part.startsWith(ESCAPE)) {
      // What it writes over stays behind what it has written, until it is cleared.
      rows[row] = part + (rows[row] ?? '').slice(part.length);
    } else if (part === `${ESCAPE}[K`) {
      const written = update.split(`${ESCAPE}[${row + 1};1H`)[1]?.split(`${ESCAPE}[K`)[0] ?? '';
      rows[row] = written;
    }
  }
  return Array.from(rows, (line) => line ?? '');
}

describe('the update of a screen', () => {
  it('is nothing where nothing has changed, and one line where one has', () => {
    expect(screenUpdate(['a', 'b'], ['a', 'b'])).toBe('');
    const update = screenUpdate(['a', 'b', 'c'], ['a', 'B', 'c']);
    expect(update).toContain(`${ESCAPE}[2;1HB${ESCAPE}[K`);
    expect(update).not.toContain('a');
    expect(update).not.toContain(`${ESCAPE}[J`);
  });

  it('stands between the marks that let a terminal show it at once', () => {
    const update = screenUpdate(undefined, ['a']);
    expect(update.startsWith(`${ESCAPE}[?2026h`)).toBe(true);
    expect(update.endsWith(`${ESCAPE}[?2026l`)).toBe(true);
  });

  it('makes of any screen any other', () => {
    const lines = fc.array(fc.stringMatching(/^[a-c]{0,3}$/), { maxLength: 6 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        expect(obey(before, screenUpdate(before, after))).toEqual(after);
        expect(obey(before, screenUpdate(undefined, after))).toEqual(after);
      }),
    );
  });
});
