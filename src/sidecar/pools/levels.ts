import type { Locality } from '../../config/index.ts';
import type { Endpoint } from './endpoint.ts';

/** Zone, region, elsewhere. */
const DISTANCES = 3;

function distance(own: Locality | undefined, its: Locality | undefined): number {
  if (own === undefined) return 0;
  if (its?.zone === own.zone && (own.region === undefined || its.region === own.region)) return 0;
  return its?.region !== undefined && its.region === own.region ? 1 : 2;
}

/** Endpoints that are alike in priority and distance. */
export interface Level {
  readonly all: readonly Endpoint[];
  readonly usable: readonly Endpoint[];
}

/**
 * Endpoints by priority, and within a priority by distance; those that come first come first.
 * @param own where the sidecar stands; undefined: distance does not count
 */
export function levelsOf(
  endpoints: readonly Endpoint[],
  own: Locality | undefined,
  usable: (endpoint: Endpoint) => boolean,
): readonly Level[] {
  const levels = new Map<number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const place = endpoint.priority * DISTANCES + distance(own, endpoint.locality);
    const level = levels.get(place);
    if (level === undefined) levels.set(place, [endpoint]);
    else level.push(endpoint);
  }
  return [...levels]
    .sort(([one], [other]) => one - other)
    .map(([, all]) => ({ all, usable: all.filter(usable) }));
}

/**
 * The share of requests that each level gets, in sum 1: a level gets all that is left while its healthy share times the factor is 1 or more,
 * and else as much as that; where nothing adds up to 1, in proportion (Envoy, "Priority levels": 1.4 by default, so that a level may lose
 * 28 % of its endpoints before another one gets requests).
 */
export function sharesOf(healthyShares: readonly number[], factor: number): readonly number[] {
  const able = healthyShares.map((share) => Math.min(1, share * factor));
  const total = Math.min(
    1,
    able.reduce((sum, share) => sum + share, 0),
  );
  if (total === 0) return able;
  let left = 1;
  return able.map((share) => {
    const gets = Math.min(left, share / total);
    left -= gets;
    return gets;
  });
}
