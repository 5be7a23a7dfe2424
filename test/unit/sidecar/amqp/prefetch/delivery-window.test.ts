import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Delivery,
  DeliveryWindow,
  type WindowConsumer,
} from '../../../../../src/sidecar/amqp/prefetch/index.ts';

class Consumer implements WindowConsumer {
  clientWindow: number;
  turnOf = -1;

  constructor(clientWindow: number) {
    this.clientWindow = clientWindow;
  }

  turn(_nowMs: number, held: (classIndex: number) => number): number {
    return this.turnOf >= 0 && held(this.turnOf) > 0 ? this.turnOf : -1;
  }
}

function offered(brokerTag: number, classIndex: number, consumer: Consumer) {
  return { brokerTag, classIndex, publishedMs: 0, bytes: 10, consumer, payload: `m${brokerTag}` };
}

function drain(window: DeliveryWindow<Consumer, string>): Delivery<Consumer, string>[] {
  const out: Delivery<Consumer, string>[] = [];
  for (let next = window.next(0); next !== undefined; next = window.next(0)) out.push(next);
  return out;
}

/** What a broker does with a settling method: the same rules as RabbitMQ's channel, on a plain list. */
function settleAtBroker(outstanding: number[], methods: readonly { brokerTag: number; multiple: boolean }[]) {
  const settled: number[] = [];
  for (const { brokerTag, multiple } of methods) {
    expect(outstanding).toContain(brokerTag);
    const gone = outstanding.filter((tag) => tag === brokerTag || (multiple && tag < brokerTag));
    for (const tag of gone) outstanding.splice(outstanding.indexOf(tag), 1);
    settled.push(...gone);
  }
  return settled.sort((a, b) => a - b);
}

