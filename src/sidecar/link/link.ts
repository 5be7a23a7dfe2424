import type net from 'node:net';
import {
  type ByteStream,
  type StreamOwner,
  Timeout,
  type TimerWheel,
  type Timeout as WheelTimeout,
} from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { LinkCounters } from './counters.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameReader, type FrameTarget } from './frame-reader.ts';
import { FRAME, GO_AWAY, type LinkFault, RESET, readNumber } from './frames.ts';
import { LINK_LIMITS } from './limits.ts';
import { type Carrier, LinkStream } from './link-stream.ts';
import { LinkWatch } from './link-watch.ts';
import { LinkOutput } from './output.ts';

/** Who is told what happens on a link. */
export interface LinkOwner {
  /** The peer opened a stream; whoever takes it sets its owner. Absent on the side that opened the link. */
  onStream?(stream: LinkStream): void;
  /** The peer wants no further streams. */
  onGoingAway(): void;
  /** The link is gone, and with it all its streams. `reason` is empty after an orderly end. */
  onClosed(reason: string): void;
}

/** What a link is made with. */
export interface LinkOptions {
  readonly wheel: TimerWheel;
  readonly counters: LinkCounters;
  /** A link without streams is closed after so long. */
  readonly idleTimeoutMs: number;
}

const LAST_NUMBER = 2 ** 32 - 1;
const PING_BYTES = 8;

/** One connection between two sidecars, and the streams of bytes on it. */
export class Link implements StreamOwner, Carrier, FrameTarget {
  readonly output: LinkOutput;
  readonly #wire: ByteStream;
  readonly socket: net.Socket;
  readonly #owner: LinkOwner;
  readonly #options: LinkOptions;
  readonly #opener: boolean;
  readonly #streams = new Map<number, LinkStream>();
  readonly #watch: LinkWatch;
  readonly #floods: FloodGuard;
  readonly #linger: WheelTimeout = new Timeout(() => this.#wire.destroy());
  readonly #number = Buffer.allocUnsafe(4);
  readonly #ping = Buffer.alloc(PING_BYTES);
  #heldBack = new Set<LinkStream>();
  #lastNumber = 0;
  /** The stream whose data frame is being received, if it lives. */
  #current: LinkStream | undefined;
  readonly #reader = new FrameReader(this);
  /** Data that the peer may have sent before it heard that a stream was reset. */
  #strayBytes = 0;
  #pinned: Buffer | undefined;
  #goAwaySent = false;
  #goAwayReceived = false;
  #reason = '';
  #closed = false;

  /**
   * Takes over a connection on which both sides have agreed to speak frames. `onBytes` has to be called when there are some already.
   * @param socket of `wire`
   * @param opener whether this side opened the link
   */
  constructor(wire: ByteStream, socket: net.Socket, opener: boolean, options: LinkOptions, owner: LinkOwner) {
    this.#wire = wire;
    this.socket = socket;
    this.#opener = opener;
    this.#options = options;
    this.#owner = owner;
    const { wheel, counters } = options;
    this.output = new LinkOutput(socket, counters, () => this.#goOn());
    this.#floods = new FloodGuard(wheel);
    wire.owner = this;
    wire.streaming = true;
    counters.links += 1;
    counters.linksOpened += 1;
    // The accepting side waits longer, so that it is the opener who leaves, and no stream begins on a link that ends.
    const { idleTimeoutMs } = options;
    this.#watch = new LinkWatch(wheel, opener ? idleTimeoutMs : 2 * idleTimeoutMs + LINK_LIMITS.silentMs, {
      socket,
      ping: () => this.output.control(FRAME.ping, 0, 0, this.#ping),
      idle: () => this.goAway(GO_AWAY.idle),
      giveUp: (reason) => this.#giveUp(reason),
      size: () => this.#streams.size,
    });
  }

  /** How many streams live. */
  get size(): number {
    return this.#streams.size;
  }

  /** Whether a stream can be opened now. */
  get open(): boolean {
    return (
      !this.#closed &&
      !this.#goAwaySent &&
      !this.#goAwayReceived &&
      this.#streams.size < LINK_LIMITS.streams &&
      this.#lastNumber < LAST_NUMBER
    );
  }

