import { describe, expect, it } from 'vitest';
import { isTrusted } from '../../../src/analysis/index.ts';

const planned = ['mesh', 'all'].flatMap((arm) => [0, 1, 2, 3].map((block) => ({ arm, block })));

describe('isTrusted', () => {
  it('asks which places stayed without a valid trial, not how many attempts were void', () => {
    expect(isTrusted(planned, planned, 0)).toBe(true);
    expect(isTrusted(planned, planned.slice(1), 0)).toBe(false);
    expect(isTrusted(planned, planned.slice(2), 0.25)).toBe(true);
    expect(isTrusted(planned, planned.slice(3), 0.25)).toBe(false);
  });

  it('never trusts a run that lacks an arm, or everything', () => {
    expect(isTrusted(planned, planned.slice(0, 4), 1)).toBe(false);
    expect(isTrusted([], [], 1)).toBe(false);
  });
});
