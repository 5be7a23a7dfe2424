import { type BalancerKind, type Candidate, NO_HASH } from './balancer.ts';
import { hashText, mixed } from './hash.ts';

/** An owner stands in the low bits of a point, so that points are sorted as plain numbers. */
const OWNERS = 0x1_0000;

/** The points of all, by place on the ring; the heaviest has `ringPoints` of them. */
function ringOf(candidates: readonly Candidate[], ringPoints: number): Float64Array {
  const heaviest = candidates.reduce((most, { weight }) => Math.max(most, weight), 0);
  const points: number[] = [];
  for (const [owner, { label, weight }] of candidates.entries()) {
    const count = Math.max(1, Math.round((ringPoints * weight) / heaviest));
    const own = hashText(label);
    for (let point = 0; point < count; point += 1) {
      points.push(mixed(own ^ Math.imul(point + 1, 0x9e3779b9)) * OWNERS + owner);
    }
  }
  return Float64Array.from(points).sort();
}

/** The first point at or behind a hash, or that behind the end of the ring. */
function pointAt(ring: Float64Array, hash: number): number {
  const sought = hash * OWNERS;
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ring[middle] as number) < sought) low = middle + 1;
    else high = middle;
  }
  return low === ring.length ? 0 : low;
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
    let ring: Float64Array | undefined;
    return {
      pick(_classIndex, hash, tried) {
        if (candidates.length < 2)
          return candidates.length === 0 || tried.includes(candidates[0] as Candidate) ? -1 : 0;
        ring ??= ringOf(candidates, ringPoints);
        const from = pointAt(ring, hash === NO_HASH ? random.next() * 0x1_0000_0000 : hash);
        for (let step = 0; step < ring.length; step += 1) {
          const owner = (ring[(from + step) % ring.length] as number) % OWNERS;
          if (tried.length === 0 || !tried.includes(candidates[owner] as Candidate)) return owner;
        }
        return -1;
      },
    };
  },
};
