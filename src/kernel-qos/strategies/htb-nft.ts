import { htbTree, leafSpec } from '../htb-tree.ts';
import { planNftClassification } from '../nft-marks.ts';
import type { Strategy } from './strategy.ts';
import { lacking } from './strategy.ts';

/** HTB without filters: nft writes the class into the packet's priority, which HTB reads as a class identifier (tc-htb(8), CLASSIFICATION). */
export const htbNft: Strategy = {
  name: 'htb-nft',
  what: 'HTB classes, sorted by DSCP with nftables through skb priority',
  missing(platform) {
    const without = lacking(platform, ['htb'], []);
    const some = platform.filters.includes('nft-egress') || platform.filters.includes('nft');
    return some ? without : [...without, 'filter nft'];
  },
  plan(platform, port, shares) {
    const tree = htbTree(port, shares, (ceilingBps) => leafSpec(platform, port, ceilingBps));
    const family = platform.filters.includes('nft-egress') ? 'netdev' : 'inet';
    const marks = planNftClassification(port, family, tree.classes);
    return {
      objects: tree.objects,
      classes: tree.classes,
      nftRules: marks.rules,
      furtherSteps: marks.steps,
      limitations: marks.limitations,
    };
  },
};
