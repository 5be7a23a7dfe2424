import type { DampingSettings, Reaction, RequestClass } from '../core/index.ts';
import type { HintTable } from './hint-table.ts';
import type { PathChooser } from './path-chooser.ts';

/** A class gets another share of the concurrency limit. */
export interface ShareChange {
  readonly classIndex: number;
  /** 0 to 100; 0 pauses the class, 100 lifts the limit. */
  readonly sharePercent: number;
}

/** What holds for one class. */
interface Limit {
  readonly classIndex: number;
  readonly sharePercent: number;
  readonly maxDurationMs: number;
  lowered: boolean;
  changedMs: number;
}

/** Holds requests of a class back while the network hurts and no other path helps. */
export class AdmissionControl {
  readonly #damping: DampingSettings;
  readonly #chooser: PathChooser;
  readonly #limits: readonly Limit[];

  /** @param options `reactions`: all of the policy's; those that do not decide `admission` are passed over */
  constructor(options: {
    reactions: readonly Reaction[];
    classes: readonly RequestClass[];
    hints: HintTable;
    damping: DampingSettings;
    chooser: PathChooser;
  }) {
    this.#damping = options.damping;
    this.#chooser = options.chooser;
    this.#limits = options.reactions
      .filter(({ decide, owner }) => decide === 'admission' && owner === 'sidecar')
      .flatMap(({ classes, sharePercent, maxDurationMs }) =>
        options.classes.flatMap(({ name }, classIndex) =>
          classes.includes(name)
            ? [
                {
                  classIndex,
                  sharePercent,
                  maxDurationMs,
                  lowered: false,
                  changedMs: Number.NEGATIVE_INFINITY,
                },
              ]
            : [],
        ),
      );
  }

  /** Changes only. A limit is lifted when all ways are calm, at the latest after `maxDurationMs`, and then not laid on again for as long. */
  decide(nowMs: number): readonly ShareChange[] {
    const changes: ShareChange[] = [];
    for (const limit of this.#limits) {
      const { classIndex, maxDurationMs, lowered, changedMs } = limit;
      const forMs = nowMs - changedMs;
      const change = lowered
        ? forMs >= maxDurationMs || (forMs >= this.#damping.minHoldMs && this.#calm(classIndex, nowMs))
        : forMs >= maxDurationMs && this.#hurts(classIndex, nowMs);
      if (!change) continue;
      limit.lowered = !lowered;
      limit.changedMs = nowMs;
      changes.push({ classIndex, sharePercent: limit.lowered ? limit.sharePercent : 100 });
    }
    return changes;
  }

  /** When a limit is due to be lifted; infinity for none. */
  get dueMs(): number {
    return this.#limits.reduce(
      (least, { lowered, changedMs, maxDurationMs }) =>
        lowered ? Math.min(least, changedMs + maxDurationMs) : least,
      Number.POSITIVE_INFINITY,
    );
  }

  #hurts(classIndex: number, nowMs: number): boolean {
    return this.#chooser.representatives.some((peer) => this.#chooser.exhausted(peer, classIndex, nowMs));
  }

  #calm(classIndex: number, nowMs: number): boolean {
    const { calmLevel } = this.#damping;
    return this.#chooser.representatives.every(
      (peer) => this.#chooser.level(peer, classIndex, nowMs) <= calmLevel,
    );
  }
}
