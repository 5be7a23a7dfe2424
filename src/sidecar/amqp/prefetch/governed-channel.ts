import type { ClassIndex } from '../../../core/index.ts';
import { DeliveryWindow, type Offered, type Settlement, type WindowConsumer } from './delivery-window.ts';
import type { Delivery } from './held-deliveries.ts';
import { type GovernorState, PrefetchGovernor } from './prefetch-governor.ts';
import { type StarvationState, StarvationWatch } from './starvation-watch.ts';

/** What is the same for all consumers of a channel. */
export interface ChannelOptions {
  readonly classes: number;
  /** `maxPrefetch` of the policy. */
  readonly maxWindow: number;
  readonly starvationMs: number;
  /** The limit `maxAmqpReach`. */
  readonly maxReach: number;
}

/** A governed consumer of a channel. Made by {@link GovernedChannel.addConsumer}. */
export class GovernedConsumer implements WindowConsumer {
  readonly governor: PrefetchGovernor;
  readonly watch: StarvationWatch;

  constructor(options: ChannelOptions, clientPrefetch: number, nowMs: number, workers = 0) {
    this.governor = new PrefetchGovernor({
      maxWindow: options.maxWindow,
      mostWindow: options.maxWindow + options.maxReach,
      clientPrefetch,
      workers,
    });
    this.watch = new StarvationWatch(options, nowMs);
  }

  get clientWindow(): number {
    return this.governor.clientWindow;
  }

  /** What this consumer alone asks the broker for. */
  get brokerWindow(): number {
    return this.governor.brokerWindow + this.watch.reach;
  }

  turn(nowMs: number, held: (classIndex: ClassIndex) => number): ClassIndex {
    return this.watch.turn(nowMs, held);
  }
}

/** A consumer's state as numbers. */
export interface ConsumerSnapshot extends GovernorState, StarvationState {
  readonly held: number;
}

/**
 * A channel with governed consumers: the window, the governors and the watches joined, so that a proxy has one thing to call. Pure: time is
 * handed in (milliseconds of a monotonic clock), and what is to be sent is asked for.
 *
 * The order of calls, at whatever event: {@link offer}, {@link settle} or {@link tick}; then {@link next} until it gives nothing; then
 * compare {@link brokerWindow} with what the broker was last told.
 */
