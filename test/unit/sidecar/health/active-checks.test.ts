import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import { ActiveChecks, type CheckSettings, type Verdict } from '../../../../src/sidecar/health/index.ts';
import { addresses, heldUpstream } from '../upstream-support.ts';

const SETTINGS: CheckSettings = {
  intervalMs: 1000,
  jitter: 0.2,
  timeoutMs: 300,
  unhealthyAfter: 3,
  healthyAfter: 2,
};

interface Asked {
  readonly host: string;
  readonly atMs: number;
  readonly verdict: Verdict;
  cancelled: boolean;
}

/** Checks of an upstream whose answers the test gives; those that are not given never come. */
function checked(count: number, answer: (host: string) => boolean | undefined) {
  const held = heldUpstream({ endpoints: addresses(count) });
  const asked: Asked[] = [];
  const check = ({ host }: { readonly host: string }, verdict: Verdict) => {
    const one: Asked = { host, atMs: held.clock.ms, verdict, cancelled: false };
    asked.push(one);
    const healthy = answer(host);
    if (healthy !== undefined) queueMicrotask(() => verdict(healthy));
    return () => {
      one.cancelled = true;
    };
  };
  const checks = new ActiveChecks(SETTINGS, check, held.wheel, seededRandom(3));
  for (const endpoint of held.upstream.endpoints) checks.joined(endpoint);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 20) {
      held.pass(20);
      await Promise.resolve();
    }
  };
  return { ...held, checks, asked, pass };
}

describe('active checks', () => {
  it('take an endpoint out after so many failures in a row, and back after so many successes', async () => {
    let well = true;
    const { upstream, pass } = checked(1, () => well);
    const [endpoint] = upstream.endpoints;
    await pass(5000);
    well = false;
    // Two failures at most fit into this.
    await pass(1500);
    expect(endpoint?.eligible).toBe(true);
    await pass(3000);
    expect(endpoint?.eligible).toBe(false);
    well = true;
    await pass(1000);
    expect(endpoint?.eligible).toBe(false);
    await pass(2000);
    expect(endpoint?.eligible).toBe(true);
  });

  it('do not wait for an answer that does not come, and ask one at a time', async () => {
    const { upstream, pass, asked, checks } = checked(1, () => undefined);
    await pass(6000);
    expect(upstream.endpoints[0]?.eligible).toBe(false);
    expect(asked.slice(0, -1).every(({ cancelled }) => cancelled)).toBe(true);
    expect(checks.counts.timeouts).toBe(checks.counts.failures);
  });

  it('are spread over the interval, and never come sooner than it', async () => {
    const { pass, asked } = checked(40, () => true);
    await pass(8000);
    const first = new Map<string, number>();
    for (const { host, atMs } of asked) {
      const before = first.get(host);
      if (before !== undefined) {
        expect(atMs - before).toBeGreaterThanOrEqual(SETTINGS.intervalMs - 20);
        expect(atMs - before).toBeLessThanOrEqual(SETTINGS.intervalMs * (1 + SETTINGS.jitter) + 60);
      }
      first.set(host, atMs);
    }
    const inFirstTenth = asked.filter(({ atMs }) => atMs < 1100).length;
    expect(inFirstTenth).toBeLessThan(15);
  });

  it('end with the endpoint', async () => {
    const { upstream, pass, asked, checks } = checked(1, () => undefined);
    await pass(1100);
    const [endpoint] = upstream.endpoints;
    if (endpoint !== undefined) checks.left(endpoint);
    const count = asked.length;
    asked.at(-1)?.verdict(false);
    await pass(5000);
    expect([asked.length, asked.at(-1)?.cancelled]).toEqual([count, true]);
  });
});
