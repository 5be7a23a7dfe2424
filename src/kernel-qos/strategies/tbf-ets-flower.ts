import { bandedTree, bandLimitations, bandsOf } from '../banded-tree.ts';
import { FRAME_BYTES } from '../shaping.ts';
import { lacking, type Strategy } from './strategy.ts';

/** TBF for the rate, ets with a quantum for each share, flower filters: for kernels without HTB. */
export const tbfEtsFlower: Strategy = {
  name: 'tbf-ets-flower',
  what: 'ETS bands by share inside a TBF rate, sorted by DSCP with flower',
  missing: (platform) => lacking(platform, ['tbf', 'ets'], ['flower']),
  plan(platform, port, shares) {
    const bands = bandsOf(shares);
    const least = Math.min(...bands.map((share) => share.guaranteedBps));
    const quantaBytes = bands.map((share) => Math.ceil((FRAME_BYTES * share.guaranteedBps) / least));
    const tree = bandedTree(platform, port, bands, (priomap) => ({ kind: 'ets', quantaBytes, priomap }));
    return {
      ...tree,
      nftRules: [],
      furtherSteps: [],
      limitations: [
        ...bandLimitations(shares, port.rateBps),
        {
          what: 'what a class leaves goes to the others by rank',
          why: 'ets shares it out by quantum, and this kernel has no htb',
          instead: 'what a class leaves goes to the others by share',
        },
      ],
    };
  },
};
