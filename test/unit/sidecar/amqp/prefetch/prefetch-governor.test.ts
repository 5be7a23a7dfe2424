import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefetchGovernor } from '../../../../../src/sidecar/amqp/prefetch/index.ts';

const FREE = { maxWindow: 64, mostWindow: 320, clientPrefetch: 0 };

function fill(governor: PrefetchGovernor, nowMs: number): number[] {
  const marks: number[] = [];
  while (governor.snapshot().unsettled < governor.clientWindow) marks.push(governor.handedOut(nowMs));
  return marks;
}

/** A client that settles what it holds in order, each `serviceMs` after the one before, and is given more at once. */
function serve(governor: PrefetchGovernor, messages: number, serviceMs: number, startMs = 0): number {
  let nowMs = startMs;
  const queue = fill(governor, nowMs).map((mark) => ({ mark, sinceMs: startMs }));
  for (let served = 0; served < messages; served += 1) {
    nowMs += serviceMs;
    const first = queue.shift();
    if (first === undefined) throw new Error('the window is 0');
    const residenceMs = nowMs - first.sinceMs;
    governor.settled({ classIndex: 0, residenceMs, mark: first.mark, count: 1, overtaken: 0 }, nowMs);
    for (const mark of fill(governor, nowMs)) queue.push({ mark, sinceMs: nowMs });
  }
  return nowMs;
}

