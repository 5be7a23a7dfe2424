import type { DampingSettings, Hint } from '../../core/index.ts';
import type { LinkEstimate } from './link-estimator.ts';

/** A class of a link began or ceased to be congested. */
export interface Crossing {
  readonly link: string;
  readonly classIndex: number;
  readonly congested: boolean;
  readonly level: number;
}

/** What a {@link HintMaker} goes by. */
export interface HintMakerOptions {
  /** Class names in order of rank. */
  readonly classes: readonly string[];
  /** The start of the bridge, whole milliseconds since 1970. */
  readonly epoch: number;
  readonly ttlMs: number;
  readonly damping: Pick<DampingSettings, 'congestedLevel' | 'calmLevel'>;
}

/** A level that differs less from what was said last need not be said at once. */
const NOTABLE = 0.05;
/** A hint is renewed so many times while it holds, so that one that is lost does not end it. */
const RENEWALS = 3;

interface LinkState {
  sequence: number;
  sentMs: number;
  down: boolean;
  readonly sent: number[];
  readonly congested: boolean[];
}

/** Decides which estimates are said as hints: those that differ from what was said, and each again before it is forgotten. */
export class HintMaker {
  readonly #options: HintMakerOptions;
  readonly #links = new Map<string, LinkState>();

  constructor(options: HintMakerOptions) {
    this.#options = options;
  }

  /** Takes in the estimate of a link; gives the hint to send, if any, and the crossings of the thresholds. */
  see(
    link: string,
    down: boolean,
    estimate: LinkEstimate | undefined,
    nowMs: number,
  ): { readonly hint: Hint | undefined; readonly crossings: readonly Crossing[] } {
    const { classes, epoch, ttlMs } = this.#options;
    const state = this.#stateOf(link);
    const levels = classes.map((_, index) => (down ? 1 : (estimate?.classes[index]?.level ?? 0)));
    const crossings = this.#crossings(link, state, levels);
    const due =
      state.sequence === 0 ||
      nowMs - state.sentMs >= ttlMs / RENEWALS ||
      down !== state.down ||
      levels.some((level, index) => this.#notable(state.sent[index] ?? 0, level));
    if (!due) return { hint: undefined, crossings };
    state.sequence += 1;
    state.sentMs = nowMs;
    state.down = down;
    for (const [index, level] of levels.entries()) state.sent[index] = level;
    const named = classes.flatMap((name, index) => {
      const one = estimate?.classes[index];
      return one === undefined ? [] : [[name, one] as const];
    });
    const hint: Hint = {
      link,
      epoch,
      sequence: state.sequence,
      ttlMs,
      down,
      ...(estimate === undefined ? {} : { utilization: estimate.utilization }),
      classes: Object.fromEntries(named),
    };
    return { hint, crossings };
  }

  /** Whether the last hint about a link said that nothing passes. */
  saidDown(link: string): boolean {
    return this.#links.get(link)?.down === true;
  }

  /** Whether who acts on the levels would act differently, or would see a noticeably different one. */
  #notable(sent: number, level: number): boolean {
    const { congestedLevel, calmLevel } = this.#options.damping;
    return (
      Math.abs(sent - level) >= NOTABLE ||
      sent >= congestedLevel !== level >= congestedLevel ||
      sent <= calmLevel !== level <= calmLevel
    );
  }

  #crossings(link: string, state: LinkState, levels: readonly number[]): Crossing[] {
    const { congestedLevel, calmLevel } = this.#options.damping;
    return levels.flatMap((level, classIndex) => {
      const before = state.congested[classIndex] ?? false;
      const congested = before ? level > calmLevel : level >= congestedLevel;
      state.congested[classIndex] = congested;
      return congested === before ? [] : [{ link, classIndex, congested, level }];
    });
  }

  #stateOf(link: string): LinkState {
    let state = this.#links.get(link);
    if (state === undefined) {
      state = { sequence: 0, sentMs: 0, down: false, sent: [], congested: [] };
      this.#links.set(link, state);
    }
    return state;
  }
}