  get retiring(): boolean {
    return this.#goAwaySent || this.#goAwayReceived;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Opens a stream, which can be used at once. To be called where {@link open} says so. */
  openStream(owner: StreamOwner, classIndex: number): LinkStream {
    this.#lastNumber += 1;
    const stream = this.#add(this.#lastNumber, classIndex);
    stream.owner = owner;
    this.output.control(FRAME.open, classIndex, stream.id);
    return stream;
  }

  /** Tells the peer to open no further streams; when the last one is over, the side that opened the link closes it. */
  goAway(reason: number = GO_AWAY.draining): void {
    if (this.#goAwaySent || this.#closed) return;
    this.#goAwaySent = true;
    this.output.control(FRAME.goAway, 0, 0, Buffer.from([reason]));
    this.#maybeEnd();
  }

  /** Closes behind what has been sent; what still lives fails. */
  leave(): void {
    if (this.#closed) return;
    this.goAway();
    this.#closeBehind();
    this.#shut('');
  }

  /** Closes at once. All streams fail. */
  destroy(): void {
    this.#wire.destroy();
  }

  onBytes(): void {
    this.#watch.heard();
    const { input } = this.#wire;
    const at = this.#reader.read(input.bytes, input.start, input.end);
    input.consumeTo(this.#closed ? input.end : at);
  }

  onEnd(): void {
    if (this.#streams.size > 0) this.#reason ||= 'the peer ended the link';
    this.#wire.destroy();
  }

  onClosed(error: Error | undefined): void {
    this.#options.wheel.remove(this.#linger);
    this.#shut(this.#reason || (error === undefined ? '' : error.message));
  }

  grant(stream: LinkStream, count: number): void {
    if (this.#closed) return;
    stream.granted += count;
    this.#number.writeUInt32BE(count);
    this.output.control(FRAME.credit, stream.classIndex, stream.id, this.#number);
  }

  holdBack(stream: LinkStream): void {
    this.#options.counters.heldBack += 1;
    this.#heldBack.add(stream);
  }

  forget(stream: LinkStream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (this.#current === stream) this.#current = undefined;
    if (!stream.endReceived) this.#strayBytes += stream.granted;
    this.#options.counters.streams -= 1;
    this.#heldBack.delete(stream);
    if (this.#streams.size > 0) return;
    this.#watch.emptied();
    this.#maybeEnd();
  }

  pinLent(): void {
    const { input } = this.#wire;
    input.pin();
    this.#pinned = input.bytes;
  }

  lentIsPinned(): boolean {
    return this.#pinned === this.#wire.input.bytes;
  }

  #add(number: number, classIndex: number): LinkStream {
    const stream = new LinkStream(this, number, classIndex);
    this.#streams.set(number, stream);
    const { counters } = this.#options;
    counters.streams += 1;
    counters.streamsOpened += 1;
    return stream;
  }

  beginData(number: number, length: number, classIndex: number): boolean {
    const stream = this.#streams.get(number);
    this.#current = stream;
    if (stream === undefined) {
      if (number > this.#lastNumber) return this.violated('unknown-stream');
      // It was on its way when the stream was reset here.
      this.#strayBytes -= length;
      return this.#strayBytes >= 0 || this.violated('unknown-stream');
    }
    if (stream.endReceived) return this.violated('data-after-end');
    stream.granted -= length;
    if (stream.granted < 0) return this.violated('credit-exceeded');
    if (!this.#opener) stream.classIndex = classIndex;
    return true;
  }

  data(bytes: Buffer, start: number, end: number): boolean {
    this.#current?.receive(bytes, start, end);
    return !this.#closed;
  }

  frame(type: number, number: number, classIndex: number, bytes: Buffer, at: number): boolean {
    switch (type) {
      case FRAME.open:
        return this.#opened(number, classIndex);
      case FRAME.ping:
        return this.#pinged(bytes, at);
      case FRAME.pong:
        return this.#watch.answered() || this.violated('unasked-pong');
      case FRAME.goAway:
        if ((bytes[at] as number) > GO_AWAY.violation) return this.violated('go-away-reason');
        this.#goesAway();
        return true;
      default:
        return this.#streamFrame(type, number, bytes, at);
    }
  }

  #streamFrame(type: number, number: number, bytes: Buffer, at: number): boolean {
    if (type === FRAME.reset && (bytes[at] as number) > RESET.aborted) return this.violated('reset-reason');
    const stream = this.#streams.get(number);
    if (stream === undefined) return number <= this.#lastNumber || this.violated('unknown-stream');
    if (type === FRAME.credit) {
      const count = readNumber(bytes, at);
      return (count > 0 && stream.receiveCredit(count)) || this.violated('credit-overflow');
    }
    if (type === FRAME.end) {
      if (stream.endReceived) return this.violated('data-after-end');
      stream.receiveEnd();
      return true;
    }
    // Streams that are given up cost work and bring none.
    if (!this.#floods.churned()) return this.violated('churn');
    stream.receiveReset(bytes[at] as number);
    return true;
  }

  #opened(number: number, classIndex: number): boolean {
    if (this.#opener) return this.violated('direction');
    if (number !== this.#lastNumber + 1) return this.violated('stream-number');
    if (this.#goAwayReceived) return this.violated('open-after-go-away');
    if (this.#streams.size >= LINK_LIMITS.acceptedStreams) return this.violated('too-many-streams');
    this.#lastNumber = number;
    this.#owner.onStream?.(this.#add(number, classIndex));
    return true;
  }

  #pinged(bytes: Buffer, at: number): boolean {
    if (!this.#floods.pinged()) return this.violated('ping-flood');
    this.output.control(FRAME.pong, 0, 0, bytes.subarray(at, at + PING_BYTES));
    return true;
  }

  #goesAway(): void {
    if (this.#goAwayReceived) return;
    this.#goAwayReceived = true;
    // It is answered, so that the peer knows that no stream is on its way any more.
    if (!this.#goAwaySent) this.goAway();
    this.#owner.onGoingAway();
    this.#maybeEnd();
  }

  /** Both sides have said that nothing more begins, and all streams are over. */
  #maybeEnd(): void {
    if (!this.#goAwaySent || !this.#goAwayReceived || this.#streams.size > 0 || this.#closed) return;
    this.output.flush();
    this.#wire.end();
  }

  /** There is room again: who was held back goes on, the important classes first. */
  #goOn(): void {
    if (this.#heldBack.size === 0) return;
    const waiting = [...this.#heldBack].sort((one, other) => one.classIndex - other.classIndex);
    this.#heldBack = new Set();
    for (const stream of waiting) {
      // When the link is full, each of the others is held back again by its own attempt.
      if (!stream.closed) stream.pump();
    }
  }

  /** @returns false, always */
  violated(fault: LinkFault): false {
    this.#options.counters.fault(fault);
    this.#reason = `violation: ${fault}`;
    this.output.control(FRAME.goAway, 0, 0, Buffer.from([GO_AWAY.violation]));
    this.#closeBehind();
    this.#shut(this.#reason);
    return false;
  }

  /** Closes behind what has been sent. A peer that does not take it is not waited for: nobody else would know of the socket. */
  #closeBehind(): void {
    const { wheel } = this.#options;
    this.output.flush();
    this.socket.destroySoon();
    wheel.set(this.#linger, wheel.nowMs + FIXED_LIMITS.lingerMs);
  }

  #giveUp(reason: '' | 'silent'): void {
    if (reason !== '') {
      this.#options.counters.fault(reason);
      this.#reason = 'the peer is silent';
    }
    this.#wire.destroy();
  }

  #shut(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const { counters } = this.#options;
    this.#watch.close();
    this.output.close();
    counters.links -= 1;
    if (reason !== '') counters.linksLost += 1;
    const error = new Error(`the link is lost: ${reason === '' ? 'it ended' : reason}`);
    for (const stream of [...this.#streams.values()]) stream.fail(error);
    this.#owner.onClosed(reason);
  }
}