describe('a prefetch governor', () => {
  it('begins with one message and one to spare, and stays there for one worker', () => {
    const governor = new PrefetchGovernor(FREE);
    expect([governor.clientWindow, governor.brokerWindow]).toEqual([1, 2]);
    serve(governor, 500, 20);
    expect(governor.clientWindow).toBeLessThanOrEqual(2);
    expect(governor.snapshot()).toMatchObject({ baseResidenceMs: 20, stalls: 0, largestBatch: 1 });
  });

  it('searches for nothing where the client says how many messages it works on at once', () => {
    const governor = new PrefetchGovernor({ ...FREE, workers: 8 });
    expect([governor.clientWindow, governor.brokerWindow]).toEqual([8, 9]);
    // Each further message makes all of them slower: to a search eight would be seven too many.
    serve(governor, 2000, 20);
    expect(governor.clientWindow).toBe(8);
    expect(new PrefetchGovernor({ ...FREE, maxWindow: 4, workers: 8 }).clientWindow).toBe(4);
  });

  it('asks for more to spare the further away the broker is', () => {
    const spareAt = (roundTripMs: number): number => {
      const governor = new PrefetchGovernor(FREE);
      governor.roundTrip(roundTripMs);
      serve(governor, 500, 20);
      return governor.brokerWindow;
    };
    expect(spareAt(100)).toBeGreaterThanOrEqual(6);
    expect(spareAt(100)).toBeGreaterThan(spareAt(1));
  });

  it('learns nothing from a client that is not kept busy', () => {
    const governor = new PrefetchGovernor(FREE);
    let nowMs = serve(governor, 100, 20);
    for (let left = governor.snapshot().unsettled; left > 0; left -= 1) {
      governor.settled({ classIndex: 0, residenceMs: 20, mark: 0, count: 4, overtaken: 0 }, nowMs);
    }
    const before = governor.snapshot();
    expect(before.clientWindow).toBeGreaterThanOrEqual(4);
    for (let message = 0; message < 1000; message += 1) {
      nowMs += 500;
      // Two at a time, which is less than it could have.
      const marks = [governor.handedOut(nowMs), governor.handedOut(nowMs)];
      for (const mark of marks) {
        const residenceMs = 300 + (message % 50);
        governor.settled({ classIndex: 0, residenceMs, mark, count: 4, overtaken: 0 }, nowMs + residenceMs);
      }
    }
    const { clientWindow, baseResidenceMs, waitingInClient, grown, shrunk } = before;
    expect(governor.snapshot()).toMatchObject({
      clientWindow,
      baseResidenceMs,
      waitingInClient,
      grown,
      shrunk,
    });
  });

  it('does not wait for deliveries that the broker took back', () => {
    const governor = new PrefetchGovernor(FREE);
    fill(governor, 0);
    governor.cleared();
    serve(governor, 8, 20);
    expect(governor.snapshot().baseResidenceMs).toBe(20);
  });

  it('does not let a client stand still that waits for more, however long it has waited', () => {
    const governor = new PrefetchGovernor(FREE);
    let nowMs = 0;
    let held = fill(governor, nowMs).length;
    // It acknowledges 20 at once, and never fewer.
    while (held < 20) {
      nowMs += 50;
      governor.tick(nowMs);
      held += fill(governor, nowMs).length;
      expect(nowMs).toBeLessThan(60_000);
    }
    expect(governor.snapshot().stalls).toBeGreaterThan(3);
    for (let one = 0; one < 20; one += 1) {
      governor.settled({ classIndex: 0, residenceMs: 100, mark: 0, count: 20, overtaken: 0 }, nowMs);
    }
    expect(governor.clientWindow).toBeGreaterThanOrEqual(20);
    expect(governor.snapshot().largestBatch).toBe(20);
  });

  it('is sooner with a client that asked for its number, and stops there', () => {
    const timeTo = (clientPrefetch: number): number => {
      const governor = new PrefetchGovernor({ ...FREE, clientPrefetch });
      let nowMs = 0;
      for (fill(governor, 0); governor.clientWindow < 16 && nowMs < 100_000; nowMs += 50) {
        governor.tick(nowMs);
        fill(governor, nowMs);
      }
      return nowMs;
    };
    expect(timeTo(16)).toBeLessThan(timeTo(0));
    expect(timeTo(0)).toBeLessThan(20_000);
  });

  it.each([
    { clientPrefetch: 0, needs: 300 },
    { clientPrefetch: 100, needs: 100 },
  ])('goes beyond its bound for a client that acknowledges $needs at once, and remembers it', (one) => {
    const { clientPrefetch, needs } = one;
    const governor = new PrefetchGovernor({ ...FREE, clientPrefetch });
    let nowMs = 0;
    let held = fill(governor, nowMs).length;
    const wait = (): void => {
      nowMs += 50;
      governor.tick(nowMs);
      held += fill(governor, nowMs).length;
    };
    while (held < needs) {
      wait();
      expect(nowMs).toBeLessThan(40_000);
    }
    expect(governor.brokerWindow).toBeGreaterThanOrEqual(needs);
    const settle = (): void => {
      for (let left = needs; left > 0; left -= 1) {
        governor.settled({ classIndex: 0, residenceMs: 100, mark: 0, count: needs, overtaken: 0 }, nowMs);
      }
      held -= needs;
    };
    settle();
    for (let batch = 0; batch < 5; batch += 1) {
      held += fill(governor, nowMs).length;
      expect(held).toBeGreaterThanOrEqual(needs);
      settle();
    }
    const most = clientPrefetch === 0 ? FREE.mostWindow : clientPrefetch;
    expect(governor.clientWindow).toBeLessThanOrEqual(most);
    expect(governor.brokerWindow).toBeLessThanOrEqual(most);
  });

  it('forgets a batch that does not come again', () => {
    const governor = new PrefetchGovernor(FREE);
    const nowMs = serve(governor, 50, 20);
    governor.settled({ classIndex: 0, residenceMs: 20, mark: 0, count: 40, overtaken: 0 }, nowMs);
    expect(governor.clientWindow).toBeGreaterThanOrEqual(40);
    governor.restored();
    serve(governor, 200, 20, nowMs);
    expect(governor.snapshot().largestBatch).toBe(1);
  });

  it('never goes beyond what the client or the policy allows, whatever happens', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('give'), a: fc.nat(3) }),
      fc.record({ kind: fc.constant('settle'), a: fc.nat(100) }),
      fc.record({ kind: fc.constant('batch'), a: fc.nat(9) }),
      fc.record({ kind: fc.constant('wait'), a: fc.nat(5000) }),
      fc.record({ kind: fc.constant('trip'), a: fc.nat(100) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.nat(20),
        fc.array(event, { maxLength: 300 }),
        (maxWindow, clientPrefetch, events) => {
          const mostWindow = maxWindow + 16;
          const governor = new PrefetchGovernor({ maxWindow, mostWindow, clientPrefetch });
          const cap = clientPrefetch > 0 ? clientPrefetch : mostWindow;
          let nowMs = 0;
          let held: { mark: number; sinceMs: number }[] = [];
          for (const { kind, a } of events) {
            if (kind === 'give') {
              while (held.length < governor.clientWindow) {
                held.push({ mark: governor.handedOut(nowMs), sinceMs: nowMs });
              }
            } else if (kind === 'wait') {
              nowMs += a;
              governor.tick(nowMs);
            } else if (kind === 'trip') {
              governor.roundTrip(a);
            } else {
              const [from, count] =
                kind === 'batch' ? [0, Math.min(a, held.length)] : [a % Math.max(1, held.length), 1];
              const gone = held.slice(from, from + count);
              held = held.filter((one) => !gone.includes(one));
              for (const { mark, sinceMs } of gone) {
                const residenceMs = nowMs - sinceMs;
                governor.settled(
                  {
                    classIndex: a % 3,
                    residenceMs,
                    mark,
                    count: gone.length,
                    overtaken: count === 1 ? from : 0,
                  },
                  nowMs,
                );
              }
            }
            const { clientWindow, brokerWindow, unsettled, waitingInClient } = governor.snapshot();
            expect(unsettled).toBe(held.length);
            expect(clientWindow).toBeGreaterThanOrEqual(1);
            expect(clientWindow).toBeLessThanOrEqual(brokerWindow);
            expect(brokerWindow).toBeLessThanOrEqual(cap);
            expect(Number.isInteger(clientWindow) && Number.isInteger(brokerWindow)).toBe(true);
            expect(Number.isFinite(waitingInClient)).toBe(true);
          }
        },
      ),
    );
  });
});
