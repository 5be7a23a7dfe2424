import type { NetworkSettings } from '../../src/core/index.ts';

/** The network section of a policy that says nothing of it, without reactions. */
export const QUIET_NETWORK: NetworkSettings = {
  reactions: [],
  hints: { intervalMs: 20, ttlMs: 1000, smoothingMs: 40, targetDelayMs: 20 },
  damping: {
    congestedLevel: 0.7,
    calmLevel: 0.3,
    minGain: 0.2,
    minHoldMs: 1000,
    escalateMs: 300,
    returnAfterMs: 5000,
    penaltyHalfLifeMs: 30_000,
    maxPenalty: 3,
  },
};
