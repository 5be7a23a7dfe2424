import { type BalancerKind, type Candidate, NO_HASH } from './balancer.ts';
import { hashText, mixed } from './hash.ts';

/** The points of all endpoints by their place, and whose each is. */
interface Ring {
  readonly places: Uint32Array;
  readonly owners: Uint16Array;
}

/** Where a point's owner stands while points are sorted as plain numbers. */
const OWNERS = 0x1_0000;

/** The heaviest endpoint has `ringPoints` points, the others in proportion, and each one at least. */
function ringOf(candidates: readonly Candidate[], ringPoints: number): Ring {
  const heaviest = candidates.reduce((most, { weight }) => Math.max(most, weight), 0);
  const points: number[] = [];
  for (const [owner, { label, weight }] of candidates.entries()) {
    const count = Math.max(1, Math.round((ringPoints * weight) / heaviest));
    const own = hashText(label);
    for (let point = 0; point < count; point += 1) {
      points.push(mixed(own ^ Math.imul(point + 1, 0x9e3779b9)) * OWNERS + owner);
    }
  }
  const sorted = Float64Array.from(points).sort();
  return {
    places: Uint32Array.from(sorted, (point) => Math.floor(point / OWNERS)),
    owners: Uint16Array.from(sorted, (point) => point % OWNERS),
  };
}

/** The first point at or behind a place; behind the last one the ring begins again. */
function pointAt(places: Uint32Array, place: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] as number) < place) low = middle + 1;
    else high = middle;
  }
  return low === places.length ? 0 : low;
}

/**
 * Requests with the same key go to the same endpoint: to the owner of the next point on a ring (Karger et al., "Consistent hashing and random
 * trees", 1997; many points an endpoint as in ketama, Jones 2007). Where an endpoint leaves, only its own keys go elsewhere.
 */
export const ringHash: BalancerKind = {
  name: 'ring-hash',
  hashes: true,
  timed: false,
  over(candidates, random, { ringPoints }) {
    let ring: Ring | undefined;
    return {
      pick(_classIndex, hash, tried) {
        if (candidates.length < 2)
          return candidates.length === 0 || tried.includes(candidates[0] as Candidate) ? -1 : 0;
        ring ??= ringOf(candidates, ringPoints);
        const { places, owners } = ring;
        let point = pointAt(places, hash === NO_HASH ? random.next() * 0x1_0000_0000 : hash);
        for (let step = 0; step < owners.length; step += 1) {
          const owner = owners[point] as number;
          if (tried.length === 0 || !tried.includes(candidates[owner] as Candidate)) return owner;
          point = point + 1 === owners.length ? 0 : point + 1;
        }
        return -1;
      },
    };
  },
};
