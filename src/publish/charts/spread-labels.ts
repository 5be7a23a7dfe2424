const CHARACTER_PIXELS = 7.4;
const LINE_PIXELS = 15;
const GAP_PIXELS = 9;

/** A rectangle, pixels from the upper left corner. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A point that has a name, and what is drawn around it. */
export interface NamedPoint {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  /** What the name should not cover: its own marks and others'. */
  readonly marks: readonly Box[];
}

/** Where a name is written: it begins at `x`, or ends there. The line from the point leads to `x`, `y`. */
export interface PlacedName {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly align: 'left' | 'right';
  /** Whether it stands so far from its point that a line should lead there. */
  readonly isFar: boolean;
  readonly pointX: number;
  readonly pointY: number;
}

/**
 * Writes a name beside each of a few points: to the right or the left, straight or above or below, wherever it covers the fewest names
 * and marks, is closest and stays within the frame.
 */
export function spreadLabels(
  points: readonly NamedPoint[],
  frame: { readonly width: number; readonly height: number },
): PlacedName[] {
  const marks = points.flatMap((point) => point.marks);
  const taken: Box[] = [];
  return points.flatMap(({ text, x, y }) => {
    let best: { placed: PlacedName; box: Box; cost: number } | undefined;
    for (let shift = -5; shift <= 5; shift += 0.5) {
      for (const [align, gap] of [
        ['left', GAP_PIXELS],
        ['right', GAP_PIXELS],
        ['left', 4 * GAP_PIXELS],
        ['right', 4 * GAP_PIXELS],
      ] as const) {
        const at = align === 'left' ? x + gap : x - gap;
        const length = text.length * CHARACTER_PIXELS;
        const middle = y + shift * LINE_PIXELS;
        const box = {
          left: align === 'left' ? at : at - length,
          right: align === 'left' ? at + length : at,
          top: middle - LINE_PIXELS / 2,
          bottom: middle + LINE_PIXELS / 2,
        };
        const covered = (boxes: readonly Box[]) => boxes.filter((other) => overlap(box, other)).length;
        const outside =
          box.left < 0 || box.right > frame.width || box.top < 0 || box.bottom > frame.height ? 1 : 0;
        const far = Math.abs(shift) > 1.5 || gap > GAP_PIXELS;
        const cost =
          30 * covered(taken) +
          30 * outside +
          8 * covered(marks) +
          Math.abs(shift) +
          (far ? 2 : 0) +
          (align === 'right' ? 0.5 : 0);
        if (best !== undefined && cost >= best.cost) continue;
        const placed = { text, x: at, y: middle, align, isFar: far, pointX: x, pointY: y };
        best = { placed, box, cost };
      }
    }
    if (best === undefined) return [];
    taken.push(best.box);
    return [best.placed];
  });
}

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