export class GovernedChannel<T> {
  readonly window = new DeliveryWindow<GovernedConsumer, T>();
  /** Stands for whoever is not governed: give it to {@link pass} for answers to `basic.get`. It is not among {@link consumers}. */
  readonly ungoverned: GovernedConsumer;
  readonly #options: ChannelOptions;
  readonly #consumers = new Set<GovernedConsumer>();

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.ungoverned = new GovernedConsumer(options, 0, 0);
  }

  get consumers(): ReadonlySet<GovernedConsumer> {
    return this.#consumers;
  }

  /**
   * @param clientPrefetch what the client itself asked for, the smaller of its per-consumer and per-channel limits; 0 for none
   * @param workers how many messages it says that it works on at once; 0 where it does not say
   */
  addConsumer(clientPrefetch: number, nowMs: number, workers = 0): GovernedConsumer {
    const consumer = new GovernedConsumer(this.#options, clientPrefetch, nowMs, workers);
    this.#consumers.add(consumer);
    return consumer;
  }

  /** @returns held deliveries that have to be given back to the broker (`basic.nack`, requeue) */
  removeConsumer(consumer: GovernedConsumer): Delivery<GovernedConsumer, T>[] {
    this.#consumers.delete(consumer);
    return this.window.dropConsumer(consumer);
  }

  /**
   * What `basic.qos` with `global` should say now; 0 when nobody consumes. With several consumers a slow one cannot use up the others' places:
   * what it has beyond its own window is added, up to `maxWindow`.
   */
  get brokerWindow(): number {
    let sum = 0;
    for (const consumer of this.#consumers) {
      const own = consumer.brokerWindow;
      const most = this.#options.maxWindow + consumer.watch.reach;
      const has = this.#consumers.size === 1 ? 0 : Math.min(most, this.window.outstandingOf(consumer));
      sum += Math.max(own, has);
    }
    return sum;
  }

  /** A delivery came from the broker. */
  offer(offered: Offered<GovernedConsumer, T>, nowMs: number): Delivery<GovernedConsumer, T> {
    const delivery = this.window.offer(offered, nowMs);
    const { consumer } = offered;
    consumer.watch.delivered(offered.classIndex, nowMs, this.#heldBy(consumer));
    this.#tick(consumer, nowMs);
    return delivery;
  }

  /** What the client is to be given now, or undefined. */
  next(nowMs: number): Delivery<GovernedConsumer, T> | undefined {
    const delivery = this.window.next(nowMs);
    if (delivery !== undefined) this.#handedOut(delivery, nowMs);
    return delivery;
  }

  /** A delivery of a governed consumer that goes to the client at once, whatever its window: one too large to hold. */
  pass(offered: Offered<GovernedConsumer, T>, nowMs: number): Delivery<GovernedConsumer, T> {
    const delivery = this.window.pass(offered, nowMs);
    this.#handedOut(delivery, nowMs);
    return delivery;
  }

  /** The client settled a tag of its own; see {@link DeliveryWindow.settle}. */
  settle(clientTag: number, multiple: boolean, nowMs: number): Settlement<GovernedConsumer, T> | undefined {
    const settlement = this.window.settle(clientTag, multiple);
    if (settlement === undefined) return undefined;
    const counts = new Map<GovernedConsumer, number>();
    for (const { consumer } of settlement.deliveries) {
      counts.set(consumer, (counts.get(consumer) ?? 0) + 1);
    }
    for (const { consumer, classIndex, handedOutMs, mark } of settlement.deliveries) {
      const sample = {
        classIndex,
        residenceMs: nowMs - handedOutMs,
        mark,
        count: counts.get(consumer) ?? 1,
        overtaken: settlement.overtaken,
      };
      consumer.governor.settled(sample, nowMs);
      consumer.watch.settled(nowMs, this.#heldBy(consumer));
    }
    for (const consumer of counts.keys()) this.#tick(consumer, nowMs);
    return settlement;
  }

  /** A transaction was rolled back: see {@link DeliveryWindow.restore}. */
  restore(deliveries: readonly Delivery<GovernedConsumer, T>[]): void {
    this.window.restore(deliveries);
    for (const { consumer } of deliveries) consumer.governor.restored();
  }

  /** The broker took everything back (`basic.recover`), or the channel closed. What was here is handed over; consumers stay. */
  clear(): {
    held: Delivery<GovernedConsumer, T>[];
    unsettled: Delivery<GovernedConsumer, T>[];
  } {
    for (const consumer of this.#consumers) consumer.governor.cleared();
    return this.window.clear();
  }

  /** A way to the broker and back was measured: `basic.qos` to `qos-ok`, or a settled message to the next delivery. */
  roundTrip(ms: number): void {
    for (const consumer of this.#consumers) {
      consumer.governor.roundTrip(ms);
      consumer.watch.roundTrip(ms);
    }
  }

  /** Time has passed. Call it every 50 ms or so while something is outstanding. */
  tick(nowMs: number): void {
    for (const consumer of this.#consumers) this.#tick(consumer, nowMs);
  }

  snapshotOf(consumer: GovernedConsumer): ConsumerSnapshot {
    return {
      ...consumer.governor.snapshot(),
      ...consumer.watch.snapshot(),
      held: this.window.heldOf(consumer),
    };
  }

  #handedOut(delivery: Delivery<GovernedConsumer, T>, nowMs: number): void {
    delivery.mark = delivery.consumer.governor.handedOut(nowMs);
    delivery.consumer.watch.handedOut(delivery.classIndex, nowMs);
  }

  #tick(consumer: GovernedConsumer, nowMs: number): void {
    consumer.governor.tick(nowMs);
    const free = consumer.brokerWindow - this.window.outstandingOf(consumer);
    consumer.watch.tick(nowMs, free, this.#heldBy(consumer));
  }

  #heldBy(consumer: GovernedConsumer): (classIndex: ClassIndex) => number {
    return (classIndex) => this.window.heldOf(consumer, classIndex);
  }
}
