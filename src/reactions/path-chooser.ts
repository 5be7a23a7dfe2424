import type { DampingSettings, Move, MoveReason, NetworkPath, Random, RequestClass } from '../core/index.ts';
import { ClassRoute, type Proposal } from './class-route.ts';
import type { HintTable } from './hint-table.ts';
import { loadsOf, type PathView, viewPath } from './path-view.ts';
import { type Group, PeerGroups } from './peer-groups.ts';

/** What a chooser tells about itself. */
export interface PathChooserStatistics {
  readonly moves: Readonly<Record<MoveReason, number>>;
  readonly groups: readonly {
    /** The first few of them. */
    readonly peers: readonly string[];
    readonly peerCount: number;
    readonly paths: readonly string[];
    readonly classes: readonly {
      readonly class: string;
      readonly path: string;
      readonly level: number;
      readonly penalty: number;
      /** How often in a row going back was wrong. */
      readonly failedReturns: number;
    }[];
  }[];
}

export interface PathChooserOptions {
  /** In order of rank. */
  readonly classes: readonly RequestClass[];
  /** Whose paths it chooses. */
  readonly classIndices: readonly number[];
  /** Whose paths the controller chooses, unseen from here: such a class counts as congested when all paths are. */
  readonly controllerClassIndices?: readonly number[];
  readonly damping: DampingSettings;
  readonly hints: HintTable;
  readonly random: Random;
}

