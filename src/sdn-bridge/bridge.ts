import type { BridgeConfig } from '../config/index.ts';
import type { Topology } from '../control-protocol/index.ts';
import { type Clock, type Hint, type Logger, messageOf } from '../core/index.ts';
import { HintMaker } from './estimator/hint-maker.ts';
import { type SeenLink, WatchedLinks } from './links.ts';
import type { NetworkLog } from './network-log.ts';
import type { Northbound } from './northbound/northbound.ts';
import { pause } from './northbound/retry.ts';
import type { QdiscReader } from './qdisc/qdisc-reader.ts';
import type { RouteOwner } from './route-owner.ts';

/** Who is told of topology and hints. */
export interface HintSink {
  topology(topology: Topology): void;
  hints(hints: readonly Hint[]): void;
  close(): Promise<void>;
}

/** What a bridge is made of. */
export interface BridgeParts {
  readonly northbound: Northbound;
  /** Absent where nobody is to be told. */
  readonly sink: HintSink | undefined;
  readonly queues: QdiscReader;
  /** Absent where the controller owns no decision. */
  readonly owner: RouteOwner | undefined;
  readonly log: NetworkLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the state of all links is logged. */
const LINKS_EACH_MS = 100;

/** Looks at the network at a steady pace, tells what it sees, and lets the owner of routes decide. */
export class Bridge {
  readonly #config: BridgeConfig;
  readonly #parts: BridgeParts;
  readonly #links: WatchedLinks;
  readonly #maker: HintMaker;
  readonly #names: readonly string[];
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(config: BridgeConfig, parts: BridgeParts) {
    const { classes, network } = config.policy;
    this.#config = config;
    this.#parts = parts;
    this.#names = classes.map(({ name }) => name);
    this.#links = new WatchedLinks({ classes, settings: network.hints, ports: config.ports });
    this.#maker = new HintMaker({
      classes: this.#names,
      epoch: Math.floor(parts.clock.wallMs()),
      ttlMs: network.hints.ttlMs,
      damping: network.damping,
    });
  }

  /** Works until the signal fires; then takes back what it moved, and closes what it was given. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { sink, queues, log, owner } = this.#parts;
    const following = new AbortController();
    const followed = this.#follow(following.signal);
    await this.#watch(signal);
    await owner?.close();
    following.abort();
    await followed;
    await Promise.all([queues.close(), sink?.close()]);
    await log.close();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { northbound, sink, log, clock, logger, owner } = this.#parts;
    await northbound.run(
      {
        found: () => {
          logger.log('info', 'the controller answers', { controller: northbound.name });
          log.write({ event: 'found', timeMs: clock.nowMs(), what: 'northbound' });
        },
        lost: (reason) => {
          logger.log('warn', 'the controller does not answer', { controller: northbound.name, reason });
          log.write({ event: 'lost', timeMs: clock.nowMs(), what: 'northbound' });
          owner?.lost();
        },
        topology: (topology) => {
          this.#links.topology(topology);
          sink?.topology(topology);
          owner?.topology(topology, clock.nowMs());
        },
        statistics: (statistics) => this.#links.statistics(statistics, clock.nowMs()),
        routes: (routes) => owner?.routes(routes),
      },
      signal,
    );
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, queues, logger } = this.#parts;
    const { intervalMs } = this.#config.policy.network.hints;
    let dueMs = clock.nowMs();
    while (!signal.aborted) {
      try {
        const reading = this.#links.hasPorts ? await queues.read() : undefined;
        if (reading !== undefined) this.#links.queues(reading);
        this.#look(clock.nowMs());
      } catch (error) {
        logger.log('error', 'a look at the network failed', { cause: messageOf(error) });
      }
      // A look that was late does not make the next ones come faster.
      const nowMs = clock.nowMs();
      dueMs = Math.max(dueMs + intervalMs, nowMs);
      await pause(clock, dueMs - nowMs, signal);
    }
  }

  #look(nowMs: number): void {
    const { sink, log, owner } = this.#parts;
    const seen = this.#links.look(nowMs);
    const hints: Hint[] = [];
    for (const { id, down, estimate } of seen) {
      if (estimate === undefined && !down && !this.#maker.saidDown(id)) continue;
      const { hint, crossings } = this.#maker.see(id, down, estimate, nowMs);
      if (hint !== undefined) hints.push(hint);
      for (const { link, classIndex, congested, level } of crossings) {
        const name = this.#names[classIndex] ?? '';
        log.write({ event: 'hint', timeMs: nowMs, link, class: name, congested, level });
      }
    }
    if (hints.length > 0) {
      sink?.hints(hints);
      owner?.hints(hints, nowMs);
    }
    owner?.decide(nowMs);
    this.#logLinks(seen, nowMs);
  }

  #logLinks(seen: readonly SeenLink[], nowMs: number): void {
    if (nowMs - this.#loggedMs < LINKS_EACH_MS) return;
    // From line to line, so that delays do not add up, unless one was missed.
    this.#loggedMs = nowMs - this.#loggedMs < 2 * LINKS_EACH_MS ? this.#loggedMs + LINKS_EACH_MS : nowMs;
    const links = seen.flatMap(({ id, estimate }) => {
      if (estimate === undefined) return [];
      const classes = Object.fromEntries(
        estimate.classes.map((one, index) => [this.#names[index] ?? '', one] as const),
      );
      return [{ link: id, utilization: estimate.utilization, classes }];
    });
    if (links.length > 0) this.#parts.log.write({ event: 'links', timeMs: nowMs, links });
  }
}
