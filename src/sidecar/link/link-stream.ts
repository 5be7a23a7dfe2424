import type net from 'node:net';
import type { ByteStream, StreamOwner } from '../io/index.ts';
import { FIRST_CREDIT_BYTES, FRAME, RESET } from './frames.ts';
import type { LinkOutput } from './output.ts';
import { type Lender, StreamInput } from './stream-input.ts';
import { type SendingStream, StreamSender } from './stream-sender.ts';

/** What a stream needs of the link that carries it. */
export interface Carrier extends Omit<Lender, 'returned'> {
  readonly output: LinkOutput;
  readonly socket: net.Socket;
  /** Whether no streams begin any more. */
  readonly retiring: boolean;
  /** Gives the peer more credit on a stream. */
  grant(stream: LinkStream, count: number): void;
  /** The link is full: the stream is asked to go on when it has room. */
  holdBack(stream: LinkStream): void;
  /** The stream is over on this side. */
  forget(stream: LinkStream): void;
}

const REASON_CLOSED = Buffer.from([RESET.closed]);
const REASON_ABORTED = Buffer.from([RESET.aborted]);

/** What one who owns no stream does: before there is an owner nothing happens. */
const NOBODY: StreamOwner = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

/** One of the streams of a link. To its owner it behaves as a socket does. */
export class LinkStream implements ByteStream, Lender, SendingStream {
  readonly input: StreamInput;
  readonly id: number;
  owner: StreamOwner = NOBODY;
  streaming = false;
  sink: ByteStream | undefined;
  /** The class that it carries now: on the opening side its user says so, the accepting side follows the peer's frames. */
  classIndex: number;
  /** Bytes that the peer may still send. */
  granted = FIRST_CREDIT_BYTES;
  readonly #carrier: Carrier;
  readonly #sender: StreamSender;
  #source: ByteStream | undefined;
  #paused = false;
  #undelivered = false;
  #resuming = false;
  #ending = false;
  #endSent = false;
  #endReceived = false;
  #endDelivered = false;
  #peerGone = false;
  #closed = false;

  constructor(carrier: Carrier, id: number, classIndex: number) {
    this.#carrier = carrier;
    this.id = id;
    this.classIndex = classIndex;
    this.#sender = new StreamSender(this);
    this.input = new StreamInput(this, FIRST_CREDIT_BYTES / 2);
  }

  /** The socket of the link. */
  get socket(): net.Socket {
    return this.#carrier.socket;
  }

  get retiring(): boolean {
    return this.#carrier.retiring;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get unsentBytes(): number {
    return this.#sender.unsentBytes;
  }

  get flushed(): boolean {
    return this.#sender.unsentBytes === 0;
  }

  get output(): LinkOutput {
    return this.#carrier.output;
  }

  holdBack(): void {
    this.#carrier.holdBack(this);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#undelivered && !(this.#endReceived && !this.#endDelivered)) return;
    // What came meanwhile is delivered as a socket would do it: later, and from the top of the stack.
    if (this.#resuming) return;
    this.#resuming = true;
    process.nextTick(() => this.#deliverKept());
  }

  send(bytes: Buffer): void {
    if (this.#closed || this.#ending) return;
    this.#sender.write(bytes, 0, bytes.length);
  }

  relay(from: ByteStream, start: number, end: number): void {
    if (this.#closed || this.#ending) return;
    const { bytes } = from.input;
    if (this.#sender.write(bytes, start, end)) return;
    from.input.pin();
    this.#hold(from);
  }

  sendFor(from: ByteStream, bytes: Buffer): void {
    this.send(bytes);
    if (this.#sender.unsentBytes > 0 && !this.#closed) this.#hold(from);
  }

  letGo(from: ByteStream): void {
    if (this.#source !== from) return;
    this.#source = undefined;
    from.sink = undefined;
    from.resume();
  }

  end(bytes?: Buffer): void {
    if (bytes !== undefined) this.send(bytes);
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    if (this.#sender.unsentBytes === 0) this.#sendEnd();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    if (!this.#peerGone) {
      const whole = !reset && this.#sender.unsentBytes === 0;
      this.#sender.frame(FRAME.reset, whole ? REASON_CLOSED : REASON_ABORTED);
    }
    this.#close(undefined);
  }

  returned(count: number): void {
    if (this.#closed || this.#endReceived) return;
    this.#carrier.grant(this, count);
  }

  pinLent(): void {
    this.#carrier.pinLent();
  }

  lentIsPinned(): boolean {
    return this.#carrier.lentIsPinned();
  }

  /** Bytes came: they stand in the link's own input for the length of this call. */
  receive(bytes: Buffer, start: number, end: number): void {
    const { input } = this;
    if (this.#paused || this.#undelivered) {
      input.append(bytes, start, end);
      this.#undelivered = true;
      return;
    }
    if (input.length > 0) {
      input.append(bytes, start, end);
      this.owner.onBytes();
      return;
    }
    input.lend(bytes, start, end);
    this.owner.onBytes();
    input.keep();
  }

  /** Whether the peer has said that no more data follows. */
  get endReceived(): boolean {
    return this.#endReceived;
  }

  /** The peer ended its side. */
  receiveEnd(): void {
    this.#endReceived = true;
    if (!this.#paused && !this.#undelivered) this.#deliverEnd();
  }

  /** The peer gave the stream up. */
  receiveReset(reason: number): void {
    this.#peerGone = true;
    if (reason !== RESET.closed) {
      this.fail(new Error('the peer reset the stream'));
      return;
    }
    this.#sender.drop();
    this.#endReceived = true;
    if (!this.#paused && !this.#undelivered) this.#deliverEnd();
  }

  /** @returns false when the peer gave more than there may be */
  receiveCredit(count: number): boolean {
    if (!this.#sender.addCredit(count)) return false;
    this.pump();
    return true;
  }

  /** It is over, because of the link or the peer. */
  fail(error: Error): void {
    if (this.#closed) return;
    this.#peerGone = true;
    this.#close(error);
  }

  /** Sends on what had to wait. */
  pump(): void {
    if (this.#closed || !this.#sender.pump()) return;
    if (this.#ending) this.#sendEnd();
    this.#releaseSource();
  }

  #deliverKept(): void {
    this.#resuming = false;
    if (this.#closed || this.#paused) return;
    if (this.#undelivered) {
      this.#undelivered = false;
      this.owner.onBytes();
    }
    // The owner may have stopped reading again, and by that put off the end.
    if (!this.#closed && !this.#paused && this.#endReceived) this.#deliverEnd();
  }

  #deliverEnd(): void {
    if (this.#endDelivered) return;
    this.#endDelivered = true;
    this.owner.onEnd();
    if (this.#closed) return;
    if (this.#peerGone) this.#close(undefined);
    else if (this.#endSent) this.#close(undefined);
    // As a socket that allows no half-open connection: it ends when its peer has ended.
    else this.end();
  }

  #hold(from: ByteStream): void {
    from.pause();
    from.sink = this;
    this.#source = from;
  }

  #releaseSource(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    if (source.sink !== this) return;
    source.sink = undefined;
    source.input.unpin();
    source.resume();
  }

  #sendEnd(): void {
    if (this.#endSent || this.#peerGone) return;
    this.#endSent = true;
    this.#sender.frame(FRAME.end);
    if (this.#endDelivered) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    this.#closed = true;
    this.#sender.drop();
    this.#carrier.forget(this);
    // As with a socket, its owner hears of it later, and never in the middle of its own work.
    process.nextTick(() => {
      this.#releaseSource();
      this.owner.onClosed(error);
    });
  }
}
