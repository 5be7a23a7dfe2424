import type { RequestFacts } from '../../ingress-classifier/index.ts';
import type { HeaderEdits } from '../../propagation/index.ts';
import {
  type Caller,
  Exchange,
  type HeadChanges,
  type HeadFields,
  type OwnReply,
  type Side,
  type Step,
} from '../exchange.ts';
import {
  type AnswerCode,
  BodyReader,
  hostNameEnd,
  type RefusalKind,
  RequestHead,
  ResponseHead,
  refusalKind,
} from '../http1/index.ts';
import type { ByteStream } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type {
  ConnectionPool,
  Endpoint,
  PoolWaiter,
  UpstreamConnection,
  UpstreamUser,
} from '../pools/index.ts';
import { copyRequest } from './copy-request.ts';
import { fillCarriers } from './fill-carriers.ts';
import { Hedge } from './hedge.ts';
import { Http1Facts } from './request-facts.ts';
import { ResponseRelay } from './response-relay.ts';
import { rewriteHead } from './rewrite-head.ts';
import { writeSentFields } from './sent-fields.ts';

/** The connection that a request of HTTP/1 came on. */
export interface Http1Caller extends Caller {
  readonly wire: ByteStream;
  /** The exchange is over; `keepAlive` says whether the connection can carry another. */
  exchangeEnded(keepAlive: boolean): void;
  /** The exchange is over and the connection must not be used again; what was sent is still delivered. */
  exchangeClosed(): void;
}

const NOT_FORWARDED = -1;

/**
 * One request of HTTP/1 and its response. One object serves a connection for its whole life, because a connection carries one request at a
 * time.
 */
export class Http1Exchange extends Exchange implements PoolWaiter, UpstreamUser {
  readonly caller: Http1Caller;
  readonly facts: RequestFacts;
  readonly request: RequestHead;
  readonly requestBody = new BodyReader(FIXED_LIMITS);
  readonly response: ResponseRelay;
  /** Length of the head as it is forwarded: it is edited in place. */
  headLength = 0;
  /** Where the request line of that head ends, and how many bytes behind it are those of `sentFields`. */
  requestLineEnd = 0;
  sentBytes = 0;
  connection: UpstreamConnection | undefined;
  /** Whether the connection can carry another request when this one is over. */
  connectionReusable = false;
  /** How many bytes of the caller's input have been sent and are kept for sending again; -1 before anything was sent. */
  #heldBytes = NOT_FORWARDED;
  #forwarded = false;
  #retries = 0;
  #hedge: Hedge | undefined;

  constructor(side: Side, caller: Http1Caller) {
    super(side);
    this.caller = caller;
    this.request = new RequestHead(side.limits.fields);
    this.facts = new Http1Facts(this);
    this.response = new ResponseRelay(this, new ResponseHead(side.limits.fields));
  }

  /** Starts on the request whose head has been read into `request` and stands at the start of the caller's input. */
  begin(side: Side, nowMs: number): void {
    this.headLength = this.request.length;
    this.sentBytes = 0;
    this.connection = undefined;
    this.connectionReusable = false;
    this.#heldBytes = NOT_FORWARDED;
    this.#forwarded = false;
    this.#retries = 0;
    this.requestBody.begin(this.request.framing);
    this.response.reset();
    this.beginStages(side, nowMs);
  }

  get responseStarted(): boolean {
    return this.response.started;
  }

  get responseStatus(): number {
    return this.response.started ? this.response.head.status : 0;
  }

  get isIdempotent(): boolean {
    return this.request.isIdempotent;
  }

