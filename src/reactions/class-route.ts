import type { DampingSettings, MoveReason, Random } from '../core/index.ts';
import { AverageLoads } from './average-loads.ts';
import type { Loads, PathView } from './path-view.ts';
import { Penalty } from './penalty.ts';

/** A move that a class would make. */
export interface Proposal {
  readonly to: number;
  readonly reason: MoveReason;
  /** It may be made from then on. */
  readonly dueMs: number;
}

/** The first time that a class leaves a congested path it waits for up to this long: not all sidecars in one millisecond. */
const JITTER_MS = 25;
/** Each attempt to go back that fails makes the next one wait for this many times as long ... */
const RETRY_FACTOR = 8;
/** ... and this is how often it grows. */
const MAX_FAILURES = 2;
/** Waits are stretched by up to this much, each sidecar's by its own: who comes back later sees what those before have done. */
const SPREAD = 0.5;
/** Levels that differ by less are alike: hints are sent for changes of this size. */
const ALIKE = 0.05;

/** Which path one class takes towards one group of peers, and what it remembers so as not to flap. */
export class ClassRoute {
  readonly classIndex: number;
  readonly moveOrder: number;
  /** How many of the paths, from the first on, it has marks for. */
  readonly usable: number;
  readonly #returns: boolean;
  readonly #damping: DampingSettings;
  readonly #random: Random;
  readonly penalty: Penalty;
  path = 0;
  lastReason: MoveReason = 'congested';
  #lastMoveMs = Number.NEGATIVE_INFINITY;
  /** When it last left each path because of congestion. */
  readonly #leftMs: number[];
  readonly #calmSinceMs: (number | undefined)[];
  /** Since when the first path has been calm and had room for what this class sends. */
  #homeSinceMs: number | undefined;
  readonly #loads: AverageLoads;
  /** Paths that it has left: the level there fell because it left, so that calm counts only when it has lasted. */
  readonly #suspect: boolean[];
  readonly #visited: boolean[];
  #spread = 1;
  #hurtingSinceMs: number | undefined;
  #jitterMs = 0;
  /** It is on a path that it had left before, and nothing is known yet about whether that was right. */
  #onTrial = false;
  #failures = 0;
  #flightsMs: number[] = [];
  /** What was last heard of each path, also when nothing is heard any more. */
  readonly #lastDead: boolean[];

  constructor(options: {
    classIndex: number;
    moveOrder: number;
    returns: boolean;
    usable: number;
    damping: DampingSettings;
    random: Random;
  }) {
    this.classIndex = options.classIndex;
    this.moveOrder = options.moveOrder;
    this.usable = options.usable;
    this.#returns = options.returns;
    this.#damping = options.damping;
    this.#random = options.random;
    const { penaltyHalfLifeMs, maxPenalty } = options.damping;
    this.penalty = new Penalty(penaltyHalfLifeMs, maxPenalty + 1);
    this.#leftMs = new Array(options.usable).fill(Number.NEGATIVE_INFINITY);
    this.#calmSinceMs = new Array(options.usable).fill(undefined);
    this.#loads = new AverageLoads(options.usable, options.damping.returnAfterMs);
    this.#suspect = new Array(options.usable).fill(false);
    this.#visited = new Array(options.usable).fill(false);
    this.#lastDead = new Array(options.usable).fill(false);
  }

