import { bodySizeAt, ContentPhase } from './content-phase.ts';
import type { AmqpContext } from './context.ts';
import { judgeTrial, prioritized } from './declare.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import type { ConnectionFacts } from './handshake.ts';
import type { OwnChannel } from './own-channel.ts';
import {
  AmqpFault,
  decodeMethod,
  encodeMethod,
  FRAME,
  METHOD,
  methodHasContent,
  methodName,
} from './protocol/index.ts';
import { type PublishEdit, type PublishTarget, readTarget } from './publish.ts';

/** What a channel acts through: the session that it is a part of. */
export interface ChannelHost {
  readonly context: AmqpContext;
  readonly facts: ConnectionFacts;
  readonly publishEdit: PublishEdit;
  /** Appends a frame of our own to what leaves. */
  readonly toClient: (frame: Buffer) => void;
  readonly toBroker: (frame: Buffer) => void;
  /** Lets a range of the broker's input pass to the client. */
  readonly pass: (start: number, end: number) => void;
  readonly ownChannel: () => OwnChannel;
  /** Goes on reading from the client after a frame was put off. */
  readonly releaseClient: () => void;
  /** The channel's number is free again. */
  readonly channelGone: (number: number) => void;
}

/** One channel of a client's connection. */
export class AmqpChannel {
  readonly number: number;
  readonly #host: ChannelHost;
  readonly #published = new ContentPhase();
  readonly #delivered = new ContentPhase();
  readonly #target: PublishTarget = { exchange: '', routingKey: '' };
  /** What became of the declare that the client waits with: the frame to send for it, or as it was. */
  #tried: { readonly frame: Buffer | undefined } | undefined;
  /** The method of the content that the client is in the middle of. */
  #publishing = false;

  constructor(number: number, host: ChannelHost) {
    this.number = number;
    this.#host = host;
  }

  get heldBytes(): number {
    return 0;
  }

  /** The channel is closed, or about to be: what is held goes back to the broker by itself. */
  close(): void {}

  /** Takes a frame of the client. @throws AmqpFault */
  fromClient(frame: FrameCursor, id: number): Verdict {
    switch (frame.type) {
      case FRAME.method:
        if (!this.#published.idle) throw unexpected('content', id);
        return this.#methodOfClient(frame, id);
      case FRAME.header:
        return this.#headerOfClient(frame);
      case FRAME.body:
        if (!this.#published.body(frame.payloadEnd - frame.payloadStart)) {
          throw new AmqpFault('unexpected-frame', 'a body frame that no content header has announced');
        }
        return VERDICT.pass;
      default:
        return VERDICT.pass;
    }
  }

  #methodOfClient(frame: FrameCursor, id: number): Verdict {
    switch (id) {
      case METHOD['basic.publish']:
        this.#published.begin();
        this.#publishing = true;
        if (this.#host.context.tap?.active === true) readTarget(frame, this.#target);
        return VERDICT.pass;
      case METHOD['queue.declare']:
        return this.#declare(frame);
      case METHOD['channel.close-ok']:
        this.#host.channelGone(this.number);
        return VERDICT.pass;
      default:
        if (methodHasContent(id)) {
          this.#published.begin();
          this.#publishing = false;
        }
        return VERDICT.pass;
    }
  }

  #headerOfClient(frame: FrameCursor): Verdict {
    const bodyBytes = bodySizeAt(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (bodyBytes < 0) throw new AmqpFault('syntax', 'a content header that is too short');
    if (!this.#published.header(bodyBytes)) {
      throw new AmqpFault('unexpected-frame', 'a content header that no method has announced');
    }
    if (!this.#publishing) return VERDICT.pass;
    const edited = this.#host.publishEdit.edit(frame, this.#host.facts, this.#target);
    if (edited === undefined) return VERDICT.pass;
    this.#host.toBroker(edited);
    return VERDICT.drop;
  }

  /** A declare waits until it is known whether the queue can have priorities; so does all that the client sends after it. */
  #declare(frame: FrameCursor): Verdict {
    const { context, facts } = this.#host;
    if (!context.layerOn) return VERDICT.pass;
    if (this.#tried !== undefined) {
      const { frame: edited } = this.#tried;
      this.#tried = undefined;
      if (edited === undefined) return VERDICT.pass;
      this.#host.toBroker(edited);
      return VERDICT.drop;
    }
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'queue.declare' || method.args.passive) return VERDICT.pass;
    const { args } = method;
    const wanted = prioritized(args, context.broker.maxPriority);
    const own = this.#host.ownChannel();
    if (wanted === undefined || own.number === 0) {
      context.counters.declares.passed += 1;
      return VERDICT.pass;
    }
    own.try(wanted, (outcome) => {
      const agreed = judgeTrial(context, facts.virtualHost, args.queue, outcome);
      this.#tried = { frame: agreed ? encodeMethod(this.number, 'queue.declare', wanted) : undefined };
      this.#host.releaseClient();
    });
    return VERDICT.hold;
  }

  /** Takes a frame of the broker. @throws AmqpFault */
  fromBroker(frame: FrameCursor, id: number): Verdict {
    switch (frame.type) {
      case FRAME.method:
        if (!this.#delivered.idle) throw unexpected('content', id);
        if (methodHasContent(id)) this.#delivered.begin();
        if (id === METHOD['channel.close-ok']) this.#host.channelGone(this.number);
        return VERDICT.pass;
      case FRAME.header: {
        const bodyBytes = bodySizeAt(frame.bytes, frame.payloadStart, frame.payloadEnd);
        if (bodyBytes < 0 || !this.#delivered.header(bodyBytes)) {
          throw new AmqpFault('unexpected-frame', 'a content header that no method has announced');
        }
        return VERDICT.pass;
      }
      case FRAME.body:
        if (!this.#delivered.body(frame.payloadEnd - frame.payloadStart)) {
          throw new AmqpFault('unexpected-frame', 'a body frame that no content header has announced');
        }
        return VERDICT.pass;
      default:
        return VERDICT.pass;
    }
  }
}

function unexpected(expected: string, id: number): AmqpFault {
  return new AmqpFault('unexpected-frame', `${methodName(id) ?? 'a method'} where ${expected} was due`);
}
