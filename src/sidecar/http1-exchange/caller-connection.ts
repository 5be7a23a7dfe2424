import { applyProfile, type ConnectionProfile, type Transport } from '../../transport/index.ts';
import { BodyPace } from '../body-pace.ts';
import type { LiveSide, Side } from '../exchange.ts';
import { type AnswerCode, CR, INCOMPLETE, LF, REFUSED, refusalKind } from '../http1/index.ts';
import { type ByteStream, Timeout, type Timeout as WheelTimeout } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { Accepted, ServedConnection } from '../protocol.ts';
import { tellRefusal } from '../stages/index.ts';
import { type Http1Caller, Http1Exchange } from './http1-exchange.ts';

/** Between requests, or while a head is arriving; while a request is under way; while the rest is read and dropped; gone. */
type Phase = 'head' | 'exchange' | 'linger' | 'closed';

/** One accepted connection: reads heads one after the other, and hands each to its exchange. */
export class CallerConnection implements Http1Caller, ServedConnection {
  readonly wire: ByteStream;
  readonly address: string;
  profiles: readonly ConnectionProfile[] | undefined;
  readonly #live: LiveSide;
  readonly #exchange: Http1Exchange;
  readonly #timeout: WheelTimeout;
  readonly #gone: () => void;
  #phase: Phase = 'head';
  #draining = false;
  /** What the socket was given for the response that came last. */
  #carried: ConnectionProfile | undefined;
  #reading = false;
  #lingered = 0;
  /** What was not yet taken by the kernel when it was last looked at, and since when it has been so much. */
  #unsentBytes = 0;
  #unsentSinceMs = 0;
  #emptyLines = 0;
  #headBegun = false;
  /** Of the body of the request under way, and how much of the input it has been told of. */
  readonly #pace = new BodyPace();
  #unread = 0;

  constructor({ stream, live, address, profiles, gone }: Accepted) {
    this.#live = live;
    this.address = address;
    this.profiles = profiles;
    this.#gone = gone;
    this.wire = stream;
    this.#exchange = new Http1Exchange(live.current, this);
    this.#timeout = new Timeout((nowMs) => this.#timedOut(nowMs));
  }

