import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMethod, FRAME } from '../../../../src/sidecar/amqp/protocol/index.ts';
import { ModelBroker } from './model-broker.ts';
import { amqpPolicy, content, framesOf, SessionPair } from './session-harness.ts';

const CLASSES = ['interactive', 'normal', 'batch'] as const;

/** What may happen; `pick` chooses among what the client holds. */
type Step =
  | { readonly kind: 'publish'; readonly classIndex: number; readonly count: number }
  | { readonly kind: 'push'; readonly most: number; readonly cut: number }
  | {
      readonly kind: 'ack' | 'nack' | 'reject';
      readonly pick: number;
      readonly multiple: boolean;
      readonly requeue: boolean;
    }
  | { readonly kind: 'ackAll' | 'get' | 'getNoAck' | 'recover' | 'consume' | 'cancel' | 'message' }
  | { readonly kind: 'commit' | 'rollback' }
  | { readonly kind: 'qos'; readonly count: number; readonly global: boolean }
  | { readonly kind: 'wait'; readonly ms: number };

const steps = (transactional: boolean) =>
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('publish' as const),
          classIndex: fc.nat(2),
          count: fc.integer({ min: 1, max: 6 }),
        }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('push' as const),
          most: fc.integer({ min: 1, max: 9 }),
          cut: fc.integer({ min: 1, max: 300 }),
        }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constantFrom('ack' as const, 'ack' as const, 'nack' as const, 'reject' as const),
          pick: fc.nat(30),
          multiple: fc.boolean(),
          requeue: fc.boolean(),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constantFrom(
            'ackAll' as const,
            'get' as const,
            'getNoAck' as const,
            'consume' as const,
            'cancel' as const,
            'message' as const,
          ),
        }),
      },
      // Recovering in the middle of a transaction is the broker's own affair.
      transactional
        ? {
            weight: 2,
            arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'rollback' as const) }),
          }
        : { weight: 1, arbitrary: fc.record({ kind: fc.constant('recover' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('qos' as const), count: fc.nat(5), global: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }) },
    ),
    { maxLength: 80 },
  );

/** A client that remembers by its own tags what it holds, between proxy and model broker. */
class Play {
  readonly pair: SessionPair;
  readonly broker = new ModelBroker(CLASSES);
  /** By the client's tag. */
  readonly holds = new Map<number, string>();
  readonly acked: string[] = [];
  readonly dropped: string[] = [];
  readonly published: string[] = [];
  lastTag = 0;
  ended = 0;
  readonly #transactional: boolean;
  #uncommitted: { readonly tag: number; readonly name: string; readonly into: string[] | undefined }[] = [];
  #consumers = 0;
  #begun = 0;

  constructor(prefetch: 'governed' | 'client' | number, transactional: boolean) {
    this.pair = new SessionPair(amqpPolicy({ prefetch, starvationMs: 300 })).open();
    this.#transactional = transactional;
    if (transactional) this.client(encodeMethod(1, 'tx.select', {}));
  }

  /** The client sends; the broker answers what the proxy made of it. */
  client(bytes: Buffer): void {
    this.settleDown(this.pair.fromClient(bytes));
  }

  /** Carries bytes to and fro until nothing moves. */
  settleDown(left: Buffer, cut = 1_000_000): void {
    let toBroker = left;
    this.read(this.pair.toClient());
    while (toBroker.length > 0) {
      const answer = this.broker.take(toBroker);
      toBroker = Buffer.alloc(0);
      for (let at = 0; at < answer.length; at += cut) {
        this.read(this.pair.fromBroker(answer.subarray(at, at + cut)));
      }
      toBroker = this.pair.toBroker();
    }
  }

  push(most: number, cut: number): void {
    const bytes = this.broker.push(most);
    for (let at = 0; at < bytes.length; at += cut)
      this.read(this.pair.fromBroker(bytes.subarray(at, at + cut)));
    this.settleDown(this.pair.toBroker());
  }

