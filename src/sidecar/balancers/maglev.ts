import { type BalancerKind, type Candidate, NO_HASH } from './balancer.ts';
import { hashText } from './hash.ts';

const SKIP_SEED = 0x5bd1e995;

/**
 * Fills the table: in turn each endpoint takes the next entry of its own permutation that is still free (Eisenbud et al., "Maglev: A fast and
 * reliable software network load balancer", NSDI 2016, section 3.4). A lighter endpoint sits out turns.
 */
function tableOf(candidates: readonly Candidate[], size: number): Uint16Array {
  const table = new Uint16Array(size);
  const free = new Uint8Array(size).fill(1);
  const heaviest = candidates.reduce((most, { weight }) => Math.max(most, weight), 0);
  const at = candidates.map(({ label }) => hashText(label) % size);
  const skips = candidates.map(({ label }) => (hashText(label, SKIP_SEED) % (size - 1)) + 1);
  // Each has its first turn at once, so that none is left without an entry.
  const earned = candidates.map(({ weight }) => 1 - weight / heaviest);
  // Turns are taken in the order of the labels, so that the table is the same wherever the list comes in another order.
  const order = candidates.map((_, owner) => owner);
  order.sort((one, other) => ((candidates[one]?.label ?? '') < (candidates[other]?.label ?? '') ? -1 : 1));
  let filled = 0;
  for (;;) {
    for (const owner of order) {
      earned[owner] = (earned[owner] as number) + (candidates[owner] as Candidate).weight / heaviest;
      // A hair below one: sums of fractions are not exact.
      if ((earned[owner] as number) < 1 - 1e-9) continue;
      earned[owner] = (earned[owner] as number) - 1;
      let entry = at[owner] as number;
      while (free[entry] === 0) entry = (entry + (skips[owner] as number)) % size;
      free[entry] = 0;
      table[entry] = owner;
      at[owner] = (entry + (skips[owner] as number)) % size;
      filled += 1;
      if (filled === size) return table;
    }
  }
}

/**
 * Requests with the same key go to the same endpoint, by one look into a table that spreads keys more evenly than a ring of the same size.
 * Where an endpoint leaves, a few keys of others move with its own.
 */
export const maglev: BalancerKind = {
  name: 'maglev',
  hashes: true,
  timed: false,
  over(candidates, random, { tableSize }) {
    let table: Uint16Array | undefined;
    return {
      pick(_classIndex, hash, tried) {
        if (candidates.length < 2)
          return candidates.length === 0 || tried.includes(candidates[0] as Candidate) ? -1 : 0;
        table ??= tableOf(candidates, tableSize);
        const from = hash === NO_HASH ? random.below(tableSize) : hash % tableSize;
        for (let step = 0; step < tableSize; step += 1) {
          const owner = table[(from + step) % tableSize] as number;
          if (tried.length === 0 || !tried.includes(candidates[owner] as Candidate)) return owner;
        }
        // More endpoints than entries.
        return candidates.findIndex((candidate) => !tried.includes(candidate));
      },
    };
  },
};
