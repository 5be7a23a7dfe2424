import { dscpFilters, htbTree, leafSpec, ROOT_MAJOR } from '../htb-tree.ts';
import { handleId } from '../tc-commands.ts';
import type { Strategy } from './strategy.ts';
import { lacking } from './strategy.ts';

/** HTB with flower filters. */
export const htbFlower: Strategy = {
  name: 'htb-flower',
  what: 'HTB classes, sorted by DSCP with flower',
  missing: (platform) => lacking(platform, ['htb'], ['flower']),
  plan(platform, port, shares) {
    const tree = htbTree(port, shares, (ceilingBps) => leafSpec(platform, port, ceilingBps));
    return {
      objects: [...tree.objects, ...dscpFilters(port, handleId(ROOT_MAJOR), 'flower', tree.classes)],
      classes: tree.classes,
      nftRules: [],
      furtherSteps: [],
      limitations: [],
    };
  },
};
