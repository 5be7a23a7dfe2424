import type { BridgeConfig } from '../config/index.ts';
import type { Topology, TopologyLink } from '../control-protocol/index.ts';
import type { HintSettings, RequestClass } from '../core/index.ts';
import type { SwitchSample } from './estimator/counters.ts';
import { type LinkEstimate, LinkEstimator } from './estimator/link-estimator.ts';
import type { LinkCounters, Statistics } from './northbound/northbound.ts';
import { type PortQueues, sampleOf } from './qdisc/qdisc-counters.ts';
import type { QdiscReading } from './qdisc/qdisc-reader.ts';

/** A link with what is known of it at an instant. */
export interface SeenLink {
  readonly id: string;
  readonly down: boolean;
  readonly estimate: LinkEstimate | undefined;
}

interface Watched {
  readonly estimator: LinkEstimator;
  readonly rateBps: number;
  readonly queues: PortQueues | undefined;
}

/** What {@link WatchedLinks} go by. */
export interface WatchedLinksOptions {
  readonly classes: readonly RequestClass[];
  readonly settings: HintSettings;
  readonly ports: BridgeConfig['ports'];
}

/**
 * The links that hints are made about: those whose port is configured, and those whose rate the controller tells. Of the
 * others it is only known when they are down.
 */
export class WatchedLinks {
  readonly #options: WatchedLinksOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #configured: ReadonlySet<string>;
  #down: ReadonlySet<string> = new Set();
  /** Links that are there, and whose rate nobody told. */
  #unseen: ReadonlySet<string> = new Set();

  constructor(options: WatchedLinksOptions) {
    this.#options = options;
    this.#configured = new Set(options.ports.map(({ link }) => link));
    for (const { link, device, rateBps, classes = {} } of options.ports) {
      const classids = options.classes.map(({ name }) => classes[name]);
      this.#watch(link, rateBps, device === undefined ? undefined : { device, classids });
    }
  }

  /** Whether there is a queue to read. */
  get hasPorts(): boolean {
    return this.#options.ports.some(({ device }) => device !== undefined);
  }

  /** Takes in what the controller knows of the network; links that are gone are forgotten. */
  topology({ links }: Topology): void {
    this.#down = new Set(links.filter(({ up }) => !up).map(({ id }) => id));
    const known = new Map(links.map((link) => [link.id, link.rateBps]));
    for (const [id, { rateBps }] of this.#watched) {
      if (!this.#configured.has(id) && known.get(id) !== rateBps) this.#watched.delete(id);
    }
    for (const link of links) this.#watchCounted(link);
    this.#unseen = new Set([...known.keys()].filter((id) => !this.#watched.has(id)));
  }

  /** Takes in the switches' counters. */
  statistics({ timeMs, links }: Statistics, nowMs: number): void {
    for (const counters of links) {
      this.#watched.get(counters.id)?.estimator.counted(this.#sample(counters, timeMs), nowMs);
    }
  }

  /** Takes in what waits at the ports. */
  queues({ timeMs, qdiscs }: QdiscReading): void {
    for (const { estimator, queues } of this.#watched.values()) {
      const sample = queues === undefined ? undefined : sampleOf(queues, qdiscs, timeMs);
      if (sample !== undefined) estimator.queue(sample);
    }
  }

  /** All links as they are now; moves the smoothed figures on. */
  look(nowMs: number): SeenLink[] {
    const watched = [...this.#watched].map(([id, { estimator }]) => ({
      id,
      down: this.#down.has(id),
      estimate: estimator.estimate(nowMs),
    }));
    const others = [...this.#unseen].map((id) => ({ id, down: this.#down.has(id), estimate: undefined }));
    return [...watched, ...others];
  }

  #watchCounted({ id, rateBps }: TopologyLink): void {
    if (rateBps !== null && rateBps > 0 && !this.#watched.has(id)) this.#watch(id, rateBps, undefined);
  }

  #watch(link: string, rateBps: number, queues: PortQueues | undefined): void {
    const { classes, settings } = this.#options;
    const estimator = new LinkEstimator({ classes, settings, rateBps });
    this.#watched.set(link, { estimator, rateBps, queues });
  }

  #sample({ txBytes, txPackets, txDropped, marks }: LinkCounters, timeMs: number): SwitchSample {
    const classBytes = this.#options.classes.map(({ mark, network }) => {
      const seen = [mark.dscp, ...network.alternateDscp].flatMap((dscp) => marks.get(dscp)?.bytes ?? []);
      return seen.length === 0 ? undefined : seen.reduce((sum, bytes) => sum + bytes, 0);
    });
    return { timeMs, bytes: txBytes, packets: txPackets, drops: txDropped, classBytes };
  }
}
