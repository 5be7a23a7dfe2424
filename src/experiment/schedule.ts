import { seededRandom } from '../core/index.ts';

/** One trial that is to be run: an arm in a block. All arms of a block see the same arrivals. */
export interface ScheduledTrial {
  /** Position in the run, from 0. */
  readonly index: number;
  /** Which repetition, from 0. */
  readonly block: number;
  readonly arm: string;
  /** The seed of the workload; shared by all arms of the block, so that arms are compared on identical arrivals. */
  readonly seed: number;
}

/**
 * Lays out a run as randomized complete blocks (Fisher, "The Design of Experiments", 1935): each block holds every arm
 * once, in an order drawn from the seed, so that a slow drift of the machine falls on all arms alike.
 *
 * @param arms the arms' names
 * @param trials how many blocks
 * @param seed the experiment's root seed
 */
export function buildSchedule(arms: readonly string[], trials: number, seed: number): ScheduledTrial[] {
  const root = seededRandom(seed);
  const order = root.child('order');
  const schedule: ScheduledTrial[] = [];
  for (let block = 0; block < trials; block += 1) {
    const workloadSeed = root.child(`block-${block}`).below(2 ** 32);
    for (const arm of order.shuffle(arms)) {
      schedule.push({ index: schedule.length, block, arm, seed: workloadSeed });
    }
  }
  return schedule;
}
