import { applyProfile, type ConnectionProfile, type Transport } from '../../transport/index.ts';
import type { LiveSide, Side } from '../exchange.ts';
import type { AnswerCode } from '../http1/index.ts';
import { Timeout, type Timeout as WheelTimeout } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { Accepted, ServedConnection } from '../protocol.ts';
import { Http2Connection, type Http2Stream } from './connection/index.ts';
import { type Http2Caller, Http2Exchange } from './http2-exchange.ts';
import { PAIRS } from './http2-pool.ts';
import { H2_LIMITS } from './limits.ts';
import { FieldBlock, H2_ERROR, PREFACE, writeReset } from './protocol/index.ts';

const SCRATCH_FIELDS = 128;

/** One accepted connection of HTTP/2: makes an exchange of each stream. */
export class Http2ServerConnection extends Http2Connection implements ServedConnection, Http2Caller {
  readonly address: string;
  profiles: readonly ConnectionProfile[] | undefined;
  lastClassIndex = -1;
  draining = false;
  readonly #live: LiveSide;
  readonly #gone: () => void;
  readonly #timeout: WheelTimeout;
  readonly #spare: Http2Exchange[] = [];
  readonly #exchanges = new Map<Http2Stream, Http2Exchange>();
  /** The class whose profile the socket has, -1 before the first response; and the profile of each that was carried. */
  #carried = -1;
  readonly #profileOf: (ConnectionProfile | undefined)[] = [];
  #transport: Transport | undefined;
  #scratch: FieldBlock | undefined;
  #idleSinceMs = 0;
  #peerLeaves = false;
  #closed = false;

  constructor({ stream, live, address, profiles, gone }: Accepted) {
    const { limits, wheel, counters } = live.current;
    super(stream, {
      pairs: PAIRS,
      maxHeadBytes: limits.maxHeadBytes,
      nowMs: () => wheel.nowMs,
      hit: (limit) => counters.hit(limit),
    });
    this.#live = live;
    this.address = address;
    this.profiles = profiles;
    this.#gone = gone;
    this.#timeout = new Timeout((nowMs) => this.#look(nowMs));
    this.scheduler.ended = (ended) => this.#responseSent(ended);
  }

