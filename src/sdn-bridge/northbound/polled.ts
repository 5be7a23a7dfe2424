import type { Topology, TopologyPath } from '../../control-protocol/index.ts';
import { isNetworkName } from '../../control-protocol/index.ts';
import { type Clock, messageOf, PriomeshError, type Random } from '../../core/index.ts';
import type { LinkCounters, Northbound, NorthboundEvents, Routes } from './northbound.ts';
import { type NamedPath, namedPaths, shortestPaths } from './paths.ts';
import type {
  InstalledFlow,
  PolledController,
  PolledLink,
  PolledNetwork,
  SteeringFlow,
} from './polled-controller.ts';
import { pause, Retry } from './retry.ts';

/** How a controller is polled. */
export interface PolledOptions {
  readonly controller: PolledController;
  readonly clock: Clock;
  readonly random: Random;
  /** How often the counters are read. */
  readonly intervalMs: number;
  /** Names of switches by datapath id; others are `s` and the number, as Mininet makes them. */
  readonly switches: Readonly<Record<string, string>>;
  /** Absent: the shortest ones. */
  readonly paths: readonly NamedPath[] | undefined;
  /** Rates of links, bits per second, which such controllers do not tell. */
  readonly rates: ReadonlyMap<string, number>;
}

/** How often the topology and the flows are read. */
const TOPOLOGY_EACH_MS = 1000;
const MOST_LINKS = 4096;

interface Known {
  readonly topology: Topology;
  readonly network: PolledNetwork;
  readonly dpids: readonly string[];
}

const flowKey = ({ dpid, protocol, mac }: SteeringFlow): string => `${dpid} ${protocol} ${mac}`;
const portKey = (dpid: string, port: number): string => `${dpid} ${port}`;

/** The client of a controller that knows no paths and tells nothing by itself. */
class PolledNorthbound implements Northbound {
  readonly name: string;
  readonly #options: PolledOptions;
  readonly #epoch: number;
  /** All links that were ever seen: one that the controller tells no more is down. */
  readonly #links = new Map<string, PolledLink>();
  #known: Known | undefined;

  constructor(options: PolledOptions) {
    this.#options = options;
    this.name = options.controller.name;
    this.#epoch = Math.floor(options.clock.wallMs());
  }

