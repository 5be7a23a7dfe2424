import type { Clock } from '../core/index.ts';
import {
  type Carried,
  type CarrierHeaders,
  createCarried,
  createCarrierHeaders,
} from '../propagation/index.ts';
import type { ConnectionProfile } from '../transport/index.ts';
import {
  type AnswerBytes,
  type AnswerCode,
  answerStatus,
  BodyReader,
  type RefusalKind,
  RequestHead,
  ResponseHead,
  refusalKind,
  refusalStatus,
} from './http1/index.ts';
import type { TimerWheel, Wire } from './io/index.ts';
import { type DataPathLimits, FIXED_LIMITS } from './limits.ts';
import type { Endpoint, PoolWaiter, Upstream, UpstreamConnection, UpstreamUser } from './pools/index.ts';
import { QueueEntry } from './queue/index.ts';
import { ResponseRelay } from './response-relay.ts';
import type { ClassCounters, SideCounters } from './statistics/index.ts';
import type { TapPoint, TapRequestOutcome } from './tap/index.ts';

/** What a stage says: the next stage may follow; or it will call `proceed` later; or the request has been answered. */
type Step = 'next' | 'wait' | 'answered';

/**
 * One step of a stack. `enter` acts on a request on its way in; `leave` gives back what `enter` took, once, however the request ends.
 */
export interface Stage {
  readonly name: string;
  enter(exchange: Exchange): Step;
  leave?(exchange: Exchange): void;
}

/** What all requests of one side share. */
export interface Side {
  readonly name: 'inbound' | 'outbound';
  readonly stages: readonly Stage[];
  /** The stage to which a request returns when an endpoint could not be reached. */
  readonly retryStage: number;
  readonly limits: DataPathLimits;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly answers: AnswerBytes;
  readonly counters: SideCounters;
  /** Who is told of requests that have ended; absent where nobody can listen. */
  readonly tap?: TapPoint;
  /** How connections towards a host are sent, by class; the list is kept and may change. Absent where no host differs from another. */
  readonly profilesTowards?: (address: string) => readonly ConnectionProfile[];
}

/** The connection that a request came on. */
export interface Caller {
  readonly wire: Wire;
  readonly address: string;
  /** How responses on it are sent, by class, where that depends on the peer. */
  readonly profiles: readonly ConnectionProfile[] | undefined;
  /** The exchange is over; `keepAlive` says whether the connection can carry another. */
  exchangeEnded(keepAlive: boolean): void;
  /** The exchange is over and the connection must not be used again; what was sent is still delivered. */
  exchangeClosed(): void;
  /** Whether no further request is taken, because the sidecar shuts down. */
  readonly draining: boolean;
}

/** The queue's view of an exchange. */
export class ExchangeQueueEntry extends QueueEntry {
  readonly exchange: Exchange;

  constructor(exchange: Exchange) {
    super();
    this.exchange = exchange;
  }
}

/** What the tap keeps of a request's head until it has ended; the head itself is rewritten in place. */
export interface WatchedHead {
  readonly method: string;
  readonly path: string;
  readonly to: string;
}

const NOT_FORWARDED = -1;

/**
 * One request and its response, on their way through the stages of a side. One object serves a connection for its whole life,
 * because a connection carries one request at a time.
 */
export class Exchange implements PoolWaiter, UpstreamUser {
  readonly side: Side;
  readonly caller: Caller;
  readonly request: RequestHead;
  readonly requestBody = new BodyReader(FIXED_LIMITS);
  readonly carriers: CarrierHeaders = createCarrierHeaders();
  readonly carried: Carried = createCarried();
  readonly queueEntry = new ExchangeQueueEntry(this);
  readonly response: ResponseRelay;
  /** Index of the class, -1 until a stage knows it. */
  classIndex = -1;
  /** Why it has this class, as it is counted. */
  reason = '';
  /** When the head was complete; monotonic milliseconds. */
  arrivedMs = 0;
  /** When the request queue let it through; -1 before, and where there is none. */
  admittedMs = -1;
  /** How much longer than others it may be without a byte: what it may wait in a queue of the broker. */
  patienceMs = 0;
  /** When a byte last moved in either direction; as coarse as the timer wheel. */
  lastProgressMs = 0;
  /** Length of the head as it is forwarded: stages edit it in place. */
  headLength = 0;
  upstream: Upstream | undefined;
  endpoint: Endpoint | undefined;
  readonly tried: Endpoint[] = [];
  connection: UpstreamConnection | undefined;
  /** Whether the connection can carry another request when this one is over. */
  connectionReusable = false;
  /** Whether an idle connection must not be taken: one was found stale. */
  wantsFreshConnection = false;
  active = false;
  /** Whether it stands in the request queue, and whether it holds one of its places. */
  queueWaiting = false;
  queueHeld = false;
  /** How it ended, when it has: the code of our own answer or the kind of the refusal, and the status that stands in it. */
  outcome: TapRequestOutcome = 'completed';
  outcomeCode: AnswerCode | RefusalKind | '' = '';
  outcomeStatus = 0;
  /** Set while somebody watches. */
  watched: WatchedHead | undefined;
  #depth = 0;
  /** How many bytes of the caller's input have been sent and are kept for sending again; -1 before anything was sent. */
  #heldBytes = NOT_FORWARDED;
  #forwarded = false;
  #retries = 0;
  #failure: AnswerCode = 'CONNECT_FAILED';