  get #side(): Side {
    return this.#live.current;
  }

  start(): void {
    const { input } = this.wire;
    input.consumeTo(input.start + PREFACE.length);
    this.greet(false);
    this.#rest();
    this.#lookLater();
  }

  turnAway(code: AnswerCode): void {
    this.#side.counters.answered(code);
    this.greet(false);
    this.fail(H2_ERROR.ENHANCE_YOUR_CALM);
  }

  #rest(): void {
    this.#idleSinceMs = this.#side.wheel.nowMs;
  }

  #lookLater(): void {
    const { wheel } = this.#side;
    wheel.set(this.#timeout, wheel.nowMs + H2_LIMITS.lookMs);
  }

  /** Silence is looked for now and then, on all streams at once, so that no request sets a timer for it. */
  #look(nowMs: number): void {
    if (this.#closed) return;
    const { limits, counters } = this.#side;
    if (!this.alive) {
      this.wire.destroy();
      return;
    }
    if (this.streamCount === 0) {
      if (nowMs - this.#idleSinceMs >= limits.idleTimeoutMs) {
        counters.hit('idleTimeoutMs');
        this.#leave();
      }
    } else {
      for (const exchange of [...this.#exchanges.values()]) this.#lookAt(exchange, nowMs);
    }
    this.#lookLater();
  }

  #lookAt(exchange: Http2Exchange, nowMs: number): void {
    const { limits, counters } = exchange.side;
    if (exchange.queueEntry.waiting) return;
    const { requestBody, responseStarted, connection, callerStream } = exchange;
    const silentMs = nowMs - Math.max(exchange.lastProgressMs, exchange.admittedMs);
    // All that came has been sent on, and more has to come.
    const bodyAwaited =
      !requestBody.ended && requestBody.length === 0 && connection !== undefined && !responseStarted;
    // Calls that stream both ways may be silent for as long as they have a deadline.
    if (exchange.request.isGrpc && exchange.deadlineMs !== Number.POSITIVE_INFINITY) return;
    const limitMs =
      bodyAwaited && !exchange.request.isGrpc
        ? limits.bodyTimeoutMs
        : limits.responseTimeoutMs + exchange.patienceMs;
    if (silentMs < limitMs) {
      if (!exchange.request.isGrpc && this.#tooSlow(exchange, bodyAwaited, nowMs)) {
        counters.hit('minBodyRateBps');
        exchange.answer('BODY_TIMEOUT');
      }
      return;
    }
    counters.hit(bodyAwaited ? 'bodyTimeoutMs' : 'responseTimeoutMs');
    if (exchange.active) exchange.answer(bodyAwaited ? 'BODY_TIMEOUT' : 'REQUEST_TIMEOUT');
    // It is over, but the caller does not take what it was sent.
    else if (callerStream !== undefined) this.resetStream(callerStream, H2_ERROR.CANCEL);
  }

  /** Whether a body trickles in, which would hold a place in the queue for as long as its sender likes. */
  #tooSlow(exchange: Http2Exchange, bodyAwaited: boolean, nowMs: number): boolean {
    const { callerHalf, requestBody, arrivedMs, admittedMs } = exchange;
    const { bodyTimeoutMs, minBodyRateBps } = exchange.side.limits;
    // Who may not send, on this stream or on any, is not slow.
    if (requestBody.length > 0 || this.receiveWindow <= 0) callerHalf.pace.heldUp();
    if (!bodyAwaited) return false;
    return callerHalf.pace.tooSlow(nowMs, Math.max(arrivedMs, admittedMs), bodyTimeoutMs / 2, minBodyRateBps);
  }

  protected wasOpen(streamId: number): boolean {
    return streamId % 2 === 1 && streamId <= this.lastPeerStream;
  }

  protected onUnknownHeaders(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (streamId % 2 === 0) {
      this.fail(H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    const isNew = streamId > this.lastPeerStream;
    if (isNew && !this.draining && this.streamCount < H2_LIMITS.concurrentStreams) {
      this.lastPeerStream = streamId;
      this.#begin(streamId, bytes, start, end, endStream);
      return;
    }
    this.#scratch ??= new FieldBlock(SCRATCH_FIELDS);
    if (!this.spendIdle() || !this.decode(bytes, start, end, this.#scratch)) return;
    const open = this.streams.get(streamId);
    if (open !== undefined) this.breakStream(open, H2_ERROR.STREAM_CLOSED);
    if (!isNew || this.draining) return;
    this.lastPeerStream = streamId;
    this.context.hit('http2Streams');
    writeReset(this.output.buffer, streamId, H2_ERROR.REFUSED_STREAM);
  }

  #begin(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const side = this.#side;
    const exchange = this.#spare.pop() ?? new Http2Exchange(side, this);
    if (!this.decode(bytes, start, end, exchange.requestBlock)) return;
    const stream = this.openStream(exchange.callerHalf, streamId);
    stream.remoteEnded = endStream;
    this.#exchanges.set(stream, exchange);
    exchange.begin(side, stream, this.decoder.fault, endStream, side.clock.nowMs());
    if (exchange.classIndex >= 0) this.lastClassIndex = exchange.classIndex;
  }

  #responseSent(stream: Http2Stream): void {
    stream.user.onAllSent();
    // The rest of the request is not wanted (RFC 9113 section 8.1).
    if (stream.remoteEnded) this.closeStream(stream);
    else this.resetStream(stream, H2_ERROR.NO_ERROR);
  }

  protected onStreamClosed(stream: Http2Stream): void {
    const exchange = this.#exchanges.get(stream);
    this.#exchanges.delete(stream);
    exchange?.callerClosed();
    if (this.streamCount > 0) return;
    this.#rest();
    if (this.draining || this.#peerLeaves) this.finishWire();
  }

  exchangeOver(exchange: Http2Exchange): void {
    if (this.#spare.length < H2_LIMITS.spareExchanges && !this.#closed) this.#spare.push(exchange);
  }

  /** One socket has one profile: that of the most important class with a stream open, since what is less important may travel better than it must. */
  carry(classIndex: number, profile: ConnectionProfile, transport: Transport): void {
    this.#profileOf[classIndex] = profile;
    this.#transport = transport;
    if (this.#carried < 0 || classIndex <= this.#carried) this.#apply(classIndex);
  }

  carriedOut(classIndex: number): void {
    if (classIndex < 0 || classIndex !== this.#carried) return;
    let next = -1;
    for (const exchange of this.#exchanges.values()) {
      if (exchange.classIndex === classIndex) return;
      if (exchange.classIndex >= 0 && (next < 0 || exchange.classIndex < next)) next = exchange.classIndex;
    }
    this.#carried = -1;
    if (next >= 0) this.#apply(next);
  }

  #apply(classIndex: number): void {
    const profile = this.#profileOf[classIndex];
    const { socket } = this.wire;
    if (profile === undefined || this.#transport === undefined || socket === undefined) return;
    this.#carried = classIndex;
    applyProfile(socket, profile, this.#transport);
  }

  protected onPeerSettings(): void {}

  /** The peer leaves once it has its responses. */
  onGoaway(): void {
    this.#peerLeaves = true;
    if (this.streamCount === 0) this.finishWire();
  }

  drain(): void {
    if (this.draining) return;
    this.#leave();
  }

  #leave(): void {
    this.draining = true;
    this.sayGoaway();
    if (this.streamCount === 0) this.finishWire();
  }

  destroy(): void {
    this.wire.destroy(this.streamCount > 0);
  }

  protected onFailed(): void {
    this.#lose();
    const { wheel } = this.#side;
    wheel.remove(this.#timeout);
    wheel.set(this.#timeout, wheel.nowMs + FIXED_LIMITS.lingerMs);
  }

  #lose(): void {
    for (const stream of [...this.streams.values()]) {
      this.closeStream(stream);
      stream.user.onReset(H2_ERROR.CANCEL, false);
    }
  }

  onEnd(): void {
    // As with HTTP/1, who ends its direction is taken for gone, but what was given to the socket goes out.
    if (this.streamCount === 0 && this.wire.unsentBytes > 0) this.wire.end();
    else this.wire.destroy();
  }

  onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.finishWire();
    this.#side.wheel.remove(this.#timeout);
    this.#lose();
    this.#gone();
  }
}