  get repeatable(): boolean {
    return (this.#heldBytes > 0 || !this.#forwarded) && !this.response.started;
  }

  hostName(): string {
    const { request } = this;
    if (request.hostLine < 0) return '';
    const { input } = this.caller.wire;
    const start = input.start + request.lines.valueStart(request.hostLine);
    const end = hostNameEnd(input.bytes, start, input.start + request.lines.valueEnd(request.hostLine));
    return input.bytes.toString('latin1', start, end);
  }

  fillCarriers(): void {
    fillCarriers(this);
  }

  rewriteHead(edits: HeaderEdits, changes: HeadChanges | undefined): void {
    rewriteHead(this, edits, changes);
  }

  override copy(host: string, edits: HeaderEdits, maxBodyBytes: number): Buffer | undefined {
    return copyRequest(this, host, edits, maxBodyBytes);
  }

  override responseField(name: string): string | undefined {
    return this.connection === undefined ? undefined : this.response.field(name, this.connection.wire.input);
  }

  protected override beginAgain(): void {
    this.response.reset();
  }

  override hedge(endpoint: Endpoint, fields: HeadFields): boolean {
    if (this.#heldBytes <= 0 || this.#hedge !== undefined) return false;
    const { input } = this.caller.wire;
    const bytes = input.bytes.subarray(input.start, input.start + this.#heldBytes);
    this.#hedge = Hedge.begin(this, endpoint, bytes, fields);
    return this.#hedge !== undefined;
  }

  override takeHedge(): boolean {
    const hedge = this.#hedge;
    if (hedge?.connection === undefined) {
      this.dropHedge();
      return false;
    }
    this.#hedge = undefined;
    const { endpoint, upstream, classIndex } = this;
    // It may have been sent, or wait for a connection to be sent anew.
    if (this.connection !== undefined) this.#pool()?.discard(this.connection);
    else this.#pool()?.cancel(this);
    if (endpoint !== undefined) {
      endpoint.ended(classIndex);
      upstream?.released(endpoint);
    }
    this.endpoint = hedge.endpoint;
    this.connection = hedge.connection;
    this.connectionReusable = false;
    this.response.reset();
    hedge.connection.user = this;
    if (hedge.connection.wire.input.length > 0) this.onUpstreamBytes();
    return true;
  }

  override dropHedge(): void {
    const hedge = this.#hedge;
    this.#hedge = undefined;
    hedge?.drop();
  }

  #pool(): ConnectionPool | undefined {
    return this.endpoint?.pools[this.classIndex];
  }

  takeConnection(): Step {
    const taken = this.#pool()?.acquire(this, this.wantsFreshConnection);
    if (taken === 'full') return this.answer('POOL_FULL');
    if (taken === undefined) return 'wait';
    this.connection = taken;
    return 'next';
  }

  giveConnectionBack(): void {
    const pool = this.#pool();
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) pool?.cancel(this);
    else if (this.connectionReusable && connection.wire.flushed) pool?.release(connection);
    else pool?.discard(connection);
  }

  /** Sends the head, and as much of the body as is there, in one write. */
  forward(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.lastProgressMs = this.side.wheel.nowMs;
    const { input } = this.caller.wire;
    if (!this.#forwarded) {
      const bodyStart = input.start + this.headLength;
      const end = this.requestBody.consume(input.bytes, bodyStart, input.end);
      if (end < 0) {
        this.refuseBody(end);
        return;
      }
      this.#forwarded = true;
      this.#heldBytes = end - input.start;
    }
    if (this.sentFields.length > 0 || this.sentBytes > 0) this.#heldBytes += writeSentFields(this);
    const end = input.start + this.#heldBytes;
    connection.user = this;
    connection.served += 1;
    if (this.counters !== undefined) this.counters.requestBytes += this.#heldBytes;
    connection.wire.relay(this.caller.wire, input.start, end);
    const keeps = connection.served > 1 || this.attempts !== undefined;
    if (!this.requestBody.done || !keeps) this.unhold();
    else if (!input.hasRoom) this.caller.wire.pause();
  }

  /** Forgets the bytes that were kept for sending the request again. */
  unhold(): void {
    if (this.#heldBytes <= 0) return;
    const { wire } = this.caller;
    wire.input.consumeTo(wire.input.start + this.#heldBytes);
    this.#heldBytes = 0;
    if (wire.paused && wire.input.hasRoom && this.connection?.wire.flushed === true) wire.resume();
  }

  /** The caller sent more bytes while its request is under way. */
  onCallerBytes(): void {
    const { wire } = this.caller;
    const { input } = wire;
    const { connection } = this;
    if (!this.#forwarded || connection === undefined || this.requestBody.done) {
      if (!input.hasRoom) wire.pause();
      return;
    }
    wire.streaming = true;
    this.lastProgressMs = this.side.wheel.nowMs;
    const end = this.requestBody.consume(input.bytes, input.start, input.end);
    if (end < 0) {
      this.refuseBody(end);
      return;
    }
    if (this.counters !== undefined) this.counters.requestBytes += end - input.start;
    connection.wire.relay(wire, input.start, end);
    input.consumeTo(end);
  }

  onUpstreamBytes(): void {
    this.lastProgressMs = this.side.wheel.nowMs;
    this.response.onBytes();
  }

  onUpstreamEnd(): void {
    if (this.response.onEnd()) return;
    this.#upstreamLost();
  }

  onUpstreamClosed(_error: Error | undefined): void {
    if (this.active && this.connection !== undefined) this.#upstreamLost();
  }

  /** The upstream broke off. Nothing was answered yet: try again where that is safe, else 502. Else the caller must see a broken body. */
  #upstreamLost(): void {
    this.connectionReusable = false;
    this.endpoint?.failed();
    if (this.response.started) {
      if (this.counters !== undefined) this.counters.upstreamBroken += 1;
      this.breakOff();
      return;
    }
    if (this.#mayRetry()) {
      this.#retries += 1;
      if (this.counters !== undefined) this.counters.retries += 1;
      this.wantsFreshConnection = true;
      this.retry();
      return;
    }
    this.attemptFailed('UPSTREAM_RESET');
  }

  /**
   * A pooled connection that dies before the first byte of a response was probably closed while idle; a method that may be repeated
   * (RFC 9110 section 9.2.2) is sent again, if all of it is still here.
   */
  #mayRetry(): boolean {
    return (
      this.#heldBytes > 0 &&
      this.#retries < this.side.limits.maxRetries &&
      (this.connection?.served ?? 0) > 1 &&
      !this.response.anyBytes &&
      this.request.isIdempotent
    );
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.proceed();
  }

  onConnectFailed(code: AnswerCode): void {
    this.connectFailed(code);
  }

  protected sendAnswer(code: AnswerCode): void {
    const keepAlive = this.#answersAndKeeps();
    const { answers } = this.side;
    this.caller.wire.send(answers.answer(code, this.classIndex, !keepAlive, this.request.isHead));
    this.finishAnswered(code);
    this.#leaveCaller(keepAlive);
  }

  reply(reply: OwnReply): 'answered' {
    const keepAlive = this.#answersAndKeeps();
    this.caller.wire.send(this.side.answers.reply(reply, !keepAlive, this.request.isHead));
    this.finish('answered', '', reply.status);
    this.#leaveCaller(keepAlive);
    return 'answered';
  }

  #answersAndKeeps(): boolean {
    return this.#requestIsHere() && this.request.keepAlive && !this.caller.draining;
  }

