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

/** With this much of a link's rate in use its queue grows on its own (utilization, 0 to 1). */
const FULL = 0.9;

/**
 * Whether what a class sends on one path would still fit on another, as far as the hints know the load: level alone can't tell, since the
 * level of a path falls because the class has left it.
 */
export function hasRoom(
  hints: HintTable,
  from: NetworkPath,
  to: NetworkPath,
  classIndex: number,
  nowMs: number,
): boolean {
  const shared = new Set(from.links);
  let own = 0;
  for (const link of from.links) own = Math.max(own, hints.utilization(link, classIndex, nowMs));
  return to.links.every((link) => shared.has(link) || hints.totalUtilization(link, nowMs) + own <= FULL);
}
