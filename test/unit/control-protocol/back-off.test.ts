import { describe, expect, it } from 'vitest';
import { backOffMs } from '../../../src/control-protocol/index.ts';
import { seededRandom } from '../../../src/core/index.ts';

describe('the back-off', () => {
  it('doubles to a bound, with jitter around it', () => {
    const random = seededRandom(1);
    const all = [0, 1, 4, 5, 1000].map((failures) =>
      Array.from({ length: 500 }, () => backOffMs(failures, random)),
    );
    const middles = [100, 200, 1600, 2000, 2000];
    for (const [index, middle] of middles.entries()) {
      const waits = all[index] ?? [];
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(middle / 2);
      expect(Math.max(...waits)).toBeLessThan(middle * 1.5);
      expect(new Set(waits).size).toBeGreaterThan(400);
    }
  });
});
