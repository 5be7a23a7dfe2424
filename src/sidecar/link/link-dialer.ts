import type net from 'node:net';
import {
  type ByteStream,
  type StreamOwner,
  Timeout,
  type TimerWheel,
  type Timeout as WheelTimeout,
  Wire,
} from '../io/index.ts';
import { question, readAgreement } from './handshake.ts';
import { LINK_LIMITS } from './limits.ts';

/** What became of an attempt: both sides speak frames now; the peer does not know links; it said nothing; it could not be asked. */
export type DialOutcome = 'agreed' | 'plain' | 'unanswered' | 'failed';

/** One attempt to open a link: connects, asks, and reads the answer. */
export class LinkDialer implements StreamOwner {
  readonly wire: Wire;
  readonly #wheel: TimerWheel;
  readonly #timeout: WheelTimeout;
  readonly #done: (outcome: DialOutcome, wire: ByteStream) => void;
  #connected = false;
  #over = false;

  /** @param done called once; when not agreed, the connection is closed already */
  constructor(
    wheel: TimerWheel,
    connect: (onread: net.OnReadOpts) => net.Socket,
    host: string,
    connectTimeoutMs: number,
    done: (outcome: DialOutcome, wire: ByteStream) => void,
  ) {
    this.#wheel = wheel;
    this.#done = done;
    this.wire = new Wire(this);
    const socket = connect(this.wire.onread);
    this.wire.attach(socket);
    socket.once('connect', () => {
      if (this.#over) return;
      this.#connected = true;
      this.wire.send(question(host));
      wheel.remove(this.#timeout);
      wheel.set(this.#timeout, wheel.nowMs + LINK_LIMITS.answerMs);
    });
    this.#timeout = new Timeout(() => this.#end(this.#connected ? 'unanswered' : 'failed'));
    wheel.set(this.#timeout, wheel.nowMs + connectTimeoutMs);
  }

  onBytes(): void {
    if (this.#over) return;
    const answer = readAgreement(this.wire.input, LINK_LIMITS.answerBytes);
    if (answer === 'yes') this.#end('agreed');
    else if (answer === 'no') this.#end('plain');
  }

  onEnd(): void {
    this.#end('unanswered');
  }

  onClosed(): void {
    this.#end(this.#connected ? 'unanswered' : 'failed');
  }

  /** Gives up. */
  cancel(): void {
    this.#over = true;
    this.#wheel.remove(this.#timeout);
    this.wire.destroy();
  }

  #end(outcome: DialOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#wheel.remove(this.#timeout);
    if (outcome !== 'agreed') this.wire.destroy();
    this.#done(outcome, this.wire);
  }
}
