import type { ClassIndex } from '../../../core/index.ts';

/** Pseudo-samples with this coefficient of variation temper the variance of a few samples that happen to be alike. */
const PRIOR_SAMPLES = 2;
const PRIOR_VARIATION = 0.5;

interface ClassSum {
  count: number;
  mean: number;
  /** Sum of squared deviations from the mean (Welford 1962). */
  squares: number;
}

/** A difference of mean waiting with its standard error. */
export interface Difference {
  readonly ms: number;
  readonly errorMs: number;
}

/** Residence times of deliveries, by class. */
export class ResidenceStats {
  readonly #classes = new Map<ClassIndex, ClassSum>();
  /** The most deliveries that were seen in service at once: see {@link overtook}. */
  inService = 0;

  #found = 0;
  #heldSum = 0;

  /** How many the client had in hands with each of these, on average. */
  get meanHeld(): number {
    return this.#found === 0 ? 0 : this.#heldSum / this.#found;
  }

  get count(): number {
    let count = 0;
    for (const sum of this.#classes.values()) count += sum.count;
    return count;
  }

  /** Mean over all classes, as they came; 0 without samples. */
  get meanMs(): number {
    let count = 0;
    let total = 0;
    for (const sum of this.#classes.values()) {
      count += sum.count;
      total += sum.count * sum.mean;
    }
    return count === 0 ? 0 : total / count;
  }

  /** Coefficient of variation inside the classes, pooled; 0 without samples. */
  get variation(): number {
    let squares = 0;
    let freedom = 0;
    for (const sum of this.#classes.values()) {
      if (sum.count < 2 || sum.mean <= 0) continue;
      squares += sum.squares / sum.mean ** 2;
      freedom += sum.count - 1;
    }
    return freedom === 0 ? 0 : Math.sqrt(squares / freedom);
  }

  add(classIndex: ClassIndex, residenceMs: number): void {
    const sum = this.#sum(classIndex);
    sum.count += 1;
    const off = residenceMs - sum.mean;
    sum.mean += off / sum.count;
    sum.squares += off * (residenceMs - sum.mean);
  }

  /** So many that nothing is known of but their age; they are taken for the class that is seen most. */
  addStragglers(count: number, ageMs: number): void {
    let most = 0;
    for (const [classIndex, sum] of this.#classes) {
      if (sum.count > (this.#classes.get(most)?.count ?? 0)) most = classIndex;
    }
    for (let straggler = 0; straggler < count; straggler += 1) this.add(most, ageMs);
  }

  /** The client was given a delivery and has so many in hands now. */
  found(held: number): void {
    this.#found += 1;
    this.#heldSum += held;
  }

  /**
   * A delivery was settled before `overtaken` older ones. In a client that starts what it is given in order, all of them were in service,
   * so it has at least one worker more than that.
   */
  overtook(overtaken: number): void {
    this.inService = Math.max(this.inService, overtaken + 1);
  }

  /** Adds what another has seen (Chan, Golub and LeVeque 1983). */
  merge(other: ResidenceStats): void {
    for (const [classIndex, theirs] of other.#classes) {
      const ours = this.#sum(classIndex);
      const count = ours.count + theirs.count;
      const off = theirs.mean - ours.mean;
      ours.squares += theirs.squares + (off * off * ours.count * theirs.count) / count;
      ours.mean += (off * theirs.count) / count;
      ours.count = count;
    }
    this.#found += other.#found;
    this.#heldSum += other.#heldSum;
    this.inService = Math.max(this.inService, other.inService);
  }

  /** Lets no class weigh more than `count` samples, so that new ones count. */
  forget(count: number): void {
    for (const sum of this.#classes.values()) {
      if (sum.count <= count) continue;
      sum.squares *= count / sum.count;
      sum.count = count;
    }
  }

  /**
   * How much longer a delivery waited here than in `base`. Waiting in a client's FIFO buffer is the same for all classes, so each class that
   * both have seen gives an estimate, and they are weighted by the inverse of their variances: short messages tell more exactly.
   * @returns undefined when they have no class in common
   */
  longerThan(base: ResidenceStats): Difference | undefined {
    let weights = 0;
    let total = 0;
    let squares = 0;
    for (const [classIndex, ours] of this.#classes) {
      const theirs = base.#classes.get(classIndex);
      if (theirs === undefined) continue;
      const mean = (ours.mean * ours.count + theirs.mean * theirs.count) / (ours.count + theirs.count);
      const prior = PRIOR_SAMPLES * (PRIOR_VARIATION * mean) ** 2;
      const freedom = ours.count + theirs.count - 2 + PRIOR_SAMPLES;
      const variance = (ours.squares + theirs.squares + prior) / freedom;
      const weight = ours.count;
      weights += weight;
      total += weight * (ours.mean - theirs.mean);
      squares += weight ** 2 * variance * (1 / ours.count + 1 / theirs.count);
    }
    if (weights === 0) return undefined;
    return { ms: total / weights, errorMs: Math.sqrt(squares) / weights };
  }

  #sum(classIndex: ClassIndex): ClassSum {
    let sum = this.#classes.get(classIndex);
    if (sum === undefined) {
      sum = { count: 0, mean: 0, squares: 0 };
      this.#classes.set(classIndex, sum);
    }
    return sum;
  }
}