  /** When it last left a path because of congestion; minus infinity for never. */
  leftMs(path: number): number {
    return this.#leftMs[path] ?? Number.NEGATIVE_INFINITY;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Advances the timers; once before each decision. */
  observe(views: readonly PathView[], loads: Loads, nowMs: number): void {
    const { calmLevel, congestedLevel, returnAfterMs } = this.#damping;
    this.#loads.follow(loads, this.path, nowMs);
    for (let path = 0; path < this.usable; path += 1) {
      const view = views[path];
      if (view?.heard === true) this.#lastDead[path] = view.dead;
      const calm = view?.heard === true && !view.dead && view.level <= calmLevel && !this.#loads.isFull(path);
      const since = calm ? (this.#calmSinceMs[path] ?? nowMs) : undefined;
      this.#calmSinceMs[path] = since;
      if (since !== undefined && path !== this.path && since + this.#waitMs() <= nowMs) {
        this.#suspect[path] = false;
      }
    }
    this.#homeSinceMs =
      this.#loads.fits(0) && this.#calmSinceMs[0] !== undefined ? (this.#homeSinceMs ?? nowMs) : undefined;
    const here = views[this.path];
    const hurts = here !== undefined && !here.dead && here.level >= congestedLevel;
    if (hurts && this.#hurtingSinceMs === undefined) this.#beginHurting(nowMs);
    if (!hurts) this.#hurtingSinceMs = undefined;
    if (this.#onTrial && nowMs - this.#lastMoveMs > returnAfterMs * RETRY_FACTOR ** this.#failures) {
      this.#onTrial = false;
      this.#failures = 0;
      this.#visited.fill(false);
    }
  }

  /** Another class has come to this path: what was seen of it before says less. */
  loadChanged(path: number, nowMs: number): void {
    if (path === this.path) return;
    if (this.#calmSinceMs[path] !== undefined) this.#calmSinceMs[path] = nowMs;
    if (path === 0 && this.#homeSinceMs !== undefined) this.#homeSinceMs = nowMs;
  }

  /** Leaves a path on which nothing passes, whatever else holds, but no more than once for each other path in a hold time. */
  flight(views: readonly PathView[], nowMs: number): Proposal | undefined {
    if (views[this.path]?.dead !== true) return undefined;
    const alive = this.#others(views).filter((path) => views[path]?.dead === false);
    const heard = alive.filter((path) => views[path]?.heard === true);
    const to = this.#lowest(heard.length > 0 ? heard : alive, views);
    if (to === undefined) return undefined;
    const recent = this.#flightsMs.filter((atMs) => nowMs - atMs < this.#damping.minHoldMs);
    const oldest = recent[recent.length - (this.usable - 1)];
    return {
      to,
      reason: 'dead',
      dueMs: oldest === undefined ? nowMs : oldest + this.#damping.minHoldMs,
    };
  }

  /** Where it could go from a congested path. */
  wayOut(views: readonly PathView[]): number | undefined {
    const { minGain } = this.#damping;
    const here = views[this.path]?.level ?? 0;
    const better = this.#others(views).filter((path) => {
      const view = views[path];
      return view?.heard && !view.dead && this.#suspect[path] === false && view.level <= here - minGain;
    });
    return this.#lowest(better, views);
  }

  /** @param escalation from when on classes that leave before it let it go, given since when it hurts */
  escape(
    views: readonly PathView[],
    nowMs: number,
    escalation: (hurtingSinceMs: number) => number,
  ): Proposal | undefined {
    if (this.#hurtingSinceMs === undefined) return undefined;
    const to = this.wayOut(views);
    if (to === undefined) return undefined;
    const dueMs = Math.max(
      this.#hurtingSinceMs + this.#jitterMs,
      escalation(this.#hurtingSinceMs),
      this.moveAllowedMs(nowMs),
    );
    return { to, reason: 'congested', dueMs };
  }

  /** From when on hold time and penalty let it leave a congested path. */
  moveAllowedMs(nowMs: number): number {
    const { minHoldMs, maxPenalty } = this.#damping;
    return Math.max(this.#lastMoveMs + minHoldMs, this.penalty.allowedAtMs(maxPenalty, nowMs));
  }

  /** Goes back to the first path when that has been calm, with room, for long enough. It leaves room in the penalty to flee once more. */
  homecoming(nowMs: number): Proposal | undefined {
    const since = this.#homeSinceMs;
    if (this.path === 0 || !this.#returns || since === undefined) return undefined;
    const { minHoldMs, maxPenalty } = this.#damping;
    const dueMs = Math.max(
      since + this.#waitMs(),
      this.#lastMoveMs + minHoldMs,
      this.penalty.allowedAtMs(Math.max(1, maxPenalty - 1), nowMs),
    );
    return { to: 0, reason: 'calm', dueMs };
  }

  /** Goes back to the first path since nothing is known any more, unless the last that was known is that it is dead. */
  withoutHints(nowMs: number): Proposal | undefined {
    if (this.path === 0) return undefined;
    if (this.#lastDead[0] === true && this.#lastDead[this.path] === false) return undefined;
    return {
      to: 0,
      reason: 'no-hints',
      dueMs: Math.max(nowMs, this.#lastMoveMs + this.#damping.minHoldMs),
    };
  }

  move({ to, reason }: Proposal, nowMs: number): void {
    const from = this.path;
    if (reason === 'congested') this.#leftMs[from] = nowMs;
    if (reason === 'dead') {
      this.#flightsMs = [...this.#flightsMs, nowMs].slice(-(this.usable - 1));
    }
    if (reason === 'congested' || reason === 'dead') {
      this.#suspect[from] = true;
      this.#visited[from] = true;
    }
    this.#calmSinceMs[from] = undefined;
    this.#homeSinceMs = undefined;
    this.#suspect[to] = false;
    this.#onTrial = this.#visited[to] === true && reason !== 'dead';
    this.#spread = 1 + SPREAD * this.#random.next();
    this.#hurtingSinceMs = undefined;
    this.#lastMoveMs = nowMs;
    this.path = to;
    this.lastReason = reason;
    this.penalty.charge(nowMs);
  }

  /** Begins on a path that it is on already under another list of paths. */
  settle(path: number, reason: MoveReason): void {
    this.path = path;
    this.lastReason = reason;
    this.#hurtingSinceMs = undefined;
  }

  /** The path that it was on is gone. */
  evict(nowMs: number): void {
    this.settle(0, 'dead');
    this.#lastMoveMs = nowMs;
    this.penalty.charge(nowMs);
  }

  /** Takes over what is held against moves of another route. */
  inherit(other: ClassRoute, nowMs: number): void {
    this.penalty.inherit(other.penalty, nowMs);
    this.#lastMoveMs = Math.max(this.#lastMoveMs, other.#lastMoveMs);
    this.#failures = Math.max(this.#failures, other.#failures);
    this.#flightsMs = [...this.#flightsMs, ...other.#flightsMs]
      .sort((a, b) => a - b)
      .slice(-Math.max(1, this.usable - 1));
  }

  #beginHurting(nowMs: number): void {
    this.#hurtingSinceMs = nowMs;
    // Who has moved of late and hurts again may be one of many that moved together: next time each goes at its own time.
    const widthMs = this.penalty.value(nowMs) > 0 ? this.#damping.minHoldMs : JITTER_MS;
    this.#jitterMs = widthMs * this.#random.next();
    if (this.#onTrial && nowMs - this.#lastMoveMs <= this.#damping.returnAfterMs) {
      this.#failures = Math.min(this.#failures + 1, MAX_FAILURES);
      this.#onTrial = false;
    }
  }

  #waitMs(): number {
    return this.#damping.returnAfterMs * RETRY_FACTOR ** this.#failures * this.#spread;
  }

  #others(views: readonly PathView[]): number[] {
    const count = Math.min(this.usable, views.length);
    return Array.from({ length: count }, (_, path) => path).filter((path) => path !== this.path);
  }

  /** One of those with the lowest level, by lot. */
  #lowest(paths: readonly number[], views: readonly PathView[]): number | undefined {
    const levels = paths.map((path) => views[path]?.level ?? 1);
    const least = Math.min(...levels);
    const alike = paths.filter((_, index) => (levels[index] ?? 1) <= least + ALIKE);
    return alike.length > 1 ? alike[this.#random.below(alike.length)] : alike[0];
  }
}