  async run(events: NorthboundEvents, signal: AbortSignal): Promise<void> {
    const { clock, random, controller } = this.#options;
    const retry = new Retry(clock, random);
    let state: 'unknown' | 'found' | 'lost' = 'unknown';
    while (!signal.aborted) {
      try {
        await this.#follow(signal, events, () => {
          retry.succeeded();
          if (state !== 'found') events.found();
          state = 'found';
        });
      } catch (error) {
        if (signal.aborted) break;
        if (state !== 'lost') events.lost(messageOf(error));
        state = 'lost';
        await retry.wait(signal);
      }
    }
    await controller.close();
  }

  async moveClass(dscp: number, path: string): Promise<void> {
    const known = this.#reached();
    const chosen = known.topology.paths.filter(({ id }) => id === path);
    if (chosen.length === 0) throw new PriomeshError('NORTHBOUND_FAILED', `there is no path ${path}`);
    const flows = chosen.flatMap((one) => this.#flowsAlong(known, one, dscp));
    if (flows.length === 0) {
      throw new PriomeshError('NORTHBOUND_FAILED', `no host is known at an end of path ${path}`);
    }
    await this.#steer(known, dscp, flows);
  }

  async unmoveClass(dscp: number): Promise<void> {
    await this.#steer(this.#reached(), dscp, []);
  }

  #reached(): Known {
    if (this.#known === undefined)
      throw new PriomeshError('NORTHBOUND_FAILED', 'the controller has not answered yet');
    return this.#known;
  }

  async #follow(signal: AbortSignal, events: NorthboundEvents, found: () => void): Promise<void> {
    const { clock, controller, intervalMs } = this.#options;
    let topologyMs = Number.NEGATIVE_INFINITY;
    let said = '';
    let flows: readonly InstalledFlow[] = [];
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      if (this.#known === undefined || startMs - topologyMs >= TOPOLOGY_EACH_MS) {
        topologyMs = startMs;
        const known = this.#learn(await controller.network());
        this.#known = known;
        flows = await controller.flows(known.dpids);
        found();
        const now = JSON.stringify(known.topology);
        if (now !== said) events.topology(known.topology);
        said = now;
        events.routes(this.#routesOf(known, flows));
      }
      const known = this.#reached();
      const beforeMs = clock.nowMs();
      const ports = await controller.ports(known.dpids);
      const timeMs = (beforeMs + clock.nowMs()) / 2;
      const counters = new Map(ports.map((one) => [portKey(one.dpid, one.port), one]));
      const links = [...this.#links].flatMap(([id, link]): LinkCounters[] => {
        const one = counters.get(portKey(link.from, link.port));
        if (one === undefined) return [];
        return [{ id, txBytes: one.bytes, txPackets: one.packets, txDropped: one.drops, marks: new Map() }];
      });
      events.statistics({ epoch: this.#epoch, timeMs, links });
      await pause(clock, Math.max(0, startMs + intervalMs - clock.nowMs()), signal);
    }
  }

  #nameOf(dpid: string): string {
    return this.#options.switches[dpid] ?? `s${BigInt(`0x${dpid}`)}`;
  }

  #learn(network: PolledNetwork): Known {
    const { paths, rates } = this.#options;
    const ids = new Set<string>();
    for (const link of network.links) {
      const id = `${this.#nameOf(link.from)}>${this.#nameOf(link.to)}`;
      if (ids.has(id) || this.#links.size >= MOST_LINKS) continue;
      ids.add(id);
      this.#links.set(id, link);
    }
    const all = new Set(this.#links.keys());
    const hosts = network.hosts
      .filter(({ mac }) => isNetworkName(mac))
      .map(({ mac, addresses, dpid }) => ({ name: mac, addresses, switch: this.#nameOf(dpid) }));
    const topology: Topology = {
      epoch: this.#epoch,
      switches: network.switches.map(({ dpid, connected }) => ({
        name: this.#nameOf(dpid),
        dpid,
        connected,
      })),
      links: [...this.#links].map(([id, { from, to, port, device, up }]) => ({
        id,
        from: this.#nameOf(from),
        to: this.#nameOf(to),
        port,
        device,
        rateBps: rates.get(id) ?? null,
        up: up && ids.has(id),
      })),
      hosts,
      paths:
        paths === undefined
          ? shortestPaths(
              hosts.map((one) => one.switch),
              all,
            )
          : namedPaths(paths, all),
    };
    return {
      topology,
      network,
      dpids: network.switches.filter(({ connected }) => connected).map(({ dpid }) => dpid),
    };
  }

  /** Flows for frames with a DSCP value along a path, there and back; those of the inner switches first, so that none is sent where nobody knows on. */
  #flowsAlong({ network }: Known, path: TopologyPath, dscp: number): SteeringFlow[] {
    const oneWay = (links: readonly string[], end: string): SteeringFlow[] => {
      const macs = network.hosts.filter(({ dpid }) => this.#nameOf(dpid) === end).map(({ mac }) => mac);
      return links
        .toReversed()
        .flatMap((id) => this.#links.get(id) ?? [])
        .flatMap(({ from: dpid, port }) =>
          macs.flatMap((mac) =>
            (['ipv4', 'ipv6'] as const).map((protocol) => ({ dpid, protocol, dscp, mac, port })),
          ),
        );
    };
    return [...oneWay(path.forward, path.between[1]), ...oneWay(path.backward, path.between[0])];
  }

  /** Puts in what is wanted for a DSCP value, then takes out what is not. */
  async #steer({ dpids }: Known, dscp: number, wanted: readonly SteeringFlow[]): Promise<void> {
    const { controller } = this.#options;
    const present = (await controller.flows(dpids)).filter((flow) => flow.dscp === dscp);
    const there = new Map(present.map((flow) => [flowKey(flow), flow]));
    for (const flow of wanted) {
      if (there.get(flowKey(flow))?.port !== flow.port) await controller.install(flow);
    }
    const keys = new Set(wanted.map(flowKey));
    for (const flow of present) {
      if (!keys.has(flowKey(flow))) await controller.remove(flow);
    }
  }

  /** Which path each DSCP value is steered to: the one all of whose flows are there. */
  #routesOf(known: Known, flows: readonly InstalledFlow[]): Routes {
    const present = new Set(flows.map((flow) => `${flowKey(flow)} ${flow.dscp} ${flow.port}`));
    const marks = new Map<number, string>();
    for (const dscp of new Set(flows.map((flow) => flow.dscp))) {
      const whole = known.topology.paths.find((path) => {
        const wanted = this.#flowsAlong(known, path, dscp);
        return (
          wanted.length > 0 && wanted.every((flow) => present.has(`${flowKey(flow)} ${dscp} ${flow.port}`))
        );
      });
      // Flows that make no path have to be put right: no path is called so.
      marks.set(dscp, whole?.id ?? '');
    }
    return { marks };
  }
}

/** Makes a {@link Northbound} of a controller that has to be polled. */
export function polledNorthbound(options: PolledOptions): Northbound {
  return new PolledNorthbound(options);
}
