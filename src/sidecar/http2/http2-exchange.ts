import type { HeaderEdits } from '../../propagation/index.ts';
import { type Caller, Exchange, type HeadChanges, type OwnReply, type Side, type Step } from '../exchange.ts';
import { type AnswerCode, hostNameEnd, type RefusalKind } from '../http1/index.ts';
import { Timeout, type Timeout as WheelTimeout } from '../io/index.ts';
import { CallerHalf } from './caller-half.ts';
import type { Http2ClientConnection } from './client-connection.ts';
import { BodyQueue, type Http2Connection, type Http2Stream } from './connection/index.ts';
import { Http2Facts } from './http2-facts.ts';
import { HTTP2_POOL, type Http2Pool, type StreamWaiter } from './http2-pool.ts';
import { H2_LIMITS } from './limits.ts';
import { type OwnAnswer, ownAnswer } from './own-answer.ts';
import {
  FieldBlock,
  H2_ERROR,
  MALFORMED,
  type MalformedKind,
  malformedKind,
  OutputBuffer,
  RequestFields,
} from './protocol/index.ts';
import { countRefusal, refusalBytes, refusalOf } from './refusals.ts';
import { fillCarriers, rewriteHead, takeDeadline, writeRequestHead } from './request-head.ts';
import { UpstreamHalf } from './upstream-half.ts';

/** The connection that a request of HTTP/2 came on. */
export interface Http2Caller extends Caller, Http2Connection {
  /** The exchange has given everything back and its stream is closed: the object can serve another request. */
  exchangeOver(exchange: Http2Exchange): void;
  /** A stream of this class has nothing more to send. */
  carriedOut(classIndex: number): void;
}

/** One stream of a caller, the stream at an endpoint that serves it, and what goes to and fro between them. */
export class Http2Exchange extends Exchange implements StreamWaiter {
  readonly caller: Http2Caller;
  readonly facts: Http2Facts;
  readonly requestBlock: FieldBlock;
  readonly request = new RequestFields();
  readonly requestBody = new BodyQueue();
  readonly responseBlock: FieldBlock;
  readonly responseBody = new BodyQueue();
  /** Lines of HTTP/1 form that are added to the request's fields. */
  readonly lines = new OutputBuffer(0);
  readonly callerHalf: CallerHalf;
  readonly upstreamHalf: UpstreamHalf;
  callerStream: Http2Stream | undefined;
  upstreamStream: Http2Stream | undefined;
  connection: Http2ClientConnection | undefined;
  /** Set when the caller is answered by the sidecar itself. */
  own: OwnAnswer | undefined;
  /** Whether a final response's head is on its way to the caller. */
  responseStarted = false;
  #waiting: Http2Pool | undefined;
  #retries = 0;
  readonly #deadline: WheelTimeout;

  constructor(side: Side, caller: Http2Caller) {
    super(side);
    this.caller = caller;
    this.facts = new Http2Facts(this);
    this.requestBlock = new FieldBlock(side.limits.fields);
    this.responseBlock = new FieldBlock(side.limits.fields);
    this.callerHalf = new CallerHalf(this);
    this.upstreamHalf = new UpstreamHalf(this);
    this.#deadline = new Timeout(() => this.#deadlinePassed());
  }

  /** Starts on the request whose fields have been read into `requestBlock`. @param fault as of the decoder */
  begin(side: Side, stream: Http2Stream, fault: number, ended: boolean, nowMs: number): void {
    this.side = side;
    this.callerStream = stream;
    this.upstreamStream = undefined;
    this.connection = undefined;
    this.own = undefined;
    this.responseStarted = false;
    this.#retries = 0;
    this.#waiting = undefined;
    this.classIndex = -1;
    this.lines.length = 0;
    this.requestBody.begin(stream, H2_LIMITS.repeatBytes);
    this.requestBody.ended = ended;
    this.responseBody.begin(undefined, 0);
    this.callerHalf.begin(nowMs);
    this.upstreamHalf.begin();
    let verdict = this.request.read(this.requestBlock, fault);
    if (verdict === 0 && ended && this.request.contentLength > 0)
      verdict = MALFORMED['content-length-mismatch'];
    if (verdict < 0) this.refuse(malformedKind(verdict));
    else this.beginStages(side, nowMs);
  }

