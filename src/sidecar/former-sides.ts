import type { SideCounters } from './statistics/index.ts';

interface Wait {
  /** On the last request of each of these. */
  readonly on: Set<SideCounters>;
  readonly then: () => void;
}

/**
 * The sides of configurations that hold no more, while requests are under way on them. A request may outlive several configurations, and
 * what each of them left in place.
 */
export class FormerSides {
  readonly #used = new Set<SideCounters>();
  readonly #waiting = new Set<Wait>();

  /** Others take the place of these. @param then called once, when no request is under way any more that began before; at once where none is */
  retire(sides: readonly SideCounters[], then: () => void): void {
    for (const side of sides) {
      if (side.underWay === 0) continue;
      this.#used.add(side);
      side.whenUnused = () => this.#unused(side);
    }
    if (this.#used.size === 0) then();
    else this.#waiting.add({ on: new Set(this.#used), then });
  }

  #unused(side: SideCounters): void {
    this.#used.delete(side);
    for (const wait of this.#waiting) {
      if (!wait.on.delete(side) || wait.on.size > 0) continue;
      this.#waiting.delete(wait);
      wait.then();
    }
  }
}
