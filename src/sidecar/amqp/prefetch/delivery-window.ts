import type { ClassIndex } from '../../../core/index.ts';
import { type Delivery, HeldDeliveries } from './held-deliveries.ts';

/** What the window has to know of a consumer. */
export interface WindowConsumer {
  /** How many deliveries the client may hold unsettled for this consumer now; Infinity for no limit. */
  readonly clientWindow: number;
  /** Which class goes first whatever its rank, among those that `held` says wait here; -1 for none. */
  turn(nowMs: number, held: (classIndex: ClassIndex) => number): ClassIndex;
}

/** What is new about a delivery when it comes from the broker. */
export type Offered<C, T> = Pick<
  Delivery<C, T>,
  'brokerTag' | 'classIndex' | 'publishedMs' | 'bytes' | 'consumer' | 'payload'
>;

/** One `basic.ack` (or `nack`, `reject`) to the broker: a tag, and whether it means all outstanding ones up to it. */
export interface BrokerSettle {
  readonly brokerTag: number;
  readonly multiple: boolean;
}

/** What a method of the client settled. */
export interface Settlement<C, T> {
  /** In the order of hand-out. */
  readonly deliveries: readonly Delivery<C, T>[];
  /** What says the same to the broker, in as few methods as can be. Empty when nothing was settled (tag 0 with nothing outstanding). */
  readonly toBroker: readonly BrokerSettle[];
  /** How many of the same consumer that the client was given before the first of `deliveries` are still unsettled. */
  readonly overtaken: number;
}

interface Place<C, T> {
  readonly held: HeldDeliveries<Delivery<C, T>>;
  unsettled: number;
}

/**
 * The deliveries of one channel between broker and client: those that the broker has sent and the client has not been given yet, by class,
 * and those that the client was given and has not settled.
 *
 * Inside a class deliveries keep the broker's order. The client sees tags of its own, counted from 1 in the order in which it is given
 * messages, as AMQP 0-9-1 (section 1.1 of the specification's domains, `delivery-tag`) wants them; they equal the broker's
 * as long as nothing was reordered.
 */
export class DeliveryWindow<C extends WindowConsumer, T> {
  readonly #places = new Map<C, Place<C, T>>();
  /** By the client's tag, ascending. */
  #unsettled = new Map<number, Delivery<C, T>>();
  #lastClientTag = 0;
  #held = 0;
  #heldBytes = 0;

  get held(): number {
    return this.#held;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get unsettled(): number {
    return this.#unsettled.size;
  }

  heldOf(consumer: C, classIndex?: ClassIndex): number {
    const held = this.#places.get(consumer)?.held;
    if (held === undefined) return 0;
    return classIndex === undefined ? held.length : held.lengthOf(classIndex);
  }

  unsettledOf(consumer: C): number {
    return this.#places.get(consumer)?.unsettled ?? 0;
  }

  /** What the broker counts against the consumer: held or unsettled. */
  outstandingOf(consumer: C): number {
    const place = this.#places.get(consumer);
    return place === undefined ? 0 : place.held.length + place.unsettled;
  }

  /** Holds a delivery until {@link next} gives it out. */
  offer(offered: Offered<C, T>, nowMs: number): Delivery<C, T> {
    const delivery = { ...offered, clientTag: 0, arrivedMs: nowMs, handedOutMs: 0, mark: 0 };
    this.#place(offered.consumer).held.add(delivery);
    this.#held += 1;
    this.#heldBytes += offered.bytes;
    return delivery;
  }

