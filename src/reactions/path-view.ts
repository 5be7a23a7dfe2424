import type { NetworkPath } from '../core/index.ts';
import type { HintTable } from './hint-table.ts';

/** What the hints say of one path for one class now. */
export interface PathView {
  /** The maximum over its links; 1 when it is dead. */
  readonly level: number;
  /** A link of it is down. */
  readonly dead: boolean;
  /** Something that holds is known of at least one link of it. */
  readonly heard: boolean;
}

export function viewPath(
  hints: HintTable,
  { links }: NetworkPath,
  classIndex: number,
  nowMs: number,
): PathView {
  let level = 0;
  let dead = false;
  let heard = false;
  for (const link of links) {
    level = Math.max(level, hints.level(link, classIndex, nowMs));
    dead ||= hints.dead(link, nowMs);
    heard ||= hints.heard(link, nowMs);
  }
  return { level, dead, heard };
}

/** How much is sent, as shares of a link's rate. Level alone can't tell: the level of a path falls because a class has left it. */
export interface Loads {
  /** What the class takes of the path that it is on; the maximum over its links. */
  readonly own: number;
  /** What all traffic takes of each path, links that are also on the present one left out; the maximum over the others. */
  readonly all: readonly number[];
}

export function loadsOf(
  hints: HintTable,
  paths: readonly NetworkPath[],
  here: number,
  classIndex: number,
  nowMs: number,
): Loads {
  const present = paths[here]?.links ?? [];
  let own = 0;
  for (const link of present) own = Math.max(own, hints.utilization(link, classIndex, nowMs));
  const all = paths.map(({ links }) => {
    let most = 0;
    for (const link of links) {
      if (!present.includes(link)) most = Math.max(most, hints.totalUtilization(link, nowMs));
    }
    return most;
  });
  return { own, all };
}