  /** The client reads: nothing may stand in the middle of a content, and tags must count. */
  read(bytes: Buffer): void {
    for (const { type, method, payload } of framesOf(bytes)) {
      if (type === FRAME.body) {
        const { tag, noAck } = this.#content ?? { tag: 0, noAck: false };
        expect(tag).toBeGreaterThan(0);
        if (noAck) this.acked.push(payload.toString());
        else this.holds.set(tag, payload.toString());
        this.#content = undefined;
      }
      if (method === undefined) continue;
      expect(this.#content).toBeUndefined();
      if (method.name === 'basic.deliver' || method.name === 'basic.get-ok') {
        const tag = Number(method.args.deliveryTag);
        expect(tag).toBe(this.lastTag + 1);
        this.lastTag = tag;
        this.#content = { tag, noAck: method.name === 'basic.get-ok' && this.gettingNoAck };
      } else if (method.name === 'basic.recover-ok') this.holds.clear();
      else if (method.name === 'basic.qos-ok') this.answersToQos += 1;
    }
  }

  /** The delivery whose body is still to come. */
  #content: { readonly tag: number; readonly noAck: boolean } | undefined;
  gettingNoAck = false;
  answersToQos = 0;
  qosAsked = 0;

  run(step: Step): void {
    switch (step.kind) {
      case 'publish':
        for (let index = 0; index < step.count; index += 1) {
          const name = `n${this.published.length}`;
          this.published.push(name);
          this.broker.ready.push({ name, className: CLASSES[step.classIndex] ?? 'batch' });
        }
        return;
      case 'push':
        this.push(step.most, step.cut);
        return;
      case 'ack':
      case 'nack':
      case 'reject':
        this.#settle(step);
        return;
      case 'ackAll':
        this.#note([...this.holds.keys()], this.acked);
        this.client(encodeMethod(1, 'basic.ack', { deliveryTag: 0, multiple: true }));
        return;
      case 'get':
      case 'getNoAck':
        this.gettingNoAck = step.kind === 'getNoAck';
        this.client(encodeMethod(1, 'basic.get', { queue: 'q', noAck: this.gettingNoAck }));
        return;
      case 'recover':
        this.client(encodeMethod(1, 'basic.recover', { requeue: true }));
        return;
      case 'consume':
        this.#consumers += 1;
        this.#begun += 1;
        this.client(encodeMethod(1, 'basic.consume', { queue: 'q', consumerTag: `c${this.#begun}` }));
        return;
      case 'cancel':
        if (this.#consumers === 0) return;
        this.#consumers -= 1;
        this.ended += 1;
        this.client(encodeMethod(1, 'basic.cancel', { consumerTag: `c${this.ended}` }));
        return;
      case 'message':
        this.client(content(1, 'basic.publish', { routingKey: 'elsewhere' }, 'x'));
        return;
      case 'commit':
        for (const { name, into } of this.#uncommitted) into?.push(name);
        this.#uncommitted = [];
        this.client(encodeMethod(1, 'tx.commit', {}));
        return;
      case 'rollback':
        for (const { tag, name } of this.#uncommitted) this.holds.set(tag, name);
        this.#uncommitted = [];
        this.client(encodeMethod(1, 'tx.rollback', {}));
        return;
      case 'qos':
        this.qosAsked += 1;
        this.client(encodeMethod(1, 'basic.qos', { prefetchCount: step.count, global: step.global }));
        return;
      case 'wait':
        this.pair.clock.ms += step.ms;
        this.pair.wheel.advance();
        this.settleDown(this.pair.toBroker());
    }
  }

  #note(tags: readonly number[], into: string[] | undefined): void {
    for (const tag of tags) {
      const name = this.holds.get(tag) ?? '';
      this.holds.delete(tag);
      if (this.#transactional) this.#uncommitted.push({ tag, name, into });
      else into?.push(name);
    }
  }

  #settle({ kind, pick, multiple, requeue }: Step & { kind: 'ack' | 'nack' | 'reject' }): void {
    const tags = [...this.holds.keys()].sort((a, b) => a - b);
    const deliveryTag = tags[pick % Math.max(1, tags.length)];
    if (deliveryTag === undefined) return;
    const several = multiple && kind !== 'reject';
    const settled = several ? tags.filter((tag) => tag <= deliveryTag) : [deliveryTag];
    this.#note(settled, kind === 'ack' ? this.acked : requeue ? undefined : this.dropped);
    if (kind === 'ack') this.client(encodeMethod(1, 'basic.ack', { deliveryTag, multiple: several }));
    else if (kind === 'nack') {
      this.client(encodeMethod(1, 'basic.nack', { deliveryTag, multiple: several, requeue }));
    } else this.client(encodeMethod(1, 'basic.reject', { deliveryTag, requeue }));
  }

  /** The client takes and settles all that is left. */
  drain(): void {
    if (this.#transactional) this.run({ kind: 'commit' });
    if (this.#consumers === 0) this.run({ kind: 'consume' });
    for (let round = 0; round < 3000; round += 1) {
      if (this.acked.length + this.dropped.length === this.published.length) return;
      this.push(100, 1_000_000);
      this.run({ kind: 'ackAll' });
      if (this.#transactional) this.run({ kind: 'commit' });
      this.run({ kind: 'wait', ms: 50 });
    }
  }
}

describe.each<[string, 'governed' | 'client' | number, boolean]>([
  ['governed', 'governed', false],
  ['governed, in transactions', 'governed', true],
  ['as the client wants', 'client', false],
  ['of a fixed prefetch', 3, true],
])('consumers %s', (_, prefetch, transactional) => {
  it('settle at the broker what the client settled, and nothing else, and nothing is lost', () => {
    fc.assert(
      fc.property(steps(transactional), (all) => {
        const play = new Play(prefetch, transactional);
        for (const step of all) {
          play.run(step);
          expect(play.broker.errors).toEqual([]);
          expect(play.pair.faults).toEqual([]);
          if (!transactional) {
            expect([...play.broker.acked].sort()).toEqual([...play.acked].sort());
            expect([...play.broker.dropped].sort()).toEqual([...play.dropped].sort());
          }
          expect(play.answersToQos).toBe(play.qosAsked);
        }
        play.drain();
        expect([...play.broker.acked].sort()).toEqual([...play.acked].sort());
        expect([...play.acked, ...play.dropped].sort()).toEqual([...play.published].sort());
        expect(play.pair.session.heldBytes).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
