import type { RequestFacts } from '../../ingress-classifier/index.ts';
import { type Caller, Exchange, type Side, type Step } from '../exchange.ts';
import type { AnswerCode, RefusalKind } from '../http1/index.ts';
import type { ByteStream } from '../io/index.ts';
import type { ConnectionPool, PoolWaiter, UpstreamConnection, UpstreamUser } from '../pools/index.ts';
import type { PortRoute } from './port-routes.ts';

/** The connection that is the request. */
export interface TcpCaller extends Caller {
  readonly wire: ByteStream;
}

/**
 * A connection of a protocol that the sidecar does not read: it is one request as long as it lasts, with one class. Each direction ends for
 * itself (half close); it is over whole when both have ended and all bytes are out.
 */
export class TcpExchange extends Exchange implements PoolWaiter, UpstreamUser {
  readonly caller: TcpCaller;
  route: PortRoute | undefined;
  connection: UpstreamConnection | undefined;
  #name = '';
  #forwarded = false;
  #answered = false;
  #callerEnded = false;
  #upstreamEnded = false;
  #callerClosed = false;
  #upstreamClosed = false;

  constructor(side: Side, caller: TcpCaller) {
    super(side);
    this.caller = caller;
  }

  get facts(): RequestFacts {
    return {
      method: '',
      path: '',
      query: '',
      host: this.#name,
      bodyBytes: -1,
      sourceAddress: this.caller.address,
      urgency: -1,
      header: () => undefined,
    };
  }

  /** Starts; what has come so far stands in the caller's input. @param name in the TLS handshake, or empty */
  begin(side: Side, route: PortRoute, name: string): void {
    this.route = route;
    this.#name = name;
    this.beginStages(side, side.clock.nowMs());
  }

  get responseStarted(): boolean {
    return this.#answered;
  }

  get responseStatus(): number {
    return 0;
  }

  get isIdempotent(): boolean {
    return false;
  }

  get repeatable(): boolean {
    return !this.#forwarded;
  }

  hostName(): string {
    return this.#name;
  }

  fillCarriers(): void {}

  rewriteHead(): void {}

  #pool(): ConnectionPool | undefined {
    return this.endpoint?.pools[this.classIndex];
  }

  takeConnection(): Step {
    const taken = this.#pool()?.acquire(this, true);
    if (taken === 'full') return this.answer('POOL_FULL');
    if (taken === undefined) return 'wait';
    this.connection = taken;
    return 'next';
  }

  giveConnectionBack(): void {
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) this.#pool()?.cancel(this);
    else this.#pool()?.discard(connection);
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.proceed();
  }

  onConnectFailed(code: AnswerCode): void {
    this.connectFailed(code);
  }

  forward(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.#forwarded = true;
    connection.user = this;
    connection.served += 1;
    connection.wire.streaming = true;
    allowHalfClose(connection.wire);
    this.onCallerBytes();
    if (this.#callerEnded) connection.wire.end();
  }

  onCallerBytes(): void {
    const { wire } = this.caller;
    const { input } = wire;
    const { connection } = this;
    if (!this.#forwarded || connection === undefined) {
      if (!input.hasRoom) wire.pause();
      return;
    }
    this.lastProgressMs = this.side.wheel.nowMs;
    if (input.length > 0) {
      if (this.counters !== undefined) this.counters.requestBytes += input.length;
      connection.wire.relay(wire, input.start, input.end);
      input.consumeTo(input.end);
    }
    if (connection.wire.flushed) wire.resume();
  }

  /** The caller sends no more; it may still read. */
  callerEnded(): void {
    this.#callerEnded = true;
    if (this.#forwarded) this.connection?.wire.end();
  }

  /** The caller's stream is gone. */
  callerGone(): void {
    this.#callerClosed = true;
    if (!this.active) return;
    if (!this.#bothEnded()) {
      if (this.counters !== undefined) this.counters.callerGone += 1;
      this.connection?.wire.destroy(true);
      this.finish('caller-gone');
    } else if (this.#upstreamClosed) this.#completed();
  }

  onUpstreamBytes(): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { wire } = connection;
    const { input } = wire;
    this.lastProgressMs = this.side.wheel.nowMs;
    if (!this.#answered) this.respondedMs = this.side.clock.nowMs();
    this.#answered = true;
    this.responseContinued = true;
    if (this.counters !== undefined) this.counters.responseBytes += input.length;
    this.caller.wire.relay(wire, input.start, input.end);
    input.consumeTo(input.end);
  }

  onUpstreamEnd(): void {
    this.#upstreamEnded = true;
    this.caller.wire.end();
  }

  onUpstreamClosed(): void {
    this.#upstreamClosed = true;
    if (!this.active) return;
    if (!this.#bothEnded()) {
      this.endpoint?.failed();
      if (this.counters !== undefined) this.counters.upstreamBroken += 1;
      this.breakOff('UPSTREAM_RESET');
    } else if (this.#callerClosed) this.#completed();
  }

  #bothEnded(): boolean {
    return this.#callerEnded && this.#upstreamEnded;
  }

  #completed(): void {
    this.endpoint?.observed(-1, 'succeeded');
    if (this.counters !== undefined) this.counters.completed += 1;
    this.finish('completed');
  }

  /** There are no words that every protocol knows: the connection is reset. */
  protected sendAnswer(code: AnswerCode): void {
    this.finishAnswered(code);
    this.caller.wire.destroy(true);
  }

  reply(): 'answered' {
    this.finish('answered');
    this.caller.wire.destroy(true);
    return 'answered';
  }

  breakOff(code: AnswerCode | RefusalKind | '' = ''): void {
    this.finish('broken', code);
    this.caller.wire.destroy(true);
  }
}

/** Else Node ends the other direction of a socket as soon as one has ended. */
export function allowHalfClose({ socket }: ByteStream): void {
  if (socket !== undefined) socket.allowHalfOpen = true;
}