  /**
   * What the client is to be given now: of the consumers that have room, the most important class, and in it the oldest; a class whose turn
   * it is goes before. Undefined when nobody has room or nothing is held. Call it until then.
   */
  next(nowMs: number): Delivery<C, T> | undefined {
    if (this.#held === 0) return undefined;
    let from: Place<C, T> | undefined;
    let best: Delivery<C, T> | undefined;
    let bestTurn = false;
    for (const [consumer, place] of this.#places) {
      if (place.held.length === 0 || place.unsettled >= consumer.clientWindow) continue;
      const turn = consumer.turn(nowMs, (classIndex) => place.held.lengthOf(classIndex));
      const head = place.held.head(turn >= 0 ? turn : place.held.best());
      if (head === undefined || (best !== undefined && !goesBefore(head, turn >= 0, best, bestTurn)))
        continue;
      from = place;
      best = head;
      bestTurn = turn >= 0;
    }
    if (from === undefined || best === undefined) return undefined;
    from.held.take(best.classIndex);
    this.#held -= 1;
    this.#heldBytes -= best.bytes;
    return this.#handOut(best, from, nowMs);
  }

  /**
   * A delivery that goes to the client at once and must be settled: the answer to `basic.get`, a message too large to hold, a consumer that is
   * not governed. Use {@link passTag} for one that nobody settles.
   */
  pass(offered: Offered<C, T>, nowMs: number): Delivery<C, T> {
    const delivery = { ...offered, clientTag: 0, arrivedMs: nowMs, handedOutMs: 0, mark: 0 };
    return this.#handOut(delivery, this.#place(offered.consumer), nowMs);
  }

  /** The tag for a delivery that is passed on and needs no settling (`no-ack`). */
  passTag(): number {
    this.#lastClientTag += 1;
    return this.#lastClientTag;
  }

  /**
   * The client settles a tag of its own, or all up to it.
   * @returns undefined when the client holds no such tag: the broker would close the channel with 406 PRECONDITION_FAILED
   */
  settle(clientTag: number, multiple: boolean): Settlement<C, T> | undefined {
    if (clientTag === 0 && multiple) return this.#settleAll();
    const named = this.#unsettled.get(clientTag);
    if (named === undefined) return undefined;
    if (!multiple) {
      const overtaken = this.#olderOf(named);
      this.#forget(named);
      return {
        deliveries: [named],
        toBroker: [{ brokerTag: named.brokerTag, multiple: false }],
        overtaken,
      };
    }
    const deliveries: Delivery<C, T>[] = [];
    for (const [tag, delivery] of this.#unsettled) {
      if (tag > clientTag) break;
      deliveries.push(delivery);
    }
    for (const delivery of deliveries) this.#forget(delivery);
    return { deliveries, toBroker: this.#fewestMethods(deliveries), overtaken: 0 };
  }

  /** Undoes a {@link settle} whose transaction was rolled back: the client holds these again, under the same tags. */
  restore(deliveries: readonly Delivery<C, T>[]): void {
    const all = [...this.#unsettled.values(), ...deliveries].sort((a, b) => a.clientTag - b.clientTag);
    this.#unsettled = new Map(all.map((delivery) => [delivery.clientTag, delivery]));
    for (const { consumer } of deliveries) this.#place(consumer).unsettled += 1;
  }

  /**
   * A consumer was cancelled: its held deliveries, which have to be given back to the broker (`basic.nack`, requeue). What the client
   * already has stays to be settled.
   */
  dropConsumer(consumer: C): Delivery<C, T>[] {
    const place = this.#places.get(consumer);
    if (place === undefined) return [];
    this.#held -= place.held.length;
    this.#heldBytes -= place.held.bytes;
    const dropped = place.held.drain();
    if (place.unsettled === 0) this.#places.delete(consumer);
    return dropped;
  }

  /** Forgets everything and hands it over: the channel closed, or the broker took all back (`basic.recover`). Tags go on counting. */
  clear(): { held: Delivery<C, T>[]; unsettled: Delivery<C, T>[] } {
    const held = [...this.#places.values()].flatMap((place) => place.held.drain());
    const unsettled = [...this.#unsettled.values()];
    this.#places.clear();
    this.#unsettled.clear();
    this.#held = 0;
    this.#heldBytes = 0;
    return { held, unsettled };
  }

  #place(consumer: C): Place<C, T> {
    let place = this.#places.get(consumer);
    if (place === undefined) {
      place = { held: new HeldDeliveries(), unsettled: 0 };
      this.#places.set(consumer, place);
    }
    return place;
  }

  #handOut(delivery: Delivery<C, T>, place: Place<C, T>, nowMs: number): Delivery<C, T> {
    delivery.clientTag = this.passTag();
    delivery.handedOutMs = nowMs;
    place.unsettled += 1;
    this.#unsettled.set(delivery.clientTag, delivery);
    return delivery;
  }

  #forget(delivery: Delivery<C, T>): void {
    this.#unsettled.delete(delivery.clientTag);
    const place = this.#places.get(delivery.consumer);
    if (place === undefined) return;
    place.unsettled -= 1;
    if (place.unsettled === 0 && place.held.length === 0) this.#places.delete(delivery.consumer);
  }

  #olderOf(delivery: Delivery<C, T>): number {
    let older = 0;
    for (const [tag, other] of this.#unsettled) {
      if (tag >= delivery.clientTag) break;
      if (other.consumer === delivery.consumer) older += 1;
    }
    return older;
  }

  #settleAll(): Settlement<C, T> {
    const deliveries = [...this.#unsettled.values()];
    for (const delivery of deliveries) this.#forget(delivery);
    return { deliveries, toBroker: this.#fewestMethods(deliveries), overtaken: 0 };
  }

  /** All of these that lie below everything still outstanding go in one method; the others one by one. */
  #fewestMethods(deliveries: readonly Delivery<C, T>[]): BrokerSettle[] {
    let lowest = Infinity;
    for (const { brokerTag } of this.#unsettled.values()) lowest = Math.min(lowest, brokerTag);
    for (const { held } of this.#places.values()) lowest = Math.min(lowest, held.lowestTag());
    const tags = deliveries.map(({ brokerTag }) => brokerTag).sort((a, b) => a - b);
    const below = tags.filter((tag) => tag < lowest);
    const last = below.at(-1);
    const methods: BrokerSettle[] =
      last === undefined ? [] : [{ brokerTag: last, multiple: below.length > 1 }];
    for (const brokerTag of tags.slice(below.length)) methods.push({ brokerTag, multiple: false });
    return methods;
  }
}

function goesBefore<C, T>(a: Delivery<C, T>, aTurn: boolean, b: Delivery<C, T>, bTurn: boolean): boolean {
  if (aTurn !== bTurn) return aTurn;
  if (a.classIndex !== b.classIndex) return a.classIndex < b.classIndex;
  return a.brokerTag < b.brokerTag;
}
