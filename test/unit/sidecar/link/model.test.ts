import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom, systemClock } from '../../../../src/core/index.ts';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import { FIRST_CREDIT_BYTES } from '../../../../src/sidecar/link/frames.ts';
import { arriveAt, type Keeper, LinkPair } from './link-pair.ts';

/** What a test does with one stream after the other. */
type Step =
  | {
      readonly do: 'send';
      readonly at: number;
      readonly back: boolean;
      readonly length: number;
      readonly classIndex: number;
    }
  | {
      readonly do: 'pause' | 'resume' | 'end' | 'close' | 'abort';
      readonly at: number;
      readonly back: boolean;
    }
  | { readonly do: 'block' | 'free'; readonly back: boolean }
  | { readonly do: 'open'; readonly classIndex: number }
  | { readonly do: 'carry'; readonly pieceBytes: number };

const at = fc.nat({ max: 5 });
const back = fc.boolean();
const classIndex = fc.nat({ max: 15 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      at,
      back,
      length: fc.integer({ min: 1, max: 90_000 }),
      classIndex,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const), at, back }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('end' as const, 'close' as const, 'abort' as const),
      at,
      back,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('block' as const, 'free' as const), back }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const), classIndex }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('carry' as const),
      pieceBytes: fc.integer({ min: 1, max: 70_000 }),
    }),
  },
);

/** One direction of one stream: what was sent, and who keeps what comes. */
interface Direction {
  readonly sent: Buffer[];
  broken: boolean;
}

describe('a link, against what sockets would do', () => {
  it('brings every stream what was sent on it, whole and in order, whatever the others do', async () => {
    const wheel = new TimerWheel(systemClock);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const pair = new LinkPair(wheel);
        const there: Direction[] = [];
        const home: Direction[] = [];
        let counter = 0;
        const sides = (isBack: boolean) => (isBack ? pair.accepter : pair.opener);
        for (const one of steps) {
          if (one.do === 'block' || one.do === 'free') {
            const { socket } = sides(one.back);
            socket.taking = one.do === 'free';
            if (socket.taking) socket.take();
          } else if (one.do === 'open') {
            pair.opener.open(one.classIndex);
            there.push({ sent: [], broken: false });
            home.push({ sent: [], broken: false });
          } else if (one.do === 'carry') {
            await pair.settle(one.pieceBytes);
          } else if ('at' in one) {
            const end = sides(one.back);
            const index = end.streams.length === 0 ? -1 : one.at % end.streams.length;
            const stream = end.streams[index];
            if (stream === undefined || stream.closed) continue;
            const direction = (one.back ? home : there)[index] as Direction;
            if (one.do === 'send') {
              counter += 1;
              const bytes = Buffer.alloc(one.length, `${counter}:`);
              if (!one.back) stream.classIndex = one.classIndex;
              stream.send(bytes);
              direction.sent.push(bytes);
            } else if (one.do === 'pause') stream.pause();
            else if (one.do === 'resume') stream.resume();
            else if (one.do === 'end') {
              stream.end();
              direction.broken = true;
            } else {
              stream.destroy(one.do === 'abort');
              (there[index] as Direction).broken = true;
              (home[index] as Direction).broken = true;
            }
          }
        }
        for (const end of [pair.opener, pair.accepter]) {
          end.socket.taking = true;
          end.socket.take();
          for (const stream of end.streams) stream.resume();
        }
        await pair.settle(4096);
        expect([...pair.opener.counters.faults, ...pair.accepter.counters.faults]).toEqual([]);
        const check = (
          keepers: readonly Keeper[],
          directions: readonly Direction[],
          others: readonly Direction[],
        ) => {
          for (const [index, keeper] of keepers.entries()) {
            const { sent, broken } = directions[index] as Direction;
            const wanted = Buffer.concat(sent);
            const got = keeper.received;
            // Nothing but a beginning of what was sent ever arrives; where nobody ended or broke anything, all of it does.
            expect(got.equals(wanted.subarray(0, got.length))).toBe(true);
            if (!broken && !(others[index] as Direction).broken) expect(got.length).toBe(wanted.length);
            expect(keeper.closed).toBeLessThanOrEqual(1);
            expect(keeper.ended).toBeLessThanOrEqual(1);
          }
        };
        check(pair.accepter.keepers, there, home);
        check(pair.opener.keepers, home, there);
        for (const { granted, input } of [...pair.opener.streams, ...pair.accepter.streams]) {
          expect(granted + input.length).toBeLessThanOrEqual(FIRST_CREDIT_BYTES);
        }
        // Both ends agree on which streams live.
        expect(pair.opener.link.size).toBe(pair.accepter.link.size);
        pair.opener.link.destroy();
        pair.accepter.link.destroy();
      }),
      { numRuns: 60 },
    );
    wheel.close();
  });
});

describe('a link under bytes of chance', () => {
  const rounds = Number(process.env['PRIOMESH_FUZZ_ROUNDS'] ?? 300);
  const seed = Number(process.env['PRIOMESH_FUZZ_SEED'] ?? 20_261);

  it(`neither throws nor keeps more than it may (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const wheel = new TimerWheel(systemClock);
    const below = (bound: number): number => Math.floor(random.next() * bound);
    const causes = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const pair = new LinkPair(wheel);
      const { accepter } = pair;
      let next = 1;
      for (let count = 0; count < 40 && accepter.closedFor.length === 0; count += 1) {
        const type = below(100) < 95 ? 1 + below(8) : below(256);
        const id = type === 1 && below(10) < 9 ? next++ : type >= 6 && below(10) < 9 ? 0 : below(next + 1);
        const lengths = [0, 0, 1 + below(40_000), 4, 0, 1, 8, 8, 1];
        const length = below(100) < 97 ? (lengths[type] ?? 0) : below(65_536);
        const payload = Buffer.alloc(length, type === 4 ? 0 : below(2));
        const head = Buffer.from([
          length >> 8,
          length,
          type,
          below(below(50) === 0 ? 256 : 16),
          0,
          0,
          id >> 8,
          id,
        ]);
        const bytes = Buffer.concat([head, payload]);
        if (below(50) === 0) bytes[below(bytes.length)] = below(256);
        arriveAt(accepter.wire, bytes, 1 + below(20_000));
        const stream = accepter.streams[below(accepter.streams.length + 1)];
        const action = below(8);
        if (action === 0) stream?.destroy(below(2) === 0);
        else if (action === 1) stream?.pause();
        else if (action === 2) stream?.resume();
        else if (action === 3) stream?.send(Buffer.alloc(below(100_000)));
        else if (action === 4) stream?.end();
      }
      for (const { stream } of accepter.keepers) expect(stream.input.length).toBeLessThanOrEqual(65_536);
      for (const [name, count] of accepter.counters.faults) causes.set(name, (causes.get(name) ?? 0) + count);
      pair.opener.link.destroy();
      accepter.link.destroy();
      await new Promise((resolve) => setImmediate(resolve));
      expect(accepter.counters.streams).toBe(0);
      for (const { closed } of accepter.keepers) expect(closed).toBe(1);
    }
    wheel.close();
    // Enough different ways to be wrong were tried.
    expect(causes.size).toBeGreaterThan(5);
  });
});
