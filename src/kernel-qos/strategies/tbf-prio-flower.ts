import { bandedTree, bandLimitations, bandsOf } from '../banded-tree.ts';
import { lacking, type Strategy } from './strategy.ts';

/** TBF for the rate, strict bands by rank, flower filters: for kernels that have neither HTB nor ets. */
export const tbfPrioFlower: Strategy = {
  name: 'tbf-prio-flower',
  what: 'strict bands by rank inside a TBF rate, sorted by DSCP with flower',
  missing: (platform) => lacking(platform, ['tbf', 'prio'], ['flower']),
  plan(platform, port, shares) {
    const bands = bandsOf(shares);
    const tree = bandedTree(platform, port, bands, (priomap) => ({
      kind: 'prio',
      bands: bands.length,
      priomap,
    }));
    return {
      ...tree,
      nftRules: [],
      furtherSteps: [],
      limitations: [
        ...bandLimitations(shares, port.rateBps),
        {
          what: 'a guaranteed share for the less important classes',
          why: 'prio is strict, and this kernel has neither htb nor ets',
          instead: 'a class sends only when all more important ones have nothing to send',
        },
      ],
    };
  },
};
