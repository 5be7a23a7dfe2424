import type { ClassCongestion, Hint } from '../core/index.ts';

/** What became of a hint. */
export type HintVerdict = 'taken' | 'old-epoch' | 'out-of-order' | 'invalid' | 'full';

/** How many hints came to which verdict, and how many classes in hints nobody here knows. */
export interface HintCounters {
  readonly taken: number;
  readonly oldEpoch: number;
  readonly outOfOrder: number;
  readonly invalid: number;
  readonly full: number;
  readonly unknownClasses: number;
}

/** What is believed of one link. */
interface Entry {
  epoch: number;
  sequence: number;
  expiresAtMs: number;
  down: boolean;
  /** By class index. */
  readonly levels: Float64Array;
  readonly utilizations: Float64Array;
  /** Of all traffic. */
  utilization: number;
}

/** No hint holds for longer, whatever it says: a liar is forgotten in bounded time. */
const MAX_TTL_MS = 600_000;
/** The order of hints is remembered for this long after the last one expired; then a source whose clock was set back is heard again. */
const ORDER_MEMORY_MS = 10_000;
const MAX_LINK_LENGTH = 256;
const MAX_NAMED_CLASSES = 64;

const isRatio = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Hints come from the network: their types are a promise that nobody kept yet. */
function isSane(hint: Hint): boolean {
  return (
    typeof hint.link === 'string' &&
    hint.link.length <= MAX_LINK_LENGTH &&
    /^[^>]+>[^>]+$/.test(hint.link) &&
    isCount(hint.epoch) &&
    isCount(hint.sequence) &&
    Number.isFinite(hint.ttlMs) &&
    hint.ttlMs > 0 &&
    typeof hint.down === 'boolean' &&
    (hint.utilization === undefined || isRatio(hint.utilization)) &&
    typeof hint.classes === 'object' &&
    hint.classes !== null
  );
}

function isSaneClass(one: ClassCongestion): boolean {
  return (
    typeof one === 'object' &&
    one !== null &&
    isRatio(one.level) &&
    isRatio(one.utilization) &&
    isRatio(one.lossRatio) &&
    Number.isFinite(one.queueingDelayMs) &&
    one.queueingDelayMs >= 0
  );
}

/**
 * What the network told last about each directed link, as long as it holds. A hint that is malformed, older than what is known or beyond the
 * capacity is dropped and counted; it is dropped whole.
 */
export class HintTable {
  readonly #classes: ReadonlyMap<string, number>;
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  #counters = { taken: 0, oldEpoch: 0, outOfOrder: 0, invalid: 0, full: 0, unknownClasses: 0 };

  /** @param options `classes` in order of rank; `capacity`: how many links are remembered at most */
  constructor(options: { classes: readonly string[]; capacity: number }) {
    this.#classes = new Map(options.classes.map((name, index) => [name, index]));
    this.#capacity = options.capacity;
  }

  get counters(): HintCounters {
    return { ...this.#counters };
  }

  /** Links of which something is remembered, also what has expired. */
  get size(): number {
    return this.#entries.size;
  }

  accept(hint: Hint, nowMs: number): HintVerdict {
    const rows = isSane(hint) ? this.#rowsOf(hint) : undefined;
    if (rows === undefined) {
      this.#counters.invalid += 1;
      return 'invalid';
    }
    let entry = this.#entries.get(hint.link);
    if (entry !== undefined && nowMs < entry.expiresAtMs + ORDER_MEMORY_MS) {
      if (hint.epoch < entry.epoch) {
        this.#counters.oldEpoch += 1;
        return 'old-epoch';
      }
      if (hint.epoch === entry.epoch && hint.sequence <= entry.sequence) {
        this.#counters.outOfOrder += 1;
        return 'out-of-order';
      }
    }
    if (entry === undefined) {
      if (this.#entries.size >= this.#capacity) this.#dropExpired(nowMs);
      if (this.#entries.size >= this.#capacity) {
        this.#counters.full += 1;
        return 'full';
      }
      entry = {
        epoch: 0,
        sequence: 0,
        expiresAtMs: 0,
        down: false,
        levels: new Float64Array(this.#classes.size),
        utilizations: new Float64Array(this.#classes.size),
        utilization: 0,
      };
      this.#entries.set(hint.link, entry);
    }
    entry.epoch = hint.epoch;
    entry.sequence = hint.sequence;
    entry.expiresAtMs = nowMs + Math.min(hint.ttlMs, MAX_TTL_MS);
    entry.down = hint.down;
    entry.levels.fill(0);
    entry.utilizations.fill(0);
    for (const [index, { level, utilization }] of rows) {
      entry.levels[index] = level;
      entry.utilizations[index] = utilization;
    }
    const named = entry.utilizations.reduce((sum, one) => sum + one, 0);
    entry.utilization = Math.max(hint.utilization ?? 0, Math.min(1, named));
    this.#freshUntilMs = Math.max(this.#freshUntilMs, entry.expiresAtMs);
    this.#counters.taken += 1;
    return 'taken';
  }

  /** How congested a link is for a class, 0 to 1: 0 when nothing is known, 1 when it is down. */
  level(link: string, classIndex: number, nowMs: number): number {
    const entry = this.#believed(link, nowMs);
    if (entry === undefined) return 0;
    return entry.down ? 1 : (entry.levels[classIndex] ?? 0);
  }

  /** The share of the link's rate that the class takes, 0 when nothing is known. */
  utilization(link: string, classIndex: number, nowMs: number): number {
    return this.#believed(link, nowMs)?.utilizations[classIndex] ?? 0;
  }

  /** The share of the link's rate that all traffic takes, as far as it was told; 0 when nothing is known. */
  totalUtilization(link: string, nowMs: number): number {
    return this.#believed(link, nowMs)?.utilization ?? 0;
  }

  /** Whether nothing passes. */
  dead(link: string, nowMs: number): boolean {
    return this.#believed(link, nowMs)?.down ?? false;
  }

  /** Whether anything that holds is known of this link. */
  heard(link: string, nowMs: number): boolean {
    return this.#believed(link, nowMs) !== undefined;
  }

  /** Whether anything that holds is known of any link. */
  fresh(nowMs: number): boolean {
    return nowMs < this.#freshUntilMs;
  }

  /** Forgets everything but the counters: the stream that told it was lost. */
  clear(): void {
    this.#entries.clear();
    this.#freshUntilMs = Number.NEGATIVE_INFINITY;
  }

  #believed(link: string, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(link);
    return entry !== undefined && nowMs < entry.expiresAtMs ? entry : undefined;
  }

  #rowsOf(hint: Hint): [number, ClassCongestion][] | undefined {
    const named = Object.entries(hint.classes);
    if (named.length > MAX_NAMED_CLASSES) return undefined;
    const rows: [number, ClassCongestion][] = [];
    let unknown = 0;
    for (const [name, one] of named) {
      if (!isSaneClass(one)) return undefined;
      const index = this.#classes.get(name);
      if (index === undefined) unknown += 1;
      else rows.push([index, one]);
    }
    this.#counters.unknownClasses += unknown;
    return rows;
  }

  #dropExpired(nowMs: number): void {
    for (const [link, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs <= nowMs) this.#entries.delete(link);
    }
  }
}
