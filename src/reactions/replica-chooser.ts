import type { DampingSettings, Random } from '../core/index.ts';
import type { HintTable } from './hint-table.ts';
import type { PathChooser } from './path-chooser.ts';

/** What is remembered of one class towards one peer. */
interface Memory {
  path: number;
  avoided: boolean;
  changedMs: number;
  /** How often in a row it hurt again soon after it was taken back. */
  relapses: number;
  /** It is avoided for this long at least. */
  holdMs: number;
}

/** A peer that hurts again soon after it was taken back is avoided twice as long, this many times. */
const MAX_RELAPSES = 6;
/** Beyond so many peers those that are gone are forgotten. */
const MAX_MEMORIES = 4096;
/** Times are stretched by up to this much, by lot: not all sidecars take a peer back at once. */
const SPREAD = 0.5;

/** Tells which endpoints the network leads to without congestion. */
export class ReplicaChooser {
  readonly #owned: ReadonlySet<number>;
  readonly #damping: DampingSettings;
  readonly #chooser: PathChooser;
  readonly #random: Random;
  readonly #memories = new Map<string, Memory[]>();

  constructor(options: {
    classIndices: readonly number[];
    hints: HintTable;
    damping: DampingSettings;
    chooser: PathChooser;
  }) {
    this.#owned = new Set(options.classIndices);
    this.#damping = options.damping;
    this.#chooser = options.chooser;
    this.#random = options.chooser.stream('replicas');
  }

  /**
   * False when the way to this peer is congested for the class and another path does not help: another endpoint should be taken, where there
   * is one. It stays false until the way is calm, and for the hold time at least.
   * @param peer the address of the host, as in the chooser's peers
   */
  prefers(peer: string, classIndex: number, nowMs: number): boolean {
    if (!this.#owned.has(classIndex)) return true;
    const path = this.#chooser.pathOf(peer, classIndex);
    const memory = this.#memoryOf(peer, classIndex, path);
    const { minHoldMs, calmLevel, returnAfterMs } = this.#damping;
    const forMs = nowMs - memory.changedMs;
    if (memory.avoided) {
      const calm = this.#chooser.level(peer, classIndex, nowMs) <= calmLevel;
      if ((!calm && memory.path === path) || forMs < memory.holdMs) return false;
      memory.avoided = false;
      memory.path = path;
      memory.changedMs = nowMs;
      return true;
    }
    memory.path = path;
    if (memory.relapses > 0 && forMs > returnAfterMs * 2 ** memory.relapses) memory.relapses = 0;
    if (!this.#chooser.exhausted(peer, classIndex, nowMs)) return true;
    const relapse = forMs <= returnAfterMs;
    if (relapse) memory.relapses = Math.min(memory.relapses + 1, MAX_RELAPSES);
    memory.holdMs = minHoldMs * 2 ** memory.relapses * (1 + SPREAD * this.#random.next());
    memory.avoided = true;
    memory.changedMs = nowMs;
    return false;
  }

  /** How congested the way that the class takes to a peer is, 0 to 1. */
  level(peer: string, classIndex: number, nowMs: number): number {
    return this.#owned.has(classIndex) ? Math.min(1, this.#chooser.level(peer, classIndex, nowMs)) : 0;
  }

  #memoryOf(peer: string, classIndex: number, path: number): Memory {
    let row = this.#memories.get(peer);
    if (row === undefined) {
      row = [];
      if (this.#chooser.knows(peer)) this.#memories.set(peer, row);
      if (this.#memories.size > MAX_MEMORIES) {
        for (const one of this.#memories.keys()) if (!this.#chooser.knows(one)) this.#memories.delete(one);
      }
    }
    const memory = row[classIndex] ?? {
      path,
      avoided: false,
      changedMs: Number.NEGATIVE_INFINITY,
      relapses: 0,
      holdMs: 0,
    };
    row[classIndex] = memory;
    return memory;
  }
}
