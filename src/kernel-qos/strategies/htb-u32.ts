import { dscpFilters, htbTree, leafSpec, ROOT_MAJOR } from '../htb-tree.ts';
import { handleId } from '../tc-commands.ts';
import type { Strategy } from './strategy.ts';
import { lacking } from './strategy.ts';

/** HTB with u32 filters. */
export const htbU32: Strategy = {
  name: 'htb-u32',
  what: 'HTB classes, sorted by DSCP with u32',
  missing: (platform) => lacking(platform, ['htb'], ['u32']),
  plan(platform, port, shares) {
    const tree = htbTree(port, shares, (ceilingBps) => leafSpec(platform, port, ceilingBps));
    return {
      objects: [...tree.objects, ...dscpFilters(port, handleId(ROOT_MAJOR), 'u32', tree.classes)],
      classes: tree.classes,
      nftRules: [],
      furtherSteps: [],
      limitations: [],
    };
  },
};
