import type { ChannelDeliveries, DeliveryHost, Held } from './channel-deliveries.ts';
import { tagAt } from './content-phase.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import type { Message, Outcome } from './message.ts';
import type { BrokerSettle, Delivery, GovernedConsumer } from './prefetch/index.ts';
import { AmqpFault, encodeMethod, METHOD } from './protocol/index.ts';

const ID_BYTES = 4;
const TAG_BYTES = 8;
/** Bits of `basic.ack` and `basic.nack`; `basic.reject` has requeue in the place of multiple. */
const MULTIPLE = 1;
const REQUEUE = 2;
/** A tag that no broker has used; what a client makes up is answered as the broker would answer it. */
const UNKNOWN_TAG = 2 ** 53 - 1;

/** What one method of the client has settled. */
interface Settled {
  readonly outcome: Outcome;
  readonly governed: readonly Delivery<GovernedConsumer, Held>[];
  readonly plain: readonly (readonly [number, Message])[];
}

/** What the client says of the deliveries of one channel: acknowledged, given back, refused; at once or in transactions. */
export class ChannelSettlements {
  readonly #channel: number;
  readonly #host: DeliveryHost;
  readonly #deliveries: ChannelDeliveries;
  /** What the client's transaction has settled so far; undefined outside transactions. */
  #uncommitted: Settled[] | undefined;
  /** A tag that the client made up, and the one that the broker was sent for it: its complaint names that one. */
  madeUp: { readonly tag: number; readonly sent: number } | undefined;

  constructor(channel: number, host: DeliveryHost, deliveries: ChannelDeliveries) {
    this.#channel = channel;
    this.#host = host;
    this.#deliveries = deliveries;
  }

  /** `basic.ack`, `basic.nack` or `basic.reject`. @throws AmqpFault `syntax`, `resource` */
  settle(frame: FrameCursor, id: number): Verdict {
    const at = frame.payloadStart + ID_BYTES;
    if (frame.payloadEnd !== at + TAG_BYTES + 1)
      throw new AmqpFault('syntax', 'a settlement of the wrong size');
    const tag = tagAt(frame.bytes, at);
    const bits = frame.bytes[at + TAG_BYTES] ?? 0;
    const rejects = id === METHOD['basic.reject'];
    const multiple = !rejects && (bits & MULTIPLE) !== 0;
    const requeue = id !== METHOD['basic.ack'] && (bits & (rejects ? MULTIPLE : REQUEUE)) !== 0;
    const outcome = id === METHOD['basic.ack'] ? 'acked' : requeue ? 'requeued' : 'rejected';
    const { governed, plain } = this.#deliveries;
    if (governed === undefined) {
      this.#settled({ outcome, governed: [], plain: plain.settle(tag, multiple) });
      return VERDICT.pass;
    }
    const settlement = governed.settle(tag, multiple, this.#host.context.clock.nowMs());
    this.#host.due();
    if (settlement !== undefined) this.#settled({ outcome, governed: settlement.deliveries, plain: [] });
    else if (tag === 0) return VERDICT.pass;
    else this.madeUp = { tag, sent: UNKNOWN_TAG };
    return this.#say(id, { brokerTag: tag, multiple }, settlement?.toBroker, requeue);
  }

  /** Says to the broker by its own tags what the client said by its. */
  #say(
    id: number,
    said: BrokerSettle,
    methods: readonly BrokerSettle[] | undefined,
    requeue: boolean,
  ): Verdict {
    const inPlace = methods ?? [{ brokerTag: UNKNOWN_TAG, multiple: said.multiple }];
    const [only] = inPlace;
    if (inPlace.length === 1 && only?.brokerTag === said.brokerTag && only.multiple === said.multiple) {
      return VERDICT.pass;
    }
    for (const { brokerTag: deliveryTag, multiple } of inPlace) {
      const frame =
        id === METHOD['basic.ack']
          ? encodeMethod(this.#channel, 'basic.ack', { deliveryTag, multiple })
          : id === METHOD['basic.nack']
            ? encodeMethod(this.#channel, 'basic.nack', { deliveryTag, multiple, requeue })
            : encodeMethod(this.#channel, 'basic.reject', { deliveryTag, requeue });
      this.#host.replace(frame);
    }
    return VERDICT.drop;
  }

  #settled(settled: Settled): void {
    const count = settled.governed.length + settled.plain.length;
    if (this.#uncommitted === undefined) {
      this.#count(settled);
      return;
    }
    const deliveries = this.#deliveries;
    deliveries.uncommitted += count;
    if (deliveries.uncommitted > AMQP_FIXED_LIMITS.unsettledDeliveries) {
      throw new AmqpFault('resource', 'a transaction settles too many messages');
    }
    if (count > 0) this.#uncommitted.push(settled);
  }

  #count({ outcome, governed, plain }: Settled): void {
    const { book } = this.#host;
    for (const { payload } of governed) book.settled(payload.message, outcome);
    for (const [, message] of plain) book.settled(message, outcome);
  }

  /** `tx.select`, `tx.commit` or `tx.rollback`: what was settled counts only when it is committed (AMQP 0-9-1, class `tx`). */
  transaction(step: 'select' | 'commit' | 'rollback'): void {
    const uncommitted = this.#uncommitted ?? [];
    const deliveries = this.#deliveries;
    this.#uncommitted = [];
    deliveries.uncommitted = 0;
    for (const settled of uncommitted) {
      if (step === 'rollback') {
        deliveries.governed?.restore(settled.governed);
        deliveries.plain.restore(settled.plain);
      } else this.#count(settled);
    }
    this.#host.due();
  }

  /** What was not committed is not settled: the broker takes it back by itself. */
  close(): void {
    const { book } = this.#host;
    for (const { governed, plain } of this.#uncommitted ?? []) {
      for (const { payload } of governed) book.forget(payload.message);
      for (const [, message] of plain) book.forget(message);
    }
    this.#uncommitted = undefined;
  }
}