  constructor(side: Side, caller: Caller) {
    this.side = side;
    this.caller = caller;
    this.request = new RequestHead(side.limits.fields);
    this.response = new ResponseRelay(this, new ResponseHead(side.limits.fields));
  }

  get counters(): ClassCounters | undefined {
    return this.side.counters.ofClass(this.classIndex);
  }

  /** Starts on the request whose head has been read into `request` and stands at the start of the caller's input. */
  begin(nowMs: number): void {
    this.active = true;
    this.arrivedMs = nowMs;
    this.lastProgressMs = nowMs;
    this.classIndex = -1;
    this.reason = '';
    this.admittedMs = -1;
    this.patienceMs = 0;
    this.headLength = this.request.length;
    this.upstream = undefined;
    this.endpoint = undefined;
    this.tried.length = 0;
    this.connection = undefined;
    this.connectionReusable = false;
    this.wantsFreshConnection = false;
    this.#heldBytes = NOT_FORWARDED;
    this.#forwarded = false;
    this.#retries = 0;
    this.#depth = 0;
    this.requestBody.begin(this.request.framing);
    this.response.reset();
    this.proceed();
  }

  /** Its class is known, for this reason. */
  decided(classIndex: number, reason: string): void {
    this.classIndex = classIndex;
    this.reason = reason;
    this.side.counters.reason(reason);
  }

  /** Goes through the stages until one waits or answers. */
  proceed(): void {
    const { stages } = this.side;
    while (this.#depth < stages.length) {
      const stage = stages[this.#depth] as Stage;
      this.#depth += 1;
      if (stage.enter(this) !== 'next') return;
    }
  }

  #leaveDownTo(depth: number): void {
    const { stages } = this.side;
    while (this.#depth > depth) {
      this.#depth -= 1;
      stages[this.#depth]?.leave?.(this);
    }
  }

  /** The last step of a stack: sends the head, and as much of the body as is there, in one write. */
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
    const end = input.start + this.#heldBytes;
    connection.user = this;
    connection.served += 1;
    if (this.counters !== undefined) this.counters.requestBytes += this.#heldBytes;
    connection.wire.relay(this.caller.wire, input.start, end);
    if (!this.requestBody.done || connection.served === 1) this.unhold();
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
    this.answer('UPSTREAM_RESET');
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

  /** Goes back to where an endpoint is chosen. */
  retry(): void {
    this.#leaveDownTo(this.side.retryStage);
    this.proceed();
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.proceed();
  }

  /** Nothing was sent yet, so another endpoint may be tried whatever the method. */
  onConnectFailed(code: AnswerCode): void {
    this.#failure = code;
    const { endpoint, upstream } = this;
    if (endpoint !== undefined) {
      endpoint.failed();
      this.tried.push(endpoint);
    }
    const others = (upstream?.endpoints.length ?? 1) - this.tried.length;
    if (others <= 0 || this.tried.length >= FIXED_LIMITS.connectAttempts) {
      this.answer(this.#failure);
      return;
    }
    this.retry();
  }

  /** Answers in the upstream's place; where a part of its response is out already, breaks that off. */
  answer(code: AnswerCode): 'answered' {
    this.side.counters.answered(code);
    if (this.response.started) {
      if (this.counters !== undefined) this.counters.upstreamBroken += 1;
      this.breakOff(code);
      return 'answered';
    }
    if (this.counters !== undefined) this.counters.errors += 1;
    const whole = this.#requestIsHere();
    const keepAlive = whole && this.request.keepAlive && !this.caller.draining;
    const bytes = this.side.answers.answer(code, this.classIndex, !keepAlive, this.request.isHead);
    this.caller.wire.send(bytes);
    this.#end('answered', code, answerStatus(code));
    if (keepAlive) this.caller.exchangeEnded(true);
    else this.caller.exchangeClosed();
    return 'answered';
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
    this.#end('refused', kind, refusalStatus(kind));
    this.caller.exchangeClosed();
  }

  /** The response went out whole. */
  completed(keepAlive: boolean): void {
    const { connection } = this;
    if (connection !== undefined) this.caller.wire.letGo(connection.wire);
    this.unhold();
    this.endpoint?.succeeded();
    if (this.counters !== undefined) this.counters.completed += 1;
    this.#end('completed');
    if (keepAlive) this.caller.exchangeEnded(true);
    else this.caller.exchangeClosed();
  }

  /** The response can't be completed: the caller's connection is reset, so that nobody takes what came for the whole. */
  breakOff(code: AnswerCode | RefusalKind | '' = ''): void {
    this.connectionReusable = false;
    this.#end('broken', code);
    this.caller.wire.destroy(true);
  }

  /** The caller is gone: everything that was taken for its request is given back. */
  callerGone(): void {
    if (!this.active) return;
    this.connectionReusable = false;
    if (this.counters !== undefined) this.counters.callerGone += 1;
    this.#end('caller-gone');
  }

  #end(outcome: TapRequestOutcome, code: AnswerCode | RefusalKind | '' = '', status = 0): void {
    this.active = false;
    this.outcome = outcome;
    this.outcomeCode = code;
    this.outcomeStatus = status;
    this.#leaveDownTo(0);
    this.connection = undefined;
  }
}
