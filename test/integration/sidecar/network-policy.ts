import type { NetworkDecision, NetworkSettings, Policy } from '../../../src/core/index.ts';
import { testPolicy } from './harness.ts';

/** The marks of the harness's two classes, and those of their second path. */
export const MARKS = { interactive: 46, interactive2: 3, batch: 1, batch2: 7 } as const;

/** The harness's policy, where sidecars take these decisions for both classes; batch leaves first. Damping is fast. */
export function networkPolicy(
  decisions: readonly NetworkDecision[] = ['path', 'replica'],
  damping: Partial<NetworkSettings['damping']> = {},
  queue: Partial<Policy['queue']> = {},
): Policy {
  const policy = testPolicy(queue);
  const alternates = [MARKS.interactive2, MARKS.batch2];
  return {
    ...policy,
    classes: policy.classes.map((one, index) => ({
      ...one,
      network: { path: 'default', moveOrder: 1 - index, alternateDscp: [alternates[index] ?? 0] },
    })),
    network: {
      ...policy.network,
      damping: { ...policy.network.damping, minHoldMs: 20, escalateMs: 20, returnAfterMs: 40, ...damping },
      reactions: decisions.map((decide) => ({
        decide,
        owner: 'sidecar',
        classes: policy.classes.map(({ name }) => name),
        sharePercent: 0,
        maxDurationMs: 2000,
        place: { file: 'test', line: 1, column: 1 },
      })),
    },
  };
}
