import { isDeepStrictEqual } from 'node:util';
import type { ControlPlaneConfig } from '../config/index.ts';
import {
  CONTROL_LIMITS,
  type ReportRequest,
  readHints,
  readTopology,
  type Topology,
  type WatchResponse,
} from '../control-protocol/index.ts';
import { type Clock, type Hint, hostAddress, type Logger } from '../core/index.ts';
import { PlaneCounters } from './counters.ts';
import { HintStore } from './hint-store.ts';
import { PLANE_LIMITS } from './limits.ts';
import { Messages } from './messages.ts';
import { NodePaths } from './node-paths.ts';
import { Registry, type ServiceAddress } from './registry.ts';
import { type Follower, type Sink, Watcher } from './watcher.ts';

/** What the control plane acts through. */
export interface PlaneDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly encode: (message: WatchResponse) => Uint8Array;
}

/** What became of the hints of one message. */
export interface HintsTaken {
  readonly taken: number;
  readonly dropped: number;
}

/** What the control plane knows and who follows it; the streams themselves are the server's. */
export class Plane {
  readonly counters = new PlaneCounters();
  readonly #config: ControlPlaneConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #epoch: number;
  readonly #hints = new HintStore();
  readonly #registry: Registry;
  readonly #messages: Messages;
  readonly #watchers = new Set<Watcher>();
  /** Who waits until all have been told. */
  readonly #waiting = new Set<{ readonly version: number; resolve(told: boolean): void }>();
  readonly #classes: ReadonlySet<string> | undefined;
  #topology: Topology | undefined;
  #paths = new NodePaths();
  /** The version of the registry that followers are told of. */
  #publishedRegistry: number;
  /** When changes of the registry are told; undefined when there are none. */
  #publishMs: number | undefined;

  constructor(config: ControlPlaneConfig, { clock, logger, encode }: PlaneDependencies) {
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
    this.#epoch = Math.floor(clock.wallMs());
    const configured = Object.entries(config.services).flatMap(([service, { endpoints }]) =>
      endpoints.map(({ host, port }) => ({ service, host: hostAddress(host), port })),
    );
    this.#registry = new Registry(configured, config.graceMs);
    this.#publishedRegistry = this.#registry.version;
    this.#messages = new Messages(this.#hints, this.#registry, encode);
    this.#classes = config.classes === undefined ? undefined : new Set(config.classes);
  }

  /** Looks after what time brings, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.tick();
      const leftMs =
        this.#publishMs === undefined ? PLANE_LIMITS.tickMs : this.#publishMs - this.#clock.nowMs();
      await this.#clock
        .sleep(Math.min(PLANE_LIMITS.tickMs, Math.max(1, leftMs)), signal)
        .catch(() => undefined);
    }
  }

  /** Whether one more may follow. */
  get hasRoom(): boolean {
    return this.#watchers.size < this.#config.maxSidecars;
  }

  /** Lets a sidecar follow: it gets a snapshot at once. */
  follow(follower: Follower, sink: Sink): Watcher {
    this.counters.watches += 1;
    let { address } = follower;
    if (address !== undefined && !this.#registry.join(address, follower.registration)) {
      this.counters.endpointsRefused += 1;
      address = undefined;
    }
    const watcher = new Watcher({ node: follower.node, address }, sink);
    this.#watchers.add(watcher);
    this.#flush(watcher);
    this.#registryChanged();
    return watcher;
  }

