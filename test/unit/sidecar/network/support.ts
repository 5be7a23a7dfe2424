import type { Policy } from '../../../../src/core/index.ts';
import { caseStudy } from '../../kernel-qos/fixture.ts';

/** Three classes: the first two have marks for other paths, one and two; the third has none. */
export const threeClasses: Policy = {
  ...caseStudy,
  classes: [[3], [7, 11], []].map((alternateDscp, index) => ({
    ...(caseStudy.classes[0] as Policy['classes'][number]),
    name: ['interactive', 'batch', 'rest'][index] ?? '',
    rank: index,
    network: { path: 'default', moveOrder: 2 - index, alternateDscp },
  })),
};

/** The first has a mark, the second is only paced, the third has nothing. */
export const PROFILES = [
  { dscp: 46, kernelPriority: 6 },
  { scavenger: { targetDelayMs: 10, minRateBps: 250_000 } },
  {},
] as const;
