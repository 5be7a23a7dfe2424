import { htbFlower } from './htb-flower.ts';
import { htbNft } from './htb-nft.ts';
import { htbU32 } from './htb-u32.ts';
import type { Strategy } from './strategy.ts';
import { tbfEtsFlower } from './tbf-ets-flower.ts';
import { tbfPrioFlower } from './tbf-prio-flower.ts';

/** The strategies, the best first. The first one that misses nothing is chosen. */
export const STRATEGIES: readonly Strategy[] = [htbU32, htbFlower, htbNft, tbfEtsFlower, tbfPrioFlower];
export type { Strategy } from './strategy.ts';