  override decided(classIndex: number, reason: string): void {
    super.decided(classIndex, reason);
    if (this.callerStream !== undefined) this.callerStream.rank = classIndex;
  }

  get responseStatus(): number {
    return this.upstreamHalf.headSeen ? this.upstreamHalf.response.status : 0;
  }

  get isIdempotent(): boolean {
    return this.request.isIdempotent;
  }

  get repeatable(): boolean {
    return this.requestBody.repeatable && !this.responseStarted;
  }

  hostName(): string {
    const { authority, host } = this.request;
    const index = authority >= 0 ? authority : host;
    const pair = this.requestBlock.pair(index);
    const bytes = this.requestBlock.valueBytes(index);
    const start = this.requestBlock.valueStart(index);
    const end = this.requestBlock.valueEnd(index);
    const nameEnd = hostNameEnd(bytes, start, end);
    return nameEnd === end && pair !== undefined ? pair.text : bytes.toString('latin1', start, nameEnd);
  }

  fillCarriers(): void {
    fillCarriers(this);
    const ms = takeDeadline(this);
    if (ms < 0) return;
    this.deadlineMs = this.arrivedMs + ms;
    this.side.wheel.set(this.#deadline, this.deadlineMs);
  }

  #deadlinePassed(): void {
    if (this.active) this.answer('REQUEST_TIMEOUT');
  }

  rewriteHead(edits: HeaderEdits, changes: HeadChanges | undefined): void {
    rewriteHead(this, edits, changes);
  }

  override responseField(name: string): string | undefined {
    const { responseBlock } = this;
    for (let index = 0; index < responseBlock.count; index += 1) {
      if (responseBlock.name(index) === name) return responseBlock.text(index);
    }
    return undefined;
  }

  protected override beginAgain(): void {
    this.requestBody.rewind();
  }

  takeConnection(): Step {
    const pool = this.endpoint?.pools[this.classIndex]?.sibling(HTTP2_POOL);
    const taken = pool?.acquire(this);
    if (taken === 'full') return this.answer('POOL_FULL');
    if (taken === undefined) {
      this.#waiting = pool;
      return 'wait';
    }
    this.connection = taken;
    return 'next';
  }

  onConnection(connection: Http2ClientConnection): void {
    this.#waiting = undefined;
    this.connection = connection;
    this.proceed();
  }

  onConnectFailed(code: AnswerCode): void {
    this.#waiting = undefined;
    this.connectFailed(code);
  }

  giveConnectionBack(): void {
    this.#waiting?.cancel(this);
    this.#waiting = undefined;
    const { upstreamStream, connection } = this;
    this.upstreamStream = undefined;
    this.connection = undefined;
    if (upstreamStream !== undefined) connection?.resetStream(upstreamStream, H2_ERROR.CANCEL);
  }

  forward(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.lastProgressMs = this.side.wheel.nowMs;
    this.upstreamHalf.begin();
    this.upstreamStream = connection.open(this.upstreamHalf, this.classIndex);
    this.responseBody.begin(this.upstreamStream, 0);
    this.upstreamStream.sendHead();
  }

  /** Writes the head of the request as it is forwarded. */
  writeRequest(encoder: Parameters<CallerHalf['writeHead']>[0], out: OutputBuffer): void {
    writeRequestHead(this, encoder, out);
  }