  /** A stream has ended. Safe to call twice. */
  unfollow(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher)) return;
    if (this.#waiting.size > 0) this.#lookAtWaiting();
    const { address } = watcher.follower;
    if (address !== undefined) this.#registry.leave(address, this.#clock.nowMs());
  }

  /**
   * An endpoint is about to go: all who follow are told at once, without waiting for other changes.
   * @returns whether all have been told before the time for it was over
   */
  async drain(address: ServiceAddress, instance: string): Promise<boolean> {
    this.counters.drains += 1;
    if (!this.#registry.drain(address, instance)) return false;
    const { version } = this.#registry;
    this.#publishMs = undefined;
    this.#publishedRegistry = version;
    this.#flushAll();
    if (this.#hasTold(version)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = { version, resolve };
    this.#waiting.add(waiting);
    const enough = new AbortController();
    const late = this.#clock.sleep(PLANE_LIMITS.drainToldMs, enough.signal).then(
      () => false,
      () => false,
    );
    const told = await Promise.race([promise, late]);
    enough.abort();
    this.#waiting.delete(waiting);
    return told;
  }

  /** Takes what a bridge has said. */
  report({ topology, hints }: ReportRequest): HintsTaken {
    if (topology) {
      const read = readTopology(topology);
      if (read === undefined) this.counters.topologiesDropped += 1;
      else this.#takeTopology(read);
    }
    if (!hints) return { taken: 0, dropped: 0 };
    const { values, dropped } = readHints(hints);
    this.counters.hintsInvalid += dropped;
    const taken = values.filter((hint) => this.#takeHint(hint)).length;
    if (taken > 0) this.#flushAll();
    return { taken, dropped: dropped + values.length - taken };
  }

  /** What it has done and holds. */
  statistics(): Readonly<Record<string, number>> {
    return {
      ...this.counters,
      sidecars: this.#watchers.size,
      endpoints: this.#registry.size,
      links: this.#topology?.links.length ?? 0,
      hintsHeld: this.#hints.count(this.#clock.nowMs()),
    };
  }

  /** Ends every stream. */
  end(why: string): void {
    for (const watcher of this.#watchers) watcher.sink.end(why);
  }

  /** What time brings: endpoints whose grace has passed, changes to tell, signs of life, sidecars that take in nothing. */
  tick(): void {
    const nowMs = this.#clock.nowMs();
    this.#registry.expire(nowMs);
    this.#registryChanged();
    if (this.#publishMs !== undefined && this.#publishMs <= nowMs) {
      this.#publishMs = undefined;
      this.#publishedRegistry = this.#registry.version;
      this.#flushAll();
    }
    for (const watcher of this.#watchers) this.#keepAlive(watcher, nowMs);
  }

  #keepAlive(watcher: Watcher, nowMs: number): void {
    const quietMs = nowMs - watcher.wroteMs;
    if (watcher.writing) {
      if (quietMs < PLANE_LIMITS.stalledMs) return;
      this.counters.watchesStalled += 1;
      watcher.sink.end('it takes in nothing');
      this.unfollow(watcher);
    } else if (quietMs >= this.#config.keepaliveMs - PLANE_LIMITS.tickMs) {
      this.#write(watcher, this.#messages.keepalive, nowMs);
    }
  }

  #takeTopology(topology: Topology): void {
    this.counters.topologies += 1;
    if (isDeepStrictEqual(topology, this.#topology)) return;
    this.#topology = topology;
    this.#paths = new NodePaths(topology, this.#paths);
    this.#hints.setLinks(new Set(topology.links.map(({ id }) => id)));
    const { links, hosts, paths } = topology;
    this.#logger.log('info', 'the topology has changed', {
      links: links.length,
      hosts: hosts.length,
      paths: paths.length,
    });
    this.#flushAll();
  }

  #takeHint(hint: Hint): boolean {
    if (hint.epoch > this.#clock.wallMs() + CONTROL_LIMITS.epochAheadMs) {
      this.counters.hintsInvalid += 1;
      return false;
    }
    const verdict = this.#hints.accept(this.#known(hint), this.#clock.nowMs());
    if (verdict === 'taken') this.counters.hintsTaken += 1;
    else if (verdict === 'unknown-link' || verdict === 'full') this.counters.hintsUnknownLink += 1;
    else this.counters.hintsStale += 1;
    return verdict === 'taken';
  }

  /** A hint without the classes that the configuration does not name. */
  #known(hint: Hint): Hint {
    const names = this.#classes;
    if (names === undefined) return hint;
    const all = Object.entries(hint.classes);
    const known = all.filter(([name]) => names.has(name));
    if (known.length === all.length) return hint;
    this.counters.classesUnknown += all.length - known.length;
    return { ...hint, classes: Object.fromEntries(known) };
  }

  /** Changes are gathered for a while before they are told. */
  #registryChanged(): void {
    if (this.#publishMs !== undefined || this.#registry.version === this.#publishedRegistry) return;
    const { gatherMs, gatherMsPerSidecar } = PLANE_LIMITS;
    this.#publishMs = this.#clock.nowMs() + gatherMs + gatherMsPerSidecar * this.#watchers.size;
  }

  #flushAll(): void {
    for (const watcher of this.#watchers) this.#flush(watcher);
  }

  /** Sends one message of what is new to a sidecar, if there is room; the next follows when that is gone. */
  #flush(watcher: Watcher): void {
    if (watcher.writing || !this.#watchers.has(watcher)) return;
    const nowMs = this.#clock.nowMs();
    const message = this.#news(watcher, nowMs);
    if (message !== undefined) this.#write(watcher, message, nowMs);
  }

  #news(watcher: Watcher, nowMs: number): Uint8Array | undefined {
    const table = this.#paths.of(watcher.follower.node);
    const first = watcher.toldPaths === undefined;
    if (watcher.toldPaths !== table) {
      watcher.toldPaths = table;
      // Hints about links that were not its business until now are new to it, however old they are.
      watcher.toldHints = 0;
      if (!first) return this.#messages.paths(table, nowMs);
    }
    if (first) {
      watcher.toldRegistry = this.#registry.version;
      watcher.toldHints = this.#hints.version;
      const head = { epoch: this.#epoch, keepaliveMs: this.#config.keepaliveMs };
      return this.#messages.snapshot(table, head, nowMs);
    }
    if (watcher.toldHints < this.#hints.version) {
      const hints = this.#messages.hints(table, watcher.toldHints, nowMs);
      watcher.toldHints = this.#hints.version;
      if (hints !== undefined) return hints;
    }
    if (watcher.toldRegistry >= this.#publishedRegistry) return undefined;
    const since = watcher.toldRegistry;
    watcher.toldRegistry = this.#registry.version;
    return this.#messages.registry(table, since, nowMs);
  }

  /** Whether all who follow have taken in a version of the registry. */
  #hasTold(version: number): boolean {
    for (const { writing, toldRegistry } of this.#watchers)
      if (writing || toldRegistry < version) return false;
    return true;
  }

  #lookAtWaiting(): void {
    for (const { version, resolve } of this.#waiting) if (this.#hasTold(version)) resolve(true);
  }

  #write(watcher: Watcher, message: Uint8Array, nowMs: number): void {
    watcher.writing = true;
    watcher.wroteMs = nowMs;
    this.counters.messagesSent += 1;
    watcher.sink.write(message, () => {
      watcher.writing = false;
      this.#flush(watcher);
      if (this.#waiting.size > 0) this.#lookAtWaiting();
    });
  }
}
