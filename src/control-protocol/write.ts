import type { Hint, NetworkPath } from '../core/index.ts';
import type { WireHint, WirePaths, WireTopology } from './messages.ts';
import type { Topology } from './topology.ts';

/** A hint as it goes on the wire, with what is left of its time to live. */
export function writeHint(hint: Hint, leftMs: number): WireHint {
  const { link, epoch, sequence, down, classes, utilization = 0 } = hint;
  return {
    link,
    epoch,
    sequence,
    ttlMs: leftMs,
    down,
    utilization,
    classes: Object.entries(classes).map(([name, congestion]) => ({ name, ...congestion })),
  };
}

/** A table of paths as it goes on the wire: peers with the same list of paths are one group. */
export function writePaths(table: ReadonlyMap<string, readonly NetworkPath[]>): WirePaths {
  const groups = new Map<readonly NetworkPath[], string[]>();
  for (const [peer, paths] of table) {
    const group = groups.get(paths);
    if (group === undefined) groups.set(paths, [peer]);
    else group.push(peer);
  }
  return { groups: [...groups].map(([paths, peers]) => ({ peers, paths })) };
}

/** A topology as it goes on the wire. */
export function writeTopology(topology: Topology): WireTopology {
  const links = topology.links.map(({ rateBps, ...link }) =>
    rateBps === null ? link : { ...link, rateBps },
  );
  return { ...topology, links };
}