  #leaveCaller(keepAlive: boolean): void {
    if (keepAlive) this.caller.exchangeEnded(true);
    else this.caller.exchangeClosed();
  }

  /** Whether the rest of the request needs no reading: what is here of it is consumed. */
  #requestIsHere(): boolean {
    const { input } = this.caller.wire;
    if (!this.#forwarded) {
      const end = this.requestBody.consume(input.bytes, input.start + this.headLength, input.end);
      if (end < 0) return false;
      input.consumeTo(end);
      this.#forwarded = true;
    } else {
      this.unhold();
    }
    return this.requestBody.done;
  }

  /** The body's framing is broken: nothing behind this point can be trusted. */
  refuseBody(code: number): void {
    this.side.counters.refused(code);
    this.connectionReusable = false;
    const kind: RefusalKind = refusalKind(code);
    if (this.response.started) {
      this.breakOff(kind);
      return;
    }
    this.caller.wire.send(this.side.answers.refusal(kind));
    this.finishRefused(kind);
    this.caller.exchangeClosed();
  }

  /** The response went out whole. */
  completed(keepAlive: boolean): void {
    const { connection } = this;
    if (connection !== undefined) this.caller.wire.letGo(connection.wire);
    this.unhold();
    if (this.counters !== undefined) this.counters.completed += 1;
    this.finish('completed');
    this.#leaveCaller(keepAlive);
  }

  breakOff(code: AnswerCode | RefusalKind | '' = ''): void {
    this.connectionReusable = false;
    this.finish('broken', code);
    this.caller.wire.destroy(true);
  }

  /** The caller is gone: everything that was taken for its request is given back. */
  callerGone(): void {
    if (!this.active) return;
    this.connectionReusable = false;
    if (this.counters !== undefined) this.counters.callerGone += 1;
    this.finish('caller-gone');
  }
}