describe('a delivery window', () => {
  it('gives the most important class first, and inside a class the broker’s order', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const consumer = new Consumer(2);
    for (const [tag, classIndex] of [
      [1, 1],
      [2, 1],
      [3, 0],
      [4, 2],
      [5, 0],
    ] as const) {
      window.offer(offered(tag, classIndex, consumer), 7);
    }
    expect(drain(window).map(({ brokerTag, clientTag }) => [brokerTag, clientTag])).toEqual([
      [3, 1],
      [5, 2],
    ]);
    expect([window.held, window.heldBytes, window.unsettled]).toEqual([3, 30, 2]);
    consumer.clientWindow = Infinity;
    expect(drain(window).map(({ payload }) => payload)).toEqual(['m1', 'm2', 'm4']);
  });

  it('lets a class whose turn it is go before', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const consumer = new Consumer(1);
    window.offer(offered(1, 0, consumer), 0);
    window.offer(offered(2, 2, consumer), 0);
    consumer.turnOf = 2;
    expect(drain(window).map(({ brokerTag }) => brokerTag)).toEqual([2]);
  });

  it('gives nothing to a consumer without room, and something to the other', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const [full, free] = [new Consumer(1), new Consumer(1)];
    window.pass(offered(1, 0, full), 0);
    window.offer(offered(2, 0, full), 0);
    window.offer(offered(3, 1, free), 0);
    expect(drain(window).map(({ brokerTag }) => brokerTag)).toEqual([3]);
    expect([window.outstandingOf(full), window.heldOf(full), window.unsettledOf(free)]).toEqual([2, 1, 1]);
  });

  it('does not know a tag that was never given, was settled, or is only held', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const consumer = new Consumer(1);
    window.offer(offered(1, 0, consumer), 0);
    window.offer(offered(2, 0, consumer), 0);
    drain(window);
    for (const tag of [0, 2, 99]) expect(window.settle(tag, false), String(tag)).toBeUndefined();
    expect(window.settle(2, true)).toBeUndefined();
    expect(window.settle(1, false)?.deliveries).toHaveLength(1);
    expect(window.settle(1, false)).toBeUndefined();
    expect(window.settle(0, true)).toEqual({ deliveries: [], toBroker: [], overtaken: 0 });
  });

  it('counts whom a settled delivery has overtaken, of the same consumer only', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const [one, other] = [new Consumer(9), new Consumer(9)];
    for (const tag of [1, 2, 3]) window.pass(offered(tag, 0, one), 0);
    window.pass(offered(4, 0, other), 0);
    window.pass(offered(5, 0, one), 0);
    expect(window.settle(5, false)?.overtaken).toBe(3);
    expect(window.settle(4, false)?.overtaken).toBe(0);
    expect(window.settle(1, false)?.overtaken).toBe(0);
  });

  it('gives back what a cancelled consumer has not been given, and lets it settle the rest', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const consumer = new Consumer(1);
    for (const tag of [1, 2, 3]) window.offer(offered(tag, 0, consumer), 0);
    drain(window);
    expect(window.dropConsumer(consumer).map(({ brokerTag }) => brokerTag)).toEqual([2, 3]);
    expect([window.held, window.heldBytes, window.unsettled]).toEqual([0, 0, 1]);
    expect(window.settle(1, true)?.toBroker).toEqual([{ brokerTag: 1, multiple: false }]);
    expect(window.dropConsumer(consumer)).toEqual([]);
  });

  it('goes on counting tags after it was cleared', () => {
    const window = new DeliveryWindow<Consumer, string>();
    const consumer = new Consumer(1);
    window.offer(offered(1, 0, consumer), 0);
    window.offer(offered(2, 0, consumer), 0);
    drain(window);
    const { held, unsettled } = window.clear();
    expect([held.length, unsettled.length, window.held, window.unsettled]).toEqual([1, 1, 0, 0]);
    expect(window.passTag()).toBe(2);
    window.offer(offered(3, 0, consumer), 0);
    expect(drain(window)[0]?.clientTag).toBe(3);
  });

  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('offer'), a: fc.nat(1), b: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass'), a: fc.nat(1), b: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle'), a: fc.nat(9), b: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback'), a: fc.nat(9), b: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('window'), a: fc.nat(1), b: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), a: fc.nat(1), b: fc.nat(0) }) },
  );

  it('settles at the broker exactly what the client settled, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new DeliveryWindow<Consumer, string>();
        const consumers = [new Consumer(2), new Consumer(3)] as const;
        const outstanding: number[] = [];
        /** The client's side: what it holds, by its tag, and that tags come one after the other. */
        const client = new Map<number, number>();
        const perClass = new Map<string, number>();
        let lastBrokerTag = 0;
        let lastClientTag = 0;
        const given = (delivery: Delivery<Consumer, string>, ordered: boolean): void => {
          expect(delivery.clientTag).toBe(lastClientTag + 1);
          lastClientTag = delivery.clientTag;
          client.set(delivery.clientTag, delivery.brokerTag);
          const line = `${consumers.indexOf(delivery.consumer as (typeof consumers)[0])}/${delivery.classIndex}`;
          if (ordered) expect(delivery.brokerTag).toBeGreaterThan(perClass.get(line) ?? 0);
          if (ordered) perClass.set(line, delivery.brokerTag);
        };
        for (const { kind, a, b } of steps) {
          const consumer = consumers[a % 2 === 0 ? 0 : 1];
          if (kind === 'offer' || kind === 'pass') {
            lastBrokerTag += 1;
            outstanding.push(lastBrokerTag);
            const one = offered(lastBrokerTag, b, consumer);
            if (kind === 'pass') given(window.pass(one, 0), false);
            else window.offer(one, 0);
          } else if (kind === 'settle' || kind === 'rollback') {
            const tags = [...client.keys()];
            const tag = tags[a % Math.max(1, tags.length)] ?? 0;
            const multiple = b === 1;
            const settlement = window.settle(tag, multiple);
            if (tag === 0 && !multiple) {
              expect(settlement).toBeUndefined();
              continue;
            }
            const expected = tags.filter((other) => other === tag || (multiple && other < tag));
            expect(settlement?.deliveries.map(({ clientTag }) => clientTag)).toEqual(expected);
            if (kind === 'rollback') {
              window.restore(settlement?.deliveries ?? []);
              continue;
            }
            const before = expected.map((other) => client.get(other) as number).sort((x, y) => x - y);
            expect(settleAtBroker(outstanding, settlement?.toBroker ?? [])).toEqual(before);
            for (const other of expected) client.delete(other);
          } else if (kind === 'window') {
            consumer.clientWindow = b;
          } else {
            for (const { brokerTag } of window.dropConsumer(consumer)) {
              outstanding.splice(outstanding.indexOf(brokerTag), 1);
            }
          }
          for (const delivery of drain(window)) given(delivery, true);
          expect(window.unsettled).toBe(client.size);
          expect(window.held + window.unsettled).toBe(outstanding.length);
          expect(window.heldBytes).toBe(10 * window.held);
          for (const each of consumers) {
            const held = window.heldOf(each);
            if (held > 0) expect(window.unsettledOf(each)).toBeGreaterThanOrEqual(each.clientWindow);
          }
        }
      }),
    );
  });
});
