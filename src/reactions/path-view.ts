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

/**
 * How full a path would be if what a class sends on another went there too, as far as the hints know the load: the share of a link's rate,
 * which may exceed 1. Level alone can't tell, since the level of a path falls because the class has left it.
 */
export function loadWith(
  hints: HintTable,
  from: NetworkPath,
  to: NetworkPath,
  classIndex: number,
  nowMs: number,
): number {
  const shared = new Set(from.links);
  let own = 0;
  let others = 0;
  for (const link of from.links) own = Math.max(own, hints.utilization(link, classIndex, nowMs));
  for (const link of to.links) {
    if (!shared.has(link)) others = Math.max(others, hints.totalUtilization(link, nowMs));
  }
  return own + others;
}
