import type { TopologyPath } from '../../control-protocol/index.ts';

/** Paths between one pair of switches: the default and as many as a class can have further DSCP values. */
const PATHS_PER_PAIR = 4;
const MOST_PAIRS = 256;
/** Longer ways round than the shortest by more than so many links are none. */
const DETOUR_LINKS = 2;
/** So many partial ways are looked at for a pair; a network with more has paths enough before. */
const MOST_STEPS = 10_000;

/** A path as a person names it: the switches from one end to the other. */
export interface NamedPath {
  readonly id: string;
  readonly switches: readonly string[];
}

const linksAlong = (switches: readonly string[]): string[] =>
  switches.slice(1).map((to, index) => `${switches[index] ?? ''}>${to}`);

function pathOver({ id, switches }: NamedPath, isDefault: boolean): TopologyPath {
  const [first = '', last = ''] = [switches[0], switches.at(-1)];
  return {
    id,
    default: isDefault,
    between: [first, last],
    forward: linksAlong(switches),
    backward: linksAlong(switches.toReversed()),
  };
}

/** The given paths whose links are all there, both ways. Of each pair of switches the first one given is the default. */
export function namedPaths(named: readonly NamedPath[], links: ReadonlySet<string>): TopologyPath[] {
  const pairs = new Set<string>();
  return named.flatMap((one) => {
    const pair = `${one.switches[0] ?? ''} ${one.switches.at(-1) ?? ''}`;
    const path = pathOver(one, !pairs.has(pair));
    pairs.add(pair);
    return [...path.forward, ...path.backward].every((link) => links.has(link)) ? [path] : [];
  });
}

/** Ways without a circle between two switches, the shortest first, then by the names of the switches. */
function waysBetween(from: string, to: string, next: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  let shortest = Number.POSITIVE_INFINITY;
  const queue: string[][] = [[from]];
  for (let steps = 0; queue.length > 0 && steps < MOST_STEPS && found.length < PATHS_PER_PAIR; steps += 1) {
    const way = queue.shift() ?? [];
    if (way.length - 1 > shortest + DETOUR_LINKS) break;
    const at = way.at(-1) ?? '';
    if (at === to) {
      shortest = Math.min(shortest, way.length - 1);
      found.push(way);
      continue;
    }
    for (const neighbour of next.get(at) ?? []) {
      if (!way.includes(neighbour)) queue.push([...way, neighbour]);
    }
  }
  return found;
}

/**
 * The paths between all pairs of switches that have hosts, where nobody named them: of each pair the four shortest, of which the
 * first is taken for the default. They are called `default`, `path-2`, `path-3` and `path-4`.
 */
export function shortestPaths(edges: readonly string[], links: ReadonlySet<string>): TopologyPath[] {
  const next = new Map<string, string[]>();
  for (const link of [...links].sort()) {
    const [from = '', to = ''] = link.split('>');
    if (links.has(`${to}>${from}`)) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const sorted = [...new Set(edges)].sort();
  const pairs = sorted.flatMap((a, index) => sorted.slice(index + 1).map((b) => [a, b] as const));
  return pairs.slice(0, MOST_PAIRS).flatMap(([a, b]) =>
    waysBetween(a, b, next).map((switches, index) => {
      const id = index === 0 ? 'default' : `path-${index + 1}`;
      return pathOver({ id, switches }, index === 0);
    }),
  );
}
