import { describe, expect, it } from 'vitest';
import { GovernedChannel, type GovernedConsumer } from '../../../../../src/sidecar/amqp/prefetch/index.ts';

const OPTIONS = { classes: 2, maxWindow: 64, starvationMs: 1000, maxReach: 16 };

/** A channel, and a broker that sends whatever its consumers are allowed. */
class Harness {
  readonly channel = new GovernedChannel<string>(OPTIONS);
  nowMs = 0;
  lastTag = 0;
  given: number[] = [];

  offer(consumer: GovernedConsumer, classIndex: number): void {
    this.lastTag += 1;
    const brokerTag = this.lastTag;
    const payload = String(brokerTag);
    this.channel.offer({ brokerTag, classIndex, publishedMs: 0, bytes: 1, consumer, payload }, this.nowMs);
    this.pump();
  }

  pump(): void {
    for (let next = this.channel.next(this.nowMs); next !== undefined; next = this.channel.next(this.nowMs)) {
      this.given.push(next.clientTag);
    }
  }

  settle(clientTag: number): void {
    expect(this.channel.settle(clientTag, false, this.nowMs)?.deliveries).toHaveLength(1);
    this.given = this.given.filter((tag) => tag !== clientTag);
    this.pump();
  }
}

describe('a governed channel', () => {
  it('asks for nothing without consumers', () => {
    const { channel } = new Harness();
    expect(channel.brokerWindow).toBe(0);
    const consumer = channel.addConsumer(0, 0);
    expect(channel.brokerWindow).toBe(2);
    channel.removeConsumer(consumer);
    expect(channel.brokerWindow).toBe(0);
  });

  it('keeps a slow consumer from using up the places of another', () => {
    const harness = new Harness();
    const { channel } = harness;
    const [slow, quick] = [channel.addConsumer(0, 0), channel.addConsumer(0, 0)];
    // The broker fills whatever is free for the slow one, and nothing of it is settled.
    for (
      let message = 0;
      message < 500 && channel.window.outstandingOf(slow) < channel.brokerWindow;
      message += 1
    ) {
      harness.offer(slow, 1);
    }
    expect(channel.window.outstandingOf(slow)).toBeLessThanOrEqual(OPTIONS.maxWindow + quick.brokerWindow);
    const free = (): number => channel.brokerWindow - channel.window.outstandingOf(slow);
    expect(free()).toBeGreaterThanOrEqual(0);
    const other = new Harness();
    const [held, busy] = [other.channel.addConsumer(0, 0), other.channel.addConsumer(0, 0)];
    for (let message = 0; message < 10; message += 1) other.offer(held, 1);
    expect(other.channel.brokerWindow - 10).toBe(busy.brokerWindow);
  });

  it('is not moved by what is passed beside it', () => {
    const harness = new Harness();
    const { channel } = harness;
    const consumer = channel.addConsumer(0, 0);
    for (let brokerTag = 1; brokerTag <= 5; brokerTag += 1) {
      const one = { brokerTag, classIndex: 0, publishedMs: 0, bytes: 1, payload: '' };
      channel.pass({ ...one, consumer: channel.ungoverned }, 0);
    }
    for (let tag = 1; tag <= 5; tag += 1) channel.settle(tag, false, 5);
    expect(channel.snapshotOf(consumer)).toMatchObject({ unsettled: 0, residenceMs: 0, held: 0 });
    expect([...channel.consumers]).toEqual([consumer]);
  });

  it('goes on after the broker took everything back, and after a rollback', () => {
    const harness = new Harness();
    const { channel } = harness;
    const consumer = channel.addConsumer(0, 0);
    const round = (): void => {
      harness.nowMs += 10;
      while (channel.window.outstandingOf(consumer) < channel.brokerWindow) harness.offer(consumer, 1);
      const tag = harness.given[0];
      if (tag !== undefined) harness.settle(tag);
    };
    for (let each = 0; each < 40; each += 1) round();
    const { held, unsettled } = channel.clear();
    expect(held.length + unsettled.length).toBeGreaterThan(0);
    harness.given = [];
    expect(channel.snapshotOf(consumer)).toMatchObject({ unsettled: 0, held: 0 });
    const before = channel.snapshotOf(consumer);
    for (let each = 0; each < 400; each += 1) round();
    expect(channel.snapshotOf(consumer).baseResidenceMs).toBeGreaterThan(0);
    expect(channel.snapshotOf(consumer).stalls).toBe(before.stalls);

    const tag = harness.given[0] as number;
    const unsettledBefore = consumer.governor.snapshot().unsettled;
    const settlement = channel.settle(tag, false, harness.nowMs);
    channel.restore(settlement?.deliveries ?? []);
    expect(consumer.governor.snapshot().unsettled).toBe(unsettledBefore);
    expect(channel.window.unsettledOf(consumer)).toBe(unsettledBefore);
  });

  it('gives a starving class its turn from what it reached', () => {
    const harness = new Harness();
    const { channel } = harness;
    const consumer = channel.addConsumer(0, 0);
    const served: number[] = [];
    // Interactive messages without end; the broker has one of batch behind six of them.
    let before = 0;
    for (harness.nowMs = 0; harness.nowMs < 3000; harness.nowMs += 10) {
      while (channel.window.outstandingOf(consumer) < channel.brokerWindow) {
        before = harness.nowMs > 1000 ? before + 1 : 0;
        harness.offer(consumer, before === 6 ? 1 : 0);
      }
      const tag = harness.given[0];
      if (tag === undefined) continue;
      const settlement = channel.settle(tag, false, harness.nowMs);
      if (settlement?.deliveries[0]?.classIndex === 1) served.push(harness.nowMs);
      harness.given.shift();
      harness.pump();
    }
    expect(served.length).toBeGreaterThan(0);
    expect(served[0]).toBeLessThan(1500);
    expect(channel.snapshotOf(consumer).turns).toBe(1);
  });
});
