import { styleText } from 'node:util';

/** Characters that a terminal obeys or hides: controls, formats (with those that turn the direction of writing), line separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text that may stand on a terminal: what a terminal would obey is written as JSON would escape it. */
export function escaped(text: string): string {
  return text.replaceAll(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** How a text looks on a terminal. */
export type Style = Parameters<typeof styleText>[0];

/** Gives a text its look, whatever standard output is. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}

const CLASS_STYLES = ['cyan', 'yellow', 'magenta', 'blue'] as const;

/** How the class of a rank looks, 0 being the most important; later ones have the last look. */
export function classStyle(rank: number): Style {
  return CLASS_STYLES[Math.min(rank, CLASS_STYLES.length - 1)] ?? 'blue';
}
