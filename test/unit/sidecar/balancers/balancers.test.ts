import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BALANCER_NAMES } from '../../../../src/config/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import {
  BALANCERS,
  type BalancerKind,
  type Candidate,
  hashBytes,
  hashText,
  PeakEwma,
} from '../../../../src/sidecar/balancers/index.ts';

const SETTINGS = { ringPoints: 160, tableSize: 4099 };

class Fake implements Candidate {
  readonly label: string;
  readonly weight: number;
  inFlight = 0;
  share = 1;
  latencyMs = 0;

  constructor(label: string, weight = 1, inFlight = 0) {
    this.label = label;
    this.weight = weight;
    this.inFlight = inFlight;
  }

  weightFor(): number {
    return this.weight * this.share;
  }

  expectedMs(): number {
    return this.latencyMs;
  }
}

const named = (name: string): BalancerKind => {
  const kind = BALANCERS.find((one) => one.name === name);
  if (kind === undefined) throw new RangeError(name);
  return kind;
};
const over = (name: string, all: readonly Fake[], seed = 1) =>
  named(name).over(all, seededRandom(seed), SETTINGS);
const fakes = (...weights: number[]) =>
  weights.map((weight, index) => new Fake(`10.0.0.${index}:80`, weight));

/** The share of picks of each, keys by lot. */
function sharesOf(name: string, all: readonly Fake[], count = 20_000): number[] {
  const picker = over(name, all);
  const counts = all.map(() => 0);
  for (let round = 0; round < count; round += 1) {
    const index = picker.pick(0, hashText(`key ${round}`), []);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts.map((one) => one / count);
}

describe('every balancer', () => {
  it('stands in the configuration under its name, the default first', () => {
    expect(BALANCERS.map(({ name }) => name)).toEqual(BALANCER_NAMES);
  });

  it.each(BALANCERS.map((kind) => [kind.name, kind] as const))(
    '%s picks only who has not been tried, and somebody while there is one',
    (_name, kind) => {
      fc.assert(
        fc.property(
          fc.array(
            fc.record({
              weight: fc.double({ min: 0.01, max: 1000, noNaN: true }),
              share: fc.double({ min: 0.01, max: 1, noNaN: true }),
              inFlight: fc.nat({ max: 9 }),
              latencyMs: fc.double({ min: 0, max: 1000, noNaN: true }),
              tried: fc.boolean(),
            }),
            { maxLength: 8 },
          ),
          fc.nat(),
          fc.integer({ min: -1, max: 2 ** 32 - 1 }),
          (rows, seed, hash) => {
            const all = rows.map(({ weight, ...more }, index) =>
              Object.assign(new Fake(`e${index}`, weight), more),
            );
            const tried = all.filter((_, index) => rows[index]?.tried);
            const picker = kind.over(all, seededRandom(seed), { ringPoints: 16, tableSize: 1009 });
            for (let round = 0; round < 8; round += 1) {
              const picked = all[picker.pick(0, hash, tried)];
              if (tried.length === all.length) expect(picked).toBeUndefined();
              else expect(picked === undefined || tried.some((one) => one === picked)).toBe(false);
            }
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each(['least-request', 'round-robin', 'random', 'ring-hash', 'maglev'])(
    '%s gives idle endpoints what their weights say',
    (name) => {
      const shares = sharesOf(name, fakes(1, 2, 5));
      // A ring is coarse: with 160 points the standard deviation of a share is about its square root of 1/160.
      const slack = name === 'ring-hash' ? 0.25 : 0.05;
      for (const [index, weight] of [1, 2, 5].entries()) {
        expect(Math.abs((shares[index] ?? 0) - weight / 8) / (weight / 8)).toBeLessThan(slack);
      }
    },
  );

  it.each(['least-request', 'peak-ewma', 'round-robin', 'random'])(
    '%s gives less to who starts slowly or is reached over a congested way',
    (name) => {
      const all = fakes(1, 1, 1);
      for (const one of all) one.latencyMs = 10;
      for (const one of all) one.inFlight = 4;
      (all[1] as Fake).share = 0.1;
      expect(sharesOf(name, all)[1]).toBeLessThan(0.1);
    },
  );
});

describe('round robin', () => {
  it('visits all in turn', () => {
    const all = fakes(1, 1, 1, 1);
    const picker = over('round-robin', all);
    const seen = Array.from({ length: 8 }, () => picker.pick(0, -1, [all[2] as Fake]));
    expect([...seen.slice(0, 3)].sort()).toEqual([0, 1, 3]);
    expect(seen.slice(3, 6)).toEqual(seen.slice(0, 3));
  });

  it('spreads the turns of a heavy endpoint', () => {
    const picker = over('round-robin', fakes(5, 1, 1));
    const seen = Array.from({ length: 7 }, () => picker.pick(0, -1, [])).join('');
    expect(seen.replaceAll(/[12]/g, '').length).toBe(5);
    expect(seen).not.toContain('0000');
  });
});

describe('least request', () => {
  it('never takes the most loaded', () => {
    const all = [9, 1, 1, 1].map((inFlight, index) => new Fake(`e${index}`, 1, inFlight));
    expect(sharesOf('least-request', all, 2000)[0]).toBe(0);
  });

  it('counts the load for each unit of weight', () => {
    const all = [new Fake('light', 1, 4), new Fake('heavy', 10, 10)];
    expect(sharesOf('least-request', all, 500)).toEqual([0, 1]);
  });
});

describe('the peak-sensitive average', () => {
  it('takes a peak at once and whole, and lets go of it with time', () => {
    const average = new PeakEwma();
    expect(average.at(0)).toBe(0);
    average.observe(10, 1000);
    average.observe(500, 1100);
    expect(average.at(1100)).toBe(500);
    average.observe(10, 11_100);
    expect(average.at(11_100)).toBeCloseTo(500 / Math.E + 10 * (1 - 1 / Math.E), 5);
    expect(average.at(61_100)).toBeLessThan(2);
  });
});

/** Open-loop arrivals at servers that serve one request after the other; gives the mean and the worst of every hundred latencies. */
function simulate(name: string, serviceMs: readonly number[], gapMs: number): { mean: number; p99: number } {
  const random = seededRandom(42);
  const all = fakes(...serviceMs.map(() => 1));
  const averages = all.map(() => new PeakEwma());
  const freeMs = all.map(() => 0);
  const picker = over(name, all);
  let running: { atMs: number; index: number; tookMs: number }[] = [];
  const latencies: number[] = [];
  let nowMs = 0;
  for (let request = 0; request < 4000; request += 1) {
    nowMs += random.exponential(gapMs);
    const over_ = running.filter(({ atMs }) => atMs <= nowMs);
    running = running.filter(({ atMs }) => atMs > nowMs);
    for (const { index, atMs, tookMs } of over_.sort((one, other) => one.atMs - other.atMs)) {
      averages[index]?.observe(tookMs, atMs);
      (all[index] as Fake).inFlight -= 1;
    }
    for (const [index, one] of all.entries()) one.latencyMs = averages[index]?.at(nowMs) ?? 0;
    const index = picker.pick(0, -1, []);
    const beginMs = Math.max(nowMs, freeMs[index] ?? 0);
    const endMs = beginMs + random.exponential(serviceMs[index] ?? 0);
    freeMs[index] = endMs;
    (all[index] as Fake).inFlight += 1;
    running.push({ atMs: endMs, index, tookMs: endMs - nowMs });
    latencies.push(endMs - nowMs);
  }
  latencies.sort((one, other) => one - other);
  return {
    mean: latencies.reduce((sum, one) => sum + one, 0) / latencies.length,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

describe('one endpoint that is ten times as slow as four others', () => {
  const serviceMs = [5, 5, 5, 5, 50];
  const turns = simulate('round-robin', serviceMs, 4);
  const blind = simulate('least-request', serviceMs, 4);
  const peak = simulate('peak-ewma', serviceMs, 4);

  it('hurts peak EWMA a tenth as much as turns, in the mean and in the tail', () => {
    expect(peak.mean * 10).toBeLessThan(turns.mean);
    expect(peak.p99 * 10).toBeLessThan(turns.p99);
  });

  it('hurts it less than the count of requests alone', () => {
    expect(peak.p99).toBeLessThan(blind.p99);
  });
});

describe.each([
  ['ring-hash', 1],
  ['maglev', 1.35],
] as const)('%s', (name, bound) => {
  const keys = Array.from({ length: 4000 }, (_, index) => hashText(`user-${index}`));

  it('gives a key to the same endpoint on every sidecar', () => {
    const all = fakes(1, 1, 2, 1, 1);
    // It may have learnt of them in another order.
    const others = seededRandom(5).shuffle(all);
    const [here, there] = [over(name, all, 1), over(name, others, 2)];
    for (const key of keys) expect(all[here.pick(0, key, [])]).toBe(others[there.pick(0, key, [])]);
  });

  it('moves hardly more keys than it must when an endpoint leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 30 }), fc.nat(), (count, which) => {
        const all = fakes(...Array.from({ length: count }, () => 1));
        const gone = all[which % count] as Fake;
        const left = all.filter((one) => one !== gone);
        const [before, after] = [over(name, all), over(name, left)];
        let own = 0;
        let moved = 0;
        for (const key of keys) {
          const was = all[before.pick(0, key, [])];
          if (was === gone) own += 1;
          if (was !== left[after.pick(0, key, [])]) moved += 1;
        }
        expect(own).toBeGreaterThan(0);
        // The ring moves only the keys of who has left; Maglev a few of others (section 5.3 of the paper).
        expect(moved).toBeLessThanOrEqual(bound === 1 ? own : own + keys.length * (bound - 1));
      }),
      { numRuns: 12 },
    );
  });

  it('gives who may not go to its own endpoint to another, the same one each time', () => {
    const all = fakes(1, 1, 1, 1);
    const picker = over(name, all);
    const key = keys[7] ?? 0;
    const own = all[picker.pick(0, key, [])] as Fake;
    const next = picker.pick(0, key, [own]);
    expect(all[next]).not.toBe(own);
    expect(over(name, all, 9).pick(0, key, [own])).toBe(next);
  });
});

it('hashes bytes and their text alike', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
      const bytes = Buffer.from(`xx${text}yy`, 'latin1');
      expect(hashBytes(bytes, 2, bytes.length - 2)).toBe(hashText(text));
    }),
  );
});
