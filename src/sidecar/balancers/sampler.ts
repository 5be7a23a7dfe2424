import type { Random } from '../../core/index.ts';
import type { Candidate } from './balancer.ts';

/** Draws that may be rejected before all weights are looked at. */
const DRAWS = 12;

/**
 * Draws endpoints with probabilities that are as their weights, which may change at any time: an endpoint drawn blindly is accepted with its
 * share of the largest weight (Lipowski and Lipowska, "Roulette-wheel selection via stochastic acceptance", 2012).
 */
export class WeightedSampler {
  readonly #candidates: readonly Candidate[];
  readonly #random: Random;
  readonly #maxWeight: number;

  constructor(candidates: readonly Candidate[], random: Random) {
    this.#candidates = candidates;
    this.#random = random;
    this.#maxWeight = candidates.reduce((most, { weight }) => Math.max(most, weight), 0);
  }

  /** An index, or -1 when all have been tried. */
  draw(classIndex: number, tried: readonly Candidate[]): number {
    const candidates = this.#candidates;
    const count = candidates.length;
    if (count === 1 && tried.length === 0) return 0;
    const random = this.#random;
    for (let round = 0; round < DRAWS && count > 0; round += 1) {
      const index = random.below(count);
      const candidate = candidates[index] as Candidate;
      if (tried.length > 0 && tried.includes(candidate)) continue;
      const weight = candidate.weightFor(classIndex);
      if (weight >= this.#maxWeight || random.next() * this.#maxWeight < weight) return index;
    }
    return this.#walk(classIndex, tried);
  }

  /** Another one than `index` that has not been tried, all alike; -1 when there is none. */
  other(index: number, tried: readonly Candidate[]): number {
    const candidates = this.#candidates;
    const count = candidates.length;
    if (count < 2) return -1;
    const first = 1 + this.#random.below(count - 1);
    for (let step = 0; step < count - 1; step += 1) {
      const other = (index + 1 + ((first - 1 + step) % (count - 1))) % count;
      if (tried.length === 0 || !tried.includes(candidates[other] as Candidate)) return other;
    }
    return -1;
  }

  /** The same by adding up: for few that are light among many that are heavy or have been tried. */
  #walk(classIndex: number, tried: readonly Candidate[]): number {
    const candidates = this.#candidates;
    let total = 0;
    for (const candidate of candidates) {
      if (!tried.includes(candidate)) total += candidate.weightFor(classIndex);
    }
    let left = this.#random.next() * total;
    let last = -1;
    for (let index = 0; index < candidates.length; index += 1) {
      const candidate = candidates[index] as Candidate;
      if (tried.includes(candidate)) continue;
      last = index;
      left -= candidate.weightFor(classIndex);
      if (left < 0) return index;
    }
    return last;
  }
}