/** So many peers of a group stand in the statistics. */
const TOLD_PEERS = 8;
/** Chooses which path the packets of each class take. The law is in `docs/guides/path-damping.md`. */
export class PathChooser {
  readonly #options: PathChooserOptions;
  readonly #controlled: ReadonlySet<number>;
  readonly #groups: PeerGroups;
  readonly #moves: Record<MoveReason, number> = { congested: 0, dead: 0, calm: 0, 'no-hints': 0 };
  #silentSinceMs: number | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor(options: PathChooserOptions) {
    this.#options = options;
    this.#groups = new PeerGroups({
      newRoutes: (paths) => this.#newRoutes(paths),
      keepMs: options.damping.returnAfterMs,
    });
    this.#controlled = new Set(options.controllerClassIndices ?? []);
  }

  /** When the next decision may fall without a new hint; infinity for never. Valid after {@link decide}. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** A stream of chance for those who decide by what this one knows. */
  stream(name: string): Random {
    return this.#options.random.child(name);
  }

  /** Whether paths to this peer are known. */
  knows(peer: string): boolean {
    return this.#groups.of(peer) !== undefined;
  }

  /** One peer of each group that decides as one. */
  get representatives(): readonly string[] {
    return this.#groups.all.flatMap(({ peers }) => peers.slice(0, 1));
  }

  /**
   * The paths towards each peer, the default first. Peers beyond the limit of 4,096 keep the default path.
   * @returns moves for peers whose path is gone, or who join others that have moved
   */
  setPeers(peers: ReadonlyMap<string, readonly NetworkPath[]>, nowMs: number): readonly Move[] {
    this.#nowMs = nowMs;
    return this.#groups.set(peers, nowMs);
  }

  /** The position of the path that a class takes towards a peer; 0 is the default. */
  pathOf(peer: string, classIndex: number): number {
    return this.#routeOf(peer, classIndex)?.path ?? 0;
  }

  /** Looks at the hints as they are now, and moves what has to. To be called when hints came and when {@link dueMs} is reached. */
  decide(nowMs: number): readonly Move[] {
    this.#nowMs = nowMs;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const { hints, damping } = this.#options;
    if (hints.fresh(nowMs)) this.#silentSinceMs = undefined;
    else this.#silentSinceMs ??= nowMs;
    const moves: Move[] = [];
    for (const group of this.#groups.all) {
      const views = new Map(
        group.routes.map((route) => [route, this.#views(group, route.classIndex, nowMs)]),
      );
      for (const [route, seen] of views) {
        route.observe(seen, loadsOf(hints, group.paths, route.path, route.classIndex, nowMs), nowMs);
      }
      if (this.#silentSinceMs !== undefined) {
        const dueMs = this.#silentSinceMs + damping.returnAfterMs;
        for (const route of group.routes) {
          const proposal = route.withoutHints(nowMs);
          if (proposal === undefined) continue;
          this.#make(group, route, { ...proposal, dueMs: Math.max(dueMs, proposal.dueMs) }, nowMs, moves);
        }
        continue;
      }
      for (const [route, seen] of views) {
        const proposal =
          route.flight(seen, nowMs) ??
          route.escape(seen, nowMs, (sinceMs) => this.#escalation(route, views, sinceMs));
        this.#make(group, route, proposal, nowMs, moves);
      }
      for (const route of group.routes.toReversed()) {
        const proposal = route.homecoming(nowMs);
        if (this.#make(group, route, proposal, nowMs, moves)) break;
      }
    }
    return moves;
  }

  /** How congested the path is that a class takes towards a peer, 0 to 1; of several that the controller chooses from, the best. */
  level(peer: string, classIndex: number, nowMs: number): number {
    const group = this.#groups.of(peer);
    if (group === undefined || group.paths.length === 0) return 0;
    const views = this.#views(group, classIndex, nowMs);
    if (this.#controlled.has(classIndex)) return Math.min(...views.map((view) => view.level));
    return views[this.pathOf(peer, classIndex)]?.level ?? 0;
  }

  /** Whether a class hurts on its way to a peer and no other path helps, or not soon. */
  exhausted(peer: string, classIndex: number, nowMs: number): boolean {
    const { damping } = this.#options;
    if (this.level(peer, classIndex, nowMs) < damping.congestedLevel) return false;
    const group = this.#groups.of(peer);
    const route = this.#routeOf(peer, classIndex);
    if (group === undefined || route === undefined) return true;
    const views = this.#views(group, classIndex, nowMs);
    if (views[route.path]?.dead === true) return route.flight(views, nowMs) === undefined;
    return route.wayOut(views) === undefined || route.moveAllowedMs(nowMs) > nowMs + damping.escalateMs;
  }

  statistics(): PathChooserStatistics {
    const nowMs = this.#nowMs;
    const { classes } = this.#options;
    return {
      moves: { ...this.#moves },
      groups: this.#groups.all.map((group) => ({
        peers: group.peers.slice(0, TOLD_PEERS),
        peerCount: group.peers.length,
        paths: group.paths.map(({ id }) => id),
        classes: group.routes.map((route) => ({
          class: classes[route.classIndex]?.name ?? '',
          path: group.paths[route.path]?.id ?? '',
          level: this.#views(group, route.classIndex, nowMs)[route.path]?.level ?? 0,
          penalty: route.penalty.value(nowMs),
          failedReturns: route.failures,
        })),
      })),
    };
  }

  #routeOf(peer: string, classIndex: number): ClassRoute | undefined {
    return this.#groups.of(peer)?.routes.find((route) => route.classIndex === classIndex);
  }

  #views(group: Group, classIndex: number, nowMs: number): PathView[] {
    return group.paths.map((path) => viewPath(this.#options.hints, path, classIndex, nowMs));
  }

  /** Classes that leave earlier go first: this one waits until they have gone and what that brought is seen. */
  #escalation(
    route: ClassRoute,
    views: ReadonlyMap<ClassRoute, readonly PathView[]>,
    hurtingSinceMs: number,
  ): number {
    const { escalateMs, calmLevel } = this.#options.damping;
    const ahead = new Set<number>();
    let dueMs = hurtingSinceMs;
    for (const [other, seen] of views) {
      if (other.moveOrder >= route.moveOrder || other.usable < 2) continue;
      dueMs = Math.max(dueMs, other.leftMs(route.path) + escalateMs);
      if (other.path === route.path && (seen[route.path]?.level ?? 0) > calmLevel) ahead.add(other.moveOrder);
    }
    return Math.max(dueMs, hurtingSinceMs + ahead.size * escalateMs);
  }

  /** Moves when it is time to, or remembers when it will be. */
  #make(
    group: Group,
    route: ClassRoute,
    proposal: Proposal | undefined,
    nowMs: number,
    moves: Move[],
  ): boolean {
    if (proposal === undefined) return false;
    if (proposal.dueMs > nowMs) {
      this.#dueMs = Math.min(this.#dueMs, proposal.dueMs);
      return false;
    }
    const { path: from, classIndex } = route;
    const { to, reason } = proposal;
    route.move(proposal, nowMs);
    this.#moves[reason] += 1;
    for (const other of group.routes) {
      if (other !== route) other.loadChanged(to, nowMs);
    }
    for (const peer of group.peers) moves.push({ atMs: nowMs, peer, classIndex, from, to, reason });
    return true;
  }

  #newRoutes(paths: readonly NetworkPath[]): ClassRoute[] {
    const { classes, classIndices, damping, random } = this.#options;
    const routes = classIndices.flatMap((classIndex) => {
      const network = classes[classIndex]?.network;
      if (network === undefined) return [];
      return new ClassRoute({
        classIndex,
        moveOrder: network.moveOrder,
        returns: network.path === 'default',
        usable: Math.max(1, Math.min(paths.length, 1 + network.alternateDscp.length)),
        damping,
        random,
      });
    });
    return routes.sort((a, b) => a.moveOrder - b.moveOrder);
  }
}
