import { isIP } from 'node:net';
import type { ClassCongestion, Hint, NetworkPath } from '../core/index.ts';
import { CONTROL_LIMITS } from './limits.ts';
import type { WireClass, WireHint, WireHints, WirePaths } from './messages.ts';

/** Names of switches, hosts and paths, of every controller that is spoken to. */
const NAME = /^[A-Za-z0-9_.:/-]{1,64}$/;
const LINK = /^[A-Za-z0-9_.:/-]{1,64}>[A-Za-z0-9_.:/-]{1,64}$/;
const CLASS_NAME = /^[a-z][a-z0-9_-]{0,31}$/;

/** Whether a text is the name of a switch, a host or a path. */
export const isNetworkName = (text: string): boolean => NAME.test(text);

/** Whether a text is the id of a directed link. */
export const isLinkId = (text: string): boolean => LINK.test(text);

/** Whether a text may be the name of a class or a service. */
export const isClassName = (text: string): boolean => CLASS_NAME.test(text);

/** Whether a number is finite and in a range, the ends included. */
export function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** Whether a number is a whole one that a double holds exactly. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** What a list of messages came to: what is sound, and how much was not. */
export interface Read<Value> {
  readonly values: readonly Value[];
  /** How many were dropped. */
  readonly dropped: number;
}

function readClass(wire: WireClass): ClassCongestion | undefined {
  const { level, queueingDelayMs, utilization, lossRatio } = wire;
  const sound =
    within(level, 0, 1) &&
    within(queueingDelayMs, 0, CONTROL_LIMITS.queueingDelayMs) &&
    within(utilization, 0, 1) &&
    within(lossRatio, 0, 1);
  return sound ? { level, queueingDelayMs, utilization, lossRatio } : undefined;
}

/** One hint, or nothing where a part of it is not sound: half a hint would lie. */
export function readHint(wire: WireHint): Hint | undefined {
  const { link, epoch, sequence, ttlMs, down, classes, utilization = 0 } = wire;
  if (!isLinkId(link) || !isCount(epoch) || !isCount(sequence)) return undefined;
  if (!within(ttlMs, Number.MIN_VALUE, CONTROL_LIMITS.ttlMs)) return undefined;
  if (classes.length > CONTROL_LIMITS.classes || !within(utilization, 0, 1)) return undefined;
  // No prototype: a class may be named `constructor`.
  const read: Record<string, ClassCongestion> = Object.create(null);
  for (const one of classes) {
    const congestion = readClass(one);
    if (congestion === undefined || !isClassName(one.name) || one.name in read) return undefined;
    read[one.name] = congestion;
  }
  const hint = { link, epoch, sequence, ttlMs, down, classes: read };
  return utilization > 0 ? { ...hint, utilization } : hint;
}

/** The sound hints of a message. */
export function readHints({ hints }: WireHints): Read<Hint> {
  const values = hints
    .slice(0, CONTROL_LIMITS.links)
    .map(readHint)
    .filter((hint) => hint !== undefined);
  return { values, dropped: hints.length - values.length };
}

/** The paths to each peer, or nothing where the table is not sound: a table with holes would send packets elsewhere than it says. */
export function readPaths({ groups }: WirePaths): ReadonlyMap<string, readonly NetworkPath[]> | undefined {
  const table = new Map<string, readonly NetworkPath[]>();
  for (const { peers, paths } of groups) {
    if (paths.length === 0 || paths.length > CONTROL_LIMITS.pathsPerPeer) return undefined;
    if (new Set(paths.map(({ id }) => id)).size !== paths.length) return undefined;
    const sound = paths.every(
      ({ id, links }) =>
        isNetworkName(id) && links.length <= CONTROL_LIMITS.linksPerPath * 2 && links.every(isLinkId),
    );
    if (!sound) return undefined;
    const list = paths.map(({ id, links }) => ({ id, links: [...links] }));
    for (const peer of peers) {
      if (isIP(peer) === 0 || table.has(peer)) return undefined;
      table.set(peer, list);
      if (table.size > CONTROL_LIMITS.hosts * CONTROL_LIMITS.addressesPerHost) return undefined;
    }
  }
  return table;
}
