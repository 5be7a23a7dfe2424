import type { Move, NetworkPath } from '../core/index.ts';
import type { ClassRoute } from './class-route.ts';

/** Peers that have the same list of paths, and which path each class takes towards them. */
export interface Group {
  readonly paths: readonly NetworkPath[];
  readonly peers: string[];
  /** In the order in which they leave a congested path. */
  readonly routes: readonly ClassRoute[];
}

const MAX_PEERS = 4096;
/** Groups whose peers are gone are remembered for their penalties: paths that come and go must not set the damping back. */
const MAX_RETIRED = 64;

const keyOf = (paths: readonly NetworkPath[]): string =>
  JSON.stringify(paths.map(({ id, links }) => [id, links]));

/** Which peers decide as one, and what becomes of that when their lists of paths change. */
export class PeerGroups {
  readonly #newRoutes: (paths: readonly NetworkPath[]) => readonly ClassRoute[];
  readonly #keepMs: number;
  #groups = new Map<string, Group>();
  #groupOf = new Map<string, Group>();
  readonly #retired = new Map<string, { readonly group: Group; readonly atMs: number }>();

  /** @param options `keepMs`: for so long after its peers were gone a group still has its paths */
  constructor(options: {
    newRoutes: (paths: readonly NetworkPath[]) => readonly ClassRoute[];
    keepMs: number;
  }) {
    this.#newRoutes = options.newRoutes;
    this.#keepMs = options.keepMs;
  }

  get all(): readonly Group[] {
    return [...this.#groups.values()];
  }

  of(peer: string): Group | undefined {
    return this.#groupOf.get(peer);
  }

  /** @returns moves for peers whose path is gone, or who join others that have moved */
  set(peers: ReadonlyMap<string, readonly NetworkPath[]>, nowMs: number): readonly Move[] {
    const before = this.#groupOf;
    const groups = new Map<string, Group>();
    const groupOf = new Map<string, Group>();
    for (const [peer, paths] of peers) {
      if (groupOf.size >= MAX_PEERS) break;
      const key = keyOf(paths);
      let group = groups.get(key);
      if (group === undefined) {
        group = {
          paths,
          peers: [],
          routes: this.#groups.get(key)?.routes ?? this.#revive(key, paths, nowMs),
        };
        groups.set(key, group);
      }
      if (!this.#groups.has(key)) inherit(group, before.get(peer), nowMs);
      group.peers.push(peer);
      groupOf.set(peer, group);
    }
    this.#retire(groups, nowMs);
    this.#groups = groups;
    this.#groupOf = groupOf;
    return [...groupOf].flatMap(([peer, group]) => changes(peer, before.get(peer), group, nowMs));
  }

  #retire(groups: ReadonlyMap<string, Group>, nowMs: number): void {
    for (const [key, group] of this.#groups) {
      if (!groups.has(key)) this.#retired.set(key, { group, atMs: nowMs });
    }
    for (const key of groups.keys()) this.#retired.delete(key);
    for (const key of this.#retired.keys()) {
      if (this.#retired.size <= MAX_RETIRED) break;
      this.#retired.delete(key);
    }
  }

  /** The routes of a list of paths that was known before, where they were if that is not long ago; else new ones. */
  #revive(key: string, paths: readonly NetworkPath[], nowMs: number): readonly ClassRoute[] {
    const retired = this.#retired.get(key);
    if (retired === undefined) return this.#newRoutes(paths);
    const { routes } = retired.group;
    if (nowMs - retired.atMs > this.#keepMs) {
      for (const route of routes) route.settle(0, 'no-hints');
    }
    return routes;
  }
}

function changes(peer: string, old: Group | undefined, group: Group, atMs: number): Move[] {
  return group.routes.flatMap(({ classIndex, path: to, lastReason: reason }) => {
    const from = old?.routes.find((route) => route.classIndex === classIndex)?.path ?? 0;
    return from === to ? [] : [{ atMs, peer, classIndex, from, to, reason }];
  });
}

/** A peer's list of paths has changed: it stays on its path where that is still there, and what is held against moves still is. */
function inherit(group: Group, old: Group | undefined, nowMs: number): void {
  const isFirst = group.peers.length === 0;
  for (const route of group.routes) {
    const before = old?.routes.find(({ classIndex }) => classIndex === route.classIndex);
    if (old === undefined || before === undefined) continue;
    route.inherit(before, nowMs);
    if (!isFirst) continue;
    const id = old.paths[before.path]?.id;
    const to = before.path === 0 ? 0 : group.paths.findIndex((path) => path.id === id);
    if (to >= 0 && to < route.usable) route.settle(to, before.lastReason);
    else route.evict(nowMs);
  }
}
