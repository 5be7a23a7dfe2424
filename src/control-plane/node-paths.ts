import { isDeepStrictEqual } from 'node:util';
import { CONTROL_LIMITS, type Topology, type TopologyPath } from '../control-protocol/index.ts';
import type { NetworkPath } from '../core/index.ts';

/** The ways from the hosts of one switch. */
export interface PathTable {
  /** By the address of each host elsewhere; the first path is the default. Hosts at the same switch are not in it: there is one way to them. */
  readonly peers: ReadonlyMap<string, readonly NetworkPath[]>;
  /** Every link that one of these paths crosses. */
  readonly links: readonly string[];
}

const NOTHING: PathTable = { peers: new Map(), links: [] };

function joins({ between: [one, other] }: TopologyPath, from: string, to: string): boolean {
  return (one === from && other === to) || (one === to && other === from);
}

/** The paths between two switches, the default first, the others in the order in which the topology lists them. */
function pathsBetween({ paths }: Topology, from: string, to: string): readonly NetworkPath[] {
  return paths
    .filter((path) => joins(path, from, to))
    .sort((one, other) => Number(other.default) - Number(one.default))
    .slice(0, CONTROL_LIMITS.pathsPerPeer)
    .map(({ id, forward, backward }) => ({ id, links: [...new Set([...forward, ...backward])] }));
}

function tableFrom(topology: Topology, from: string): PathTable {
  const lists = new Map<string, readonly NetworkPath[]>();
  const peers = new Map<string, readonly NetworkPath[]>();
  for (const { switch: to, addresses } of topology.hosts) {
    if (to === from) continue;
    const list = lists.get(to) ?? pathsBetween(topology, from, to);
    lists.set(to, list);
    if (list.length === 0) continue;
    for (const address of addresses) peers.set(address, list);
  }
  const links = [...lists.values()].flatMap((list) => list.flatMap((path) => path.links));
  return { peers, links: [...new Set(links)] };
}

/** What a topology says about the ways from hosts: by address, the switch; by switch, the table of paths. */
export class NodePaths {
  readonly #topology: Topology | undefined;
  readonly #switches = new Map<string, string>();
  readonly #tables = new Map<string, PathTable>();
  readonly #before: ReadonlyMap<string, PathTable>;

  /** @param before what was known until now: a table that has not changed stays the same object */
  constructor(topology?: Topology, before?: NodePaths) {
    this.#topology = topology;
    this.#before = new Map(before === undefined ? [] : before.#tables);
    for (const host of topology?.hosts ?? []) {
      for (const address of host.addresses) this.#switches.set(address, host.switch);
    }
  }

  /** The paths from a host, by its address; the same object for all hosts of a switch. Empty where the topology does not know the host. */
  of(address: string): PathTable {
    const name = this.#switches.get(address);
    if (name === undefined || this.#topology === undefined) return NOTHING;
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const made = tableFrom(this.#topology, name);
    const before = this.#before.get(name);
    const table = before !== undefined && isDeepStrictEqual(before, made) ? before : made;
    this.#tables.set(name, table);
    return table;
  }
}
