import { CONTROL_LIMITS } from '../control-protocol/index.ts';
import type { Hint } from '../core/index.ts';

/** What became of a hint. */
export type HintVerdict = 'taken' | 'out-of-order' | 'old-epoch' | 'unknown-link' | 'full';

/** A hint and how long it holds. */
export interface KeptHint {
  readonly hint: Hint;
  /** Milliseconds of the monotonic clock. */
  readonly expiresMs: number;
  /** Rises with every hint that the store takes. */
  readonly version: number;
}

/** The newest hint of each link, for as long as it holds. */
export class HintStore {
  /** The version of the newest hint. */
  version = 0;
  readonly #kept = new Map<string, KeptHint>();
  #links: ReadonlySet<string> | undefined;

  /** Names the links that there are: hints about others are refused and forgotten. */
  setLinks(links: ReadonlySet<string>): void {
    this.#links = links;
    for (const link of this.#kept.keys()) if (!links.has(link)) this.#kept.delete(link);
  }

  accept(hint: Hint, nowMs: number): HintVerdict {
    if (this.#links !== undefined && !this.#links.has(hint.link)) return 'unknown-link';
    const known = this.#remembered(hint.link, nowMs);
    if (known !== undefined) {
      if (hint.epoch < known.hint.epoch) return 'old-epoch';
      if (hint.epoch === known.hint.epoch && hint.sequence <= known.hint.sequence) return 'out-of-order';
    } else if (this.#kept.size >= CONTROL_LIMITS.links && !this.#kept.has(hint.link)) {
      return 'full';
    }
    this.version += 1;
    this.#kept.set(hint.link, { hint, expiresMs: nowMs + hint.ttlMs, version: this.version });
    return 'taken';
  }

  /** The hint about a link that holds now. */
  fresh(link: string, nowMs: number): KeptHint | undefined {
    const kept = this.#kept.get(link);
    return kept !== undefined && kept.expiresMs > nowMs ? kept : undefined;
  }

  /**
   * What is known about a link. One that has expired still says which hints are old, so that none of them comes to life again; but not
   * for ever: the clock of a source may have been set back before it was started again.
   */
  #remembered(link: string, nowMs: number): KeptHint | undefined {
    const kept = this.#kept.get(link);
    return kept === undefined || nowMs - kept.expiresMs > CONTROL_LIMITS.ttlMs ? undefined : kept;
  }

  /** How many links have a hint that holds now. */
  count(nowMs: number): number {
    let count = 0;
    for (const { expiresMs } of this.#kept.values()) if (expiresMs > nowMs) count += 1;
    return count;
  }
}