  /**
   * The stream at the endpoint is over before its end.
   * @param unprocessed whether the endpoint is known not to have looked at the request: then any method may be sent again
   */
  upstreamLost(code: number, unprocessed: boolean): void {
    const served = this.connection?.served ?? 0;
    this.upstreamStream = undefined;
    if (!unprocessed) this.endpoint?.failed();
    if (this.responseStarted) {
      if (this.counters !== undefined) this.counters.upstreamBroken += 1;
      this.#breakOff('', code);
      return;
    }
    const safe = unprocessed || (code === H2_ERROR.CONNECT_ERROR && served > 1 && this.isIdempotent);
    if (safe && this.repeatable && this.#retries < this.side.limits.maxRetries) {
      this.#retries += 1;
      if (this.counters !== undefined) this.counters.retries += 1;
      this.requestBody.rewind();
      this.retry();
      return;
    }
    this.attemptFailed('UPSTREAM_RESET');
  }

  protected sendAnswer(code: AnswerCode): void {
    this.#sendOwn(this.side.answers.answer(code, this.classIndex, false, this.request.isHead));
    this.finishAnswered(code);
  }

  reply(reply: OwnReply): 'answered' {
    this.#sendOwn(this.side.answers.reply(reply, false, this.request.isHead));
    this.finish('answered', '', reply.status);
    return 'answered';
  }

  #sendOwn(bytes: Buffer): void {
    const own = ownAnswer(bytes, this.request.isGrpc);
    this.own = own;
    this.responseStarted = true;
    this.responseBody.discard();
    this.responseBody.begin(undefined, 0);
    if (own.body.length > 0 && !this.request.isHead) this.responseBody.append(own.body, 0, own.body.length);
    this.responseBody.ended = true;
    this.countGrpc(own.grpcStatus);
    this.callerStream?.sendHead();
  }

  /** The request is malformed. */
  refuse(kind: MalformedKind): void {
    countRefusal(this.side, kind, this.active);
    if (this.responseStarted) {
      this.#breakOff(refusalOf(kind), H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    this.#sendOwn(refusalBytes(kind));
    this.finishRefused(refusalOf(kind));
  }

  breakOff(code: AnswerCode | RefusalKind | '' = ''): void {
    this.#breakOff(code, H2_ERROR.INTERNAL_ERROR);
  }

  #breakOff(code: AnswerCode | RefusalKind | '', error: number): void {
    const stream = this.callerStream;
    this.finish('broken', code);
    if (stream !== undefined)
      this.caller.resetStream(stream, error === H2_ERROR.CONNECT_ERROR ? H2_ERROR.INTERNAL_ERROR : error);
  }

  /** The response went out whole. */
  completed(): void {
    if (!this.active) return;
    if (this.counters !== undefined) this.counters.completed += 1;
    this.finish('completed');
  }

  /** The caller is gone: everything that was taken for its request is given back. */
  callerGone(): void {
    if (!this.active) return;
    if (this.counters !== undefined) this.counters.callerGone += 1;
    this.finish('caller-gone');
  }

  /** The caller's stream is closed. */
  callerClosed(): void {
    this.caller.carriedOut(this.classIndex);
    if (!this.active) this.#recycle();
  }

  /** Counts how a call of gRPC ended. */
  countGrpc(status: number): void {
    if (status < 0 || this.counters === undefined) return;
    const { grpcStatus } = this.counters;
    grpcStatus[status] = (grpcStatus[status] ?? 0) + 1;
  }

  protected override finish(...how: Parameters<Exchange['finish']>): void {
    this.side.wheel.clear(this.#deadline);
    super.finish(...how);
    this.requestBody.discard();
    if (this.callerStream?.closed !== false) this.#recycle();
  }

  #recycle(): void {
    if (this.callerStream === undefined) return;
    this.callerStream = undefined;
    this.requestBody.discard();
    this.responseBody.discard();
    this.requestBlock.shrink();
    this.responseBlock.shrink();
    this.side.wheel.remove(this.#deadline);
    this.caller.exchangeOver(this);
  }
}
