import {
  CONTROL_LIMITS,
  type ReportRequest,
  type Topology,
  type WireTopology,
  writeHint,
  writeTopology,
} from '../control-protocol/index.ts';
import type { Hint } from '../core/index.ts';

/** What is to be told and has not been sent: the newest topology, and the newest hint of each link. */
export class ReportBuffer {
  /** Hints that were never sent: newer ones had come, or their time had passed, or there was no room. */
  hintsReplaced = 0;
  #topology: WireTopology | undefined;
  #topologyIsNew = false;
  readonly #hints = new Map<string, { readonly hint: Hint; readonly expiresMs: number }>();

  topology(topology: Topology): void {
    this.#topology = writeTopology(topology);
    this.#topologyIsNew = true;
  }

  hints(hints: readonly Hint[], nowMs: number): void {
    for (const hint of hints) {
      if (this.#hints.has(hint.link)) this.hintsReplaced += 1;
      else if (this.#hints.size >= CONTROL_LIMITS.links) {
        this.hintsReplaced += 1;
        continue;
      }
      this.#hints.set(hint.link, { hint, expiresMs: nowMs + hint.ttlMs });
    }
  }

  /** A new stream knows nothing: the topology has to be told again. */
  restart(): void {
    this.#topologyIsNew = this.#topology !== undefined;
  }

  /** The next message, or nothing. The topology comes before hints about its links. */
  take(nowMs: number): ReportRequest | undefined {
    if (this.#topologyIsNew && this.#topology !== undefined) {
      this.#topologyIsNew = false;
      return { topology: this.#topology };
    }
    if (this.#hints.size === 0) return undefined;
    const all = [...this.#hints.values()];
    this.#hints.clear();
    const fresh = all.filter(({ expiresMs }) => expiresMs > nowMs);
    this.hintsReplaced += all.length - fresh.length;
    if (fresh.length === 0) return undefined;
    return { hints: { hints: fresh.map(({ hint, expiresMs }) => writeHint(hint, expiresMs - nowMs)) } };
  }
}
