import type { CcdfPoint } from '../../analysis/index.ts';

/** The drawing area of a chart with two logarithmic axes. */
export interface LogFrame {
  readonly width: number;
  readonly height: number;
  readonly latencies: readonly [number, number];
  readonly shares: readonly [number, number];
}

const CHARACTER_PIXELS = 7.2;
const LINE_PIXELS = 15;
const GAP_PIXELS = 5;

interface Pixel {
  readonly x: number;
  readonly y: number;
}

interface Box {
  readonly left: number;
  readonly right: number;
  /** Middle of the line of text. */
  readonly y: number;
}

/**
 * Picks for every curve the point where its name is written, to the right of the point: as far down the tail as it goes
 * without running over another name, another curve or the frame. When every place is crowded, the least crowded is taken.
 */
export function placeLabels(
  curves: readonly { readonly arm: string; readonly points: readonly CcdfPoint[] }[],
  frame: LogFrame,
): { arm: string; latencyMs: number; share: number }[] {
  const toPixel = (point: CcdfPoint): Pixel => ({
    x: position(point.latencyMs, frame.latencies) * frame.width,
    y: (1 - position(point.share, frame.shares)) * frame.height,
  });
  const drawn = curves.map(({ points }) => points.map(toPixel));
  const boxes: Box[] = [];
  return curves.flatMap(({ arm, points }) => {
    let best: { point: CcdfPoint; cost: number; box: Box } | undefined;
    for (let index = points.length - 1; index >= 0; index -= 1) {
      const point = points[index] as CcdfPoint;
      const { x, y } = toPixel(point);
      const box = { left: x + GAP_PIXELS, right: x + GAP_PIXELS + arm.length * CHARACTER_PIXELS, y };
      const names = boxes.filter(
        (other) => Math.abs(other.y - y) < LINE_PIXELS && other.left < box.right && box.left < other.right,
      ).length;
      const lines = drawn.filter((pixels) => crossed(pixels, box)).length;
      const outside = box.right > frame.width || y > frame.height - 6 || y < 8 ? 1 : 0;
      const cost = names * 10 + outside * 10 + lines * 3 + index / -1e4;
      if (best === undefined || cost < best.cost) best = { point, cost, box };
    }
    if (best === undefined) return [];
    boxes.push(best.box);
    return [{ arm, latencyMs: best.point.latencyMs, share: best.point.share }];
  });
}

/** Whether a curve, drawn in steps (across, then down), runs through a name. */
function crossed(pixels: readonly Pixel[], box: Box): boolean {
  return pixels.some((from, index) => {
    const to = pixels[index + 1] ?? from;
    const across = Math.abs(from.y - box.y) < LINE_PIXELS / 2 && from.x < box.right && to.x > box.left;
    const down =
      to.x > box.left &&
      to.x < box.right &&
      to.y > box.y - LINE_PIXELS / 2 &&
      from.y < box.y + LINE_PIXELS / 2;
    return across || down;
  });
}

function position(value: number, [low, high]: readonly [number, number]): number {
  return Math.log(value / low) / Math.log(high / low);
}
