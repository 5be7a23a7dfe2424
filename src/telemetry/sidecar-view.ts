import type { MessageLine, RequestLine } from '../sidecar/index.ts';
import type { ServiceRow } from './frame.ts';
import type { ClassStatistics } from './lines.ts';
import { RecentCount, RecentValues } from './recent.ts';

/** What is shown for requests and messages that have no class. */
const NO_CLASS = '-';
/** How many rows a sidecar may have, and towards how many hosts the path of a class is remembered. */
const MAX_ROWS = 32;
const MAX_PATHS = 256;

class Row {
  readonly all: RecentCount;
  readonly failed: RecentCount;
  readonly tookMs: RecentValues;
  readonly waitedMs: RecentValues;

  constructor(windowMs: number) {
    this.all = new RecentCount(windowMs);
    this.failed = new RecentCount(windowMs);
    this.tookMs = new RecentValues(windowMs);
    this.waitedMs = new RecentValues(windowMs);
  }
}

/** What a sidecar's statistics file has said of a class, twice, so that there is a rate. */
interface Counted extends ClassStatistics {
  readonly timeMs: number;
  readonly perSecond: number;
}

/** What is known of one sidecar. */
export class SidecarView {
  /** The service beside which it stands, with a number where it is one of several. */
  readonly service: string;
  readonly #classes: readonly string[];
  readonly #windowMs: number;
  readonly #rows = { requests: new Map<string, Row>(), messages: new Map<string, Row>() };
  readonly #counted = new Map<string, Counted>();
  /** By class, and then by the host towards which it was moved. */
  readonly #paths = new Map<string, Map<string, string>>();
  #listens = false;
  #sinceMs: number;

  constructor(name: string, classes: readonly string[], windowMs: number, nowMs: number) {
    this.service = name.replace(/^sidecar-/, '');
    this.#classes = classes;
    this.#windowMs = windowMs;
    this.#sinceMs = nowMs;
    for (const one of classes) this.#rows.requests.set(one, new Row(windowMs));
  }

  listening(yes: boolean, nowMs: number): void {
    if (yes && !this.#listens) this.#sinceMs = nowMs;
    this.#listens = yes;
  }

  request(line: RequestLine, nowMs: number): void {
    if (line.side !== 'inbound') return;
    const row = this.#row('requests', line.class);
    if (row === undefined) return;
    row.all.add(nowMs);
    if (line.queueWaitMs !== null) row.waitedMs.add(nowMs, line.queueWaitMs);
    const answered = line.outcome === 'completed' || line.outcome === 'answered';
    if (answered && line.status !== null && line.status < 500) row.tookMs.add(nowMs, line.tookMs);
    else row.failed.add(nowMs);
  }

  message(line: MessageLine, nowMs: number): void {
    if (line.action === 'publish') return;
    const row = this.#row('messages', line.class);
    if (row === undefined) return;
    if (line.action === 'deliver') {
      row.all.add(nowMs);
      if (line.queueWaitMs !== null) row.waitedMs.add(nowMs, line.queueWaitMs);
    } else if (line.outcome === 'acked') {
      if (line.tookMs !== null) row.tookMs.add(nowMs, line.tookMs);
    } else row.failed.add(nowMs);
  }

  statistics(classes: ReadonlyMap<string, ClassStatistics>, timeMs: number): void {
    for (const name of this.#classes) {
      const now = classes.get(name);
      if (now === undefined) continue;
      const before = this.#counted.get(name);
      const seconds = (timeMs - (before?.timeMs ?? timeMs)) / 1000;
      const grown = Math.max(0, now.requests - (before?.requests ?? now.requests));
      this.#counted.set(name, {
        ...now,
        timeMs,
        perSecond: seconds > 0 ? grown / seconds : (before?.perSecond ?? 0),
      });
    }
  }

  moved(className: string, peer: string, to: string): void {
    const paths = this.#paths.get(className) ?? new Map<string, string>();
    if (this.#classes.includes(className)) this.#paths.set(className, paths);
    if (paths.has(peer) || paths.size < MAX_PATHS) paths.set(peer, to);
  }

  /** @param controllerPaths by class, where the controller has moved it to */
  rows(nowMs: number, controllerPaths: ReadonlyMap<string, string>): ServiceRow[] {
    return (['requests', 'messages'] as const).flatMap((of) =>
      this.#inOrder(of).map(([name, row]) => {
        const [p50Ms, p99Ms] = row.tookMs.quantiles(nowMs, [0.5, 0.99]);
        const [waitP99Ms] = row.waitedMs.quantiles(nowMs, [0.99]);
        const counted = of === 'requests' ? this.#counted.get(name) : undefined;
        return {
          service: this.service,
          of,
          class: name,
          perSecond: this.#listens ? row.all.perSecond(nowMs, this.#sinceMs) : (counted?.perSecond ?? 0),
          failedPerSecond: row.failed.perSecond(nowMs, this.#sinceMs),
          p50Ms,
          p99Ms,
          waitP99Ms,
          inFlight: counted?.inFlight,
          queued: counted?.queued,
          path: controllerPaths.get(name) ?? this.#pathOf(name),
        };
      }),
    );
  }

  /** The most important class first; what has no class last. */
  #inOrder(of: ServiceRow['of']): [string, Row][] {
    const rank = (name: string): number => {
      const index = this.#classes.indexOf(name);
      return index === -1 ? this.#classes.length : index;
    };
    return [...this.#rows[of]].sort(([a], [b]) => rank(a) - rank(b));
  }

  #pathOf(className: string): string {
    const paths = new Set(this.#paths.get(className)?.values());
    return [...paths].sort().join('+');
  }

  #row(of: ServiceRow['of'], className: string | null): Row | undefined {
    const rows = this.#rows[of];
    const name = className ?? NO_CLASS;
    const known = rows.get(name);
    if (known !== undefined || rows.size >= MAX_ROWS) return known;
    const row = new Row(this.#windowMs);
    rows.set(name, row);
    return row;
  }
}
