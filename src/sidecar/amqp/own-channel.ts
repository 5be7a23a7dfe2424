import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { decodeMethod, encodeMethod, METHOD, type MethodArguments, methodIdAt } from './protocol/index.ts';

/** The arguments of a `queue.declare`. */
export type QueueDeclare = MethodArguments<'queue.declare'>;

/** What the broker said to a declare on the own channel; `text` is empty when it agreed. */
export interface TrialOutcome {
  readonly agreed: boolean;
  readonly replyCode: number;
  readonly text: string;
}

/** Opening before the first use and after a refusal, which closes a channel; idle; waiting for an answer. */
type State = 'closed' | 'opening' | 'idle' | 'declaring';

/**
 * The channel of a client's connection that the proxy keeps for itself. A refused declare closes the channel that it came on, so
 * the proxy tries on this one what it wants to ask of the client's. One trial at a time.
 */
export class OwnChannel {
  readonly #number: number;
  readonly #send: (frame: Buffer) => void;
  #state: State = 'closed';
  #waiting: { readonly declare: QueueDeclare; readonly done: (outcome: TrialOutcome) => void } | undefined;

  /** @param number the channel; 0 when there is none to be had: then nothing may be tried */
  constructor(number: number, send: (frame: Buffer) => void) {
    this.#number = number;
    this.#send = send;
  }

  get number(): number {
    return this.#number;
  }

  /** Declares a queue, and tells what the broker says to it. */
  try(declare: QueueDeclare, done: (outcome: TrialOutcome) => void): void {
    this.#waiting = { declare, done };
    if (this.#state === 'idle') {
      this.#declare(declare);
      return;
    }
    this.#state = 'opening';
    this.#send(encodeMethod(this.#number, 'channel.open', {}));
  }

  #declare(declare: QueueDeclare): void {
    this.#state = 'declaring';
    this.#send(encodeMethod(this.#number, 'queue.declare', { ...declare, noWait: false }));
  }

  /** Takes a frame that the broker sent on this channel; the client sees none of them. */
  fromBroker(frame: FrameCursor): Verdict {
    switch (methodIdAt(frame.bytes, frame.payloadStart, frame.payloadEnd)) {
      case METHOD['channel.open-ok']:
        this.#state = 'idle';
        if (this.#waiting !== undefined) this.#declare(this.#waiting.declare);
        break;
      case METHOD['queue.declare-ok']:
        this.#state = 'idle';
        this.#settle({ agreed: true, replyCode: 0, text: '' });
        break;
      case METHOD['channel.close']:
        this.#refused(frame);
        break;
      default:
        break;
    }
    return VERDICT.drop;
  }

  #refused(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    this.#state = 'closed';
    this.#send(encodeMethod(this.#number, 'channel.close-ok', {}));
    if (method.name !== 'channel.close') return;
    this.#settle({ agreed: false, replyCode: method.args.replyCode, text: method.args.replyText });
  }

  #settle(outcome: TrialOutcome): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(outcome);
  }
}
