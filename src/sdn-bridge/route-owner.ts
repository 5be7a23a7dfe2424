import type { Topology } from '../control-protocol/index.ts';
import {
  type Clock,
  type Hint,
  type Logger,
  type Move,
  messageOf,
  type NetworkPath,
  type RequestClass,
} from '../core/index.ts';
import type { NetworkLog } from './network-log.ts';
import type { Northbound, Routes } from './northbound/northbound.ts';
import { pause } from './northbound/retry.ts';

/** The one peer that a controller decides for: everybody. */
const PEER = 'network';

/** What decides which class takes which path: a path chooser of the reactions, with the hints that it goes by. */
export interface Chooser {
  accept(hint: Hint, nowMs: number): void;
  setPeers(peers: ReadonlyMap<string, readonly NetworkPath[]>, nowMs: number): readonly Move[];
  decide(nowMs: number): readonly Move[];
}

/** What a {@link RouteOwner} works with. */
export interface RouteOwnerOptions {
  /** All classes of the policy, in order of rank. */
  readonly classes: readonly RequestClass[];
  readonly chooser: Chooser;
  readonly northbound: Pick<Northbound, 'moveClass' | 'unmoveClass'>;
  readonly log: NetworkLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 200;
const CLOSE_TIMEOUT_MS = 2000;

interface Wanted {
  /** A path id; undefined for the default path. */
  readonly path: string | undefined;
  /** The move that has not been made yet, to be logged when it is. */
  readonly move:
    | { readonly class: string; readonly from: string; readonly to: string; readonly reason: string }
    | undefined;
}

/**
 * The paths of a whole network, the default first: paths of one name between several pairs of switches are one path, which crosses
 * all their links, there and back.
 */
export function networkPaths({ paths }: Topology): NetworkPath[] {
  const named = new Map<string, Set<string>>();
  const first = paths.find((path) => path.default);
  if (first === undefined) return [];
  for (const path of [...paths].sort((a, b) => Number(b.default) - Number(a.default))) {
    const id = path.default ? first.id : path.id;
    const links = named.get(id) ?? new Set();
    for (const link of [...path.forward, ...path.backward]) links.add(link);
    named.set(id, links);
  }
  return [...named].map(([id, links]) => ({ id, links: [...links] }));
}

/** Moves the classes whose path the controller owns, by the marks of their packets, and sees to it that they stay where they should. */
export class RouteOwner {
  readonly #options: RouteOwnerOptions;
  readonly #wanted = new Map<number, Wanted>();
  /** What the controller has, for the marks that were ever wanted; undefined while it is not known. */
  #actual: Map<number, string> | undefined;
  #paths: readonly NetworkPath[] = [];
  readonly #closing = new AbortController();
  #busy = false;
  #reconciling: Promise<void> | undefined;

  constructor(options: RouteOwnerOptions) {
    this.#options = options;
  }

  /** Takes in what the controller knows of the network. */
  topology(topology: Topology, nowMs: number): void {
    const paths = networkPaths(topology);
    const moves = this.#options.chooser.setPeers(new Map([[PEER, paths]]), nowMs);
    this.#take(moves);
    this.#paths = paths;
  }

  hints(hints: readonly Hint[], nowMs: number): void {
    for (const hint of hints) this.#options.chooser.accept(hint, nowMs);
  }

  /** Takes in which packets the controller steers where. */
  routes({ marks }: Routes): void {
    this.#actual = new Map(marks);
    this.#reconcile();
  }

  /** The controller is away: nothing is decided until it tells its routes again. */
  lost(): void {
    this.#actual = undefined;
  }

  /** Lets the chooser decide. */
  decide(nowMs: number): void {
    if (this.#actual === undefined || this.#closing.signal.aborted) return;
    this.#take(this.#options.chooser.decide(nowMs));
  }

  /** Takes back what was moved, where the controller can be reached, and ends. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reconciling;
    const late = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
    for (const dscp of this.#wanted.keys()) {
      if (late.aborted || this.#actual?.has(dscp) !== true) continue;
      await this.#make(dscp, undefined);
    }
  }

  #take(moves: readonly Move[]): void {
    for (const { classIndex, from, to, reason } of moves) {
      const one = this.#options.classes[classIndex];
      const target = this.#paths[to];
      if (one === undefined || target === undefined) continue;
      const source = this.#paths[from]?.id ?? '';
      this.#wanted.set(one.mark.dscp, {
        path: to === 0 ? undefined : target.id,
        move: { class: one.name, from: source, to: target.id, reason },
      });
    }
    if (moves.length > 0) this.#reconcile();
  }

  #reconcile(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#reconciling = this.#reconcileAll();
  }

  async #reconcileAll(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const next = [...this.#wanted].find(
        ([dscp, { path, move }]) => move !== undefined || this.#actual?.get(dscp) !== path,
      );
      if (next === undefined || this.#actual === undefined) break;
      const [dscp, wanted] = next;
      if (!(await this.#make(dscp, wanted.path))) {
        await pause(this.#options.clock, RETRY_MS, signal);
        continue;
      }
      if (wanted.move !== undefined) {
        const timeMs = this.#options.clock.nowMs();
        this.#options.log.write({ event: 'move', timeMs, owner: 'controller', ...wanted.move });
      }
      // It may have been decided otherwise meanwhile.
      if (this.#wanted.get(dscp) === wanted) this.#wanted.set(dscp, { path: wanted.path, move: undefined });
    }
    // With no await since the last look, so that what is wanted from now on begins anew.
    this.#busy = false;
  }

  async #make(dscp: number, path: string | undefined): Promise<boolean> {
    const { northbound, logger, clock } = this.#options;
    const startMs = clock.nowMs();
    try {
      if (path === undefined) {
        await northbound.unmoveClass(dscp);
        this.#actual?.delete(dscp);
      } else {
        await northbound.moveClass(dscp, path);
        this.#actual?.set(dscp, path);
      }
      const tookMs = Math.round(clock.nowMs() - startMs);
      logger.log('info', 'a class was moved', { dscp, path: path ?? 'default', tookMs });
      return true;
    } catch (error) {
      logger.log('warn', 'a class could not be moved', {
        dscp,
        path: path ?? 'default',
        cause: messageOf(error),
      });
      return false;
    }
  }
}