  get #side(): Side {
    return this.#live.current;
  }

  get lastClassIndex(): number {
    return this.#exchange.classIndex;
  }

  get draining(): boolean {
    return this.#draining || this.#live.leaving === true;
  }

  start(): void {
    this.#wait(this.#side.limits.idleTimeoutMs);
  }

  turnAway(code: AnswerCode): void {
    this.#side.counters.answered(code);
    this.wire.send(this.#side.answers.answer(code, -1, true, false));
    this.exchangeClosed();
  }

  carry(_classIndex: number, profile: ConnectionProfile, transport: Transport): void {
    if (profile === this.#carried) return;
    this.#carried = profile;
    const { socket } = this.wire;
    if (socket !== undefined) applyProfile(socket, profile, transport);
  }

  drain(): void {
    this.#draining = true;
    if (this.#phase === 'head') this.exchangeClosed();
  }

  destroy(): void {
    this.wire.destroy(this.#phase === 'exchange');
  }

  onBytes(): void {
    switch (this.#phase) {
      case 'head':
        this.#readHeads();
        return;
      case 'exchange':
        this.#pace.received(this.wire.input.length - this.#unread);
        this.#exchange.onCallerBytes();
        if (this.wire.paused) this.#pace.heldUp();
        this.#unread = this.wire.input.length;
        return;
      default:
        this.#drop();
    }
  }

  onEnd(): void {
    // A caller that half-closes is taken for gone, as most proxies do: a close() looks the same from here.
    if (this.#phase === 'exchange') this.#exchange.callerGone();
    // But a response that has been given to the socket goes out whole; if the caller is gone, that fails soon.
    else if (this.wire.unsentBytes > 0) {
      if (this.#phase === 'head') this.exchangeClosed();
      return;
    }
    this.#close();
  }

  onClosed(_error: Error | undefined): void {
    if (this.#phase === 'closed') return;
    const wasExchanging = this.#phase === 'exchange';
    this.#phase = 'closed';
    this.#side.wheel.remove(this.#timeout);
    if (wasExchanging) this.#exchange.callerGone();
    this.#gone();
  }

  exchangeEnded(keepAlive: boolean): void {
    if (this.#phase !== 'exchange') return;
    this.wire.streaming = false;
    if (!keepAlive || this.draining) {
      this.exchangeClosed();
      return;
    }
    this.#phase = 'head';
    this.#emptyLines = 0;
    this.#wait(this.#side.limits.idleTimeoutMs);
    if (this.wire.paused && this.wire.input.hasRoom) this.wire.resume();
    if (this.wire.input.length === 0) this.wire.input.shrink();
    // Not at once: this may be called from the middle of the queue's or the pool's own work.
    else if (!this.#reading) process.nextTick(() => this.#readHeads());
  }

  /** Ends the stream, and reads on for a while what is still coming: closing over unread bytes would send an RST that can overtake the answer. */
  exchangeClosed(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'linger';
    this.#lingered = 0;
    this.wire.end();
    this.#side.wheel.remove(this.#timeout);
    this.#wait(FIXED_LIMITS.lingerMs);
    this.#drop();
    this.wire.resume();
  }

  #close(): void {
    this.wire.destroy();
  }

  #drop(): void {
    const { input } = this.wire;
    this.#lingered += input.length;
    input.consumeTo(input.end);
    if (this.#lingered > FIXED_LIMITS.lingerBytes) {
      this.#side.counters.hit('lingerBytes');
      this.#close();
    }
  }

  #wait(ms: number): void {
    const { wheel } = this.#side;
    wheel.set(this.#timeout, wheel.nowMs + ms);
  }

  /** Reads heads until one is incomplete or a request is under way. A loop, so that answers given at once do not pile up the stack. */
  #readHeads(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#phase === 'head' && this.wire.input.length > 0 && this.#readHead());
    this.#reading = false;
    // Reading pauses when many requests came at once; here all whole ones have been served.
    if (this.#phase === 'head') this.wire.resume();
  }

  /** @returns whether a head was complete */
  #readHead(): boolean {
    const { input } = this.wire;
    const { limits, clock } = this.#side;
    if (!this.#skipEmptyLine()) return false;
    const { request } = this.#exchange;
    const headEnd = request.parse(input.bytes, input.start, input.end);
    if (headEnd === INCOMPLETE) {
      if (input.length > limits.maxHeadBytes) this.#refuse(REFUSED['head-too-large']);
      else if (!this.#headBegun) this.#beginHead();
      return false;
    }
    if (headEnd < 0) {
      this.#refuse(headEnd);
      return false;
    }
    if (request.length > limits.maxHeadBytes) {
      this.#refuse(REFUSED['head-too-large']);
      return false;
    }
    this.#headBegun = false;
    this.#phase = 'exchange';
    const nowMs = clock.nowMs();
    if (request.framing.kind !== 'none') this.#beginPace(nowMs, input.end - headEnd);
    this.#wait(this.#exchangeLookMs(request.framing.kind !== 'none'));
    this.#exchange.begin(this.#side, nowMs);
    this.#unread = input.length;
    return true;
  }

  #beginPace(nowMs: number, bytesHere: number): void {
    this.#pace.begin(nowMs);
    this.#pace.received(bytesHere);
  }

  /** The time for a head counts from its first byte, not from its last piece. */
  #beginHead(): void {
    this.#headBegun = true;
    this.#side.wheel.remove(this.#timeout);
    this.#wait(this.#side.limits.headTimeoutMs);
  }

  /** One empty line in front of a request is ignored (RFC 9112 section 2.2). @returns whether a head may follow */
  #skipEmptyLine(): boolean {
    const { input } = this.wire;
    if (input.bytes[input.start] !== CR || this.#emptyLines > 0) return true;
    if (input.length < 2) return false;
    if (input.bytes[input.start + 1] !== LF) return true;
    this.#emptyLines += 1;
    input.consumeTo(input.start + 2);
    return input.length > 0;
  }

  #refuse(code: number): void {
    const kind = refusalKind(code);
    this.#side.counters.refused(code);
    if (this.#side.tap?.active === true) tellRefusal(this.#side.tap, this.#side, kind);
    this.wire.send(this.#side.answers.refusal(kind));
    this.exchangeClosed();
  }

  /** A caller that reads slowly is given time for what it has not got yet, as long as it takes some of it. */
  #stillSending(nowMs: number): boolean {
    const { unsentBytes } = this.wire;
    if (unsentBytes === 0) return false;
    if (unsentBytes !== this.#unsentBytes) {
      this.#unsentBytes = unsentBytes;
      this.#unsentSinceMs = nowMs;
    }
    return nowMs - this.#unsentSinceMs < this.#side.limits.responseTimeoutMs;
  }

  #timedOut(nowMs: number): void {
    const { counters } = this.#side;
    if (this.#phase !== 'exchange' && this.#stillSending(nowMs)) {
      this.#wait(FIXED_LIMITS.lingerMs);
      return;
    }
    switch (this.#phase) {
      case 'head':
        if (this.wire.input.length === 0) {
          counters.hit('idleTimeoutMs');
          this.#close();
          return;
        }
        counters.hit('headTimeoutMs');
        counters.answered('HEAD_TIMEOUT');
        this.wire.send(this.#side.answers.answer('HEAD_TIMEOUT', -1, true, false));
        this.exchangeClosed();
        return;
      case 'exchange':
        this.#exchangeTimedOut();
        return;
      default:
        this.#close();
    }
  }

  /** When to look at a running request again at the latest. */
  #exchangeLookMs(bodyMissing: boolean): number {
    const { bodyTimeoutMs, responseTimeoutMs } = this.#side.limits;
    return bodyMissing ? Math.min(bodyTimeoutMs, responseTimeoutMs) : responseTimeoutMs;
  }

  #tooSlow(): boolean {
    const { limits, wheel } = this.#side;
    const { admittedMs, arrivedMs } = this.#exchange;
    const awaitedFromMs = Math.max(arrivedMs, admittedMs);
    return this.#pace.tooSlow(wheel.nowMs, awaitedFromMs, limits.bodyTimeoutMs / 2, limits.minBodyRateBps);
  }

  #exchangeTimedOut(): void {
    const { counters, limits, wheel } = this.#side;
    const exchange = this.#exchange;
    const bodyMissing = !exchange.requestBody.done;
    const lookMs = this.#exchangeLookMs(bodyMissing);
    if (exchange.queueEntry.waiting) {
      this.#wait(lookMs);
      return;
    }
    // While reading is paused, it is not the caller who keeps the body waiting.
    const bodyAwaited = bodyMissing && exchange.connection !== undefined && !this.wire.paused;
    const limitMs = bodyAwaited ? limits.bodyTimeoutMs : limits.responseTimeoutMs + exchange.patienceMs;
    const leftMs = limitMs - (wheel.nowMs - exchange.lastProgressMs);
    if (leftMs > 0) {
      if (!bodyAwaited || !this.#tooSlow()) {
        this.#wait(Math.max(1, Math.min(leftMs, lookMs)));
        return;
      }
      counters.hit('minBodyRateBps');
      exchange.answer('BODY_TIMEOUT');
      return;
    }
    counters.hit(bodyAwaited ? 'bodyTimeoutMs' : 'responseTimeoutMs');
    exchange.answer(bodyAwaited ? 'BODY_TIMEOUT' : 'REQUEST_TIMEOUT');
  }
}
