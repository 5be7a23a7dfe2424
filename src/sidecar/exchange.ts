import type { Clock } from '../core/index.ts';
import type { RequestFacts } from '../ingress-classifier/index.ts';
import { Carried, CarrierHeaders, type HeaderEdits } from '../propagation/index.ts';
import type { ConnectionProfile, Transport } from '../transport/index.ts';
import { NO_HASH } from './balancers/index.ts';
import {
  type AnswerBytes,
  type AnswerCode,
  answerStatus,
  type RefusalKind,
  refusalStatus,
} from './http1/index.ts';
import type { TimerWheel } from './io/index.ts';
import { type DataPathLimits, FIXED_LIMITS } from './limits.ts';
import type { Endpoint, Upstream } from './pools/index.ts';
import type { Protocol } from './protocol.ts';
import { QueueEntry } from './queue/index.ts';
import type { RequestTraffic } from './resilience/index.ts';
import type { ClassCounters, SideCounters } from './statistics/index.ts';
import type { TapPoint, TapRequestOutcome } from './tap/index.ts';

/** What a stage says: the next stage may follow; or it will call `proceed` later; or the request has been answered. */
export type Step = 'next' | 'wait' | 'answered';

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
  /** What is spoken on accepted connections; tried in this order, the last takes what no other recognizes. */
  readonly protocols: readonly Protocol[];
  readonly limits: DataPathLimits;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly answers: AnswerBytes;
  /** `host: SERVICE` with its line end, for requests of HTTP/1.0 that have none. */
  readonly hostLine: Buffer;
  readonly counters: SideCounters;
  /** Who is told of requests that have ended; absent where nobody can listen. */
  readonly tap?: TapPoint;
  /** How connections towards a host are sent, by class; the list is kept and may change. Absent where no host differs from another. */
  readonly profilesTowards?: (address: string) => readonly ConnectionProfile[];
}

/** The side as it is now: a new configuration puts another in its place, and each request keeps the one it began with. */
export interface LiveSide {
  current: Side;
  /** Whether callers are asked to come on no connection again: each response says that it is the last one. */
  leaving?: boolean;
}

/** The connection that a request came on. */
export interface Caller {
  readonly address: string;
  /** How responses on it are sent, by class, where that depends on the peer. */
  readonly profiles: readonly ConnectionProfile[] | undefined;
  /** Whether no further request is taken, because the sidecar shuts down. */
  readonly draining: boolean;
  /** The next response is of this class: what leaves on the connection is to have this profile. */
  carry(classIndex: number, profile: ConnectionProfile, transport: Transport): void;
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

/** What is kept of a request that may be logged, or reported as a span, until it has ended. */
export interface ObservedRequest extends WatchedHead {
  /** Without the question mark. */
  readonly query: string;
  /** The endpoint that it was sent to last; empty before. */
  endpoint: string;
  /** How often an endpoint was chosen for it. */
  attempts: number;
  /** Bit n: what the n-th observer wants to hear of it, whatever becomes of it, and only if it does not end well. */
  wanted: number;
  wantedIfFailed: number;
  /** Ids of the span that is reported; of the one above it, empty where there is none. */
  spanId: string;
  parentSpanId: string;
}

/** What a route changes in a request's head, beside what propagation writes. Names are lower case. */
export interface HeadChanges {
  /** Path and query, in place of what came. */
  readonly target?: string;
  /** The value of Host or `:authority`, in place of what came. */
  readonly authority?: string;
  readonly remove: readonly string[];
  /** Added behind the removal, so that a name in both is replaced. */
  readonly add: readonly (readonly [name: string, value: string])[];
}

/** Fields of a head, by name in lower case. */
export type HeadFields = readonly (readonly [name: string, value: string])[];

const NO_FIELDS: HeadFields = [];

/** An answer of the sidecar's own that is no error of its own: a redirect, an injected fault, a refusal by a rate limit. */
export interface OwnReply {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Who may send a request elsewhere when an attempt at it ended badly. */
export interface AttemptControl {
  /** The head of a final response has come and nothing of it went out. @returns whether it is taken; false: the exchange is on another way already */
  takes(exchange: Exchange, status: number): boolean;
  /** An attempt failed before any response. @returns whether the exchange is on another way already */
  recovers(exchange: Exchange, code: AnswerCode): boolean;
}

/**
 * One request and its response, on their way through the stages of a side, whatever protocol they came by. An object is used again for the
 * next request; `begin` makes it as new.
 */
export abstract class Exchange {
  /** The side as it was when the request began. */
  side: Side;
  abstract readonly caller: Caller;
  /** What conditions compare; valid until the head is rewritten. */
  abstract readonly facts: RequestFacts;
  readonly carriers = new CarrierHeaders();
  readonly carried = new Carried();
  readonly queueEntry = new ExchangeQueueEntry(this);
  /** Index of the class, -1 until a stage knows it. */
  classIndex = -1;
  /** Why it has this class, as it is counted. */
  reason = '';
  /** When the head was complete; monotonic milliseconds. */
  arrivedMs = 0;
  /** When the request queue let it through; -1 before, and where there is none. */
  admittedMs = -1;
  /** When the head of the final response came; -1 before. */
  respondedMs = -1;
  /** Whether bytes of the response came after the turn in which its head did; then it ended later than `respondedMs`. */
  responseContinued = false;
  /** When the caller gives up, on the side's clock; Infinity where it did not say. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** How much longer than others it may be without a byte: what it may wait in a queue of the broker. */
  patienceMs = 0;
  /** When a byte last moved in either direction; as coarse as the timer wheel. */
  lastProgressMs = 0;
  upstream: Upstream | undefined;
  endpoint: Endpoint | undefined;
  readonly tried: Endpoint[] = [];
  /** The hash of what the balancer looks at; {@link NO_HASH} where it looks at nothing. */
  balancingKey = NO_HASH;
  /** When the endpoint was chosen; -1 where its latency is not asked for. */
  pickedMs = -1;
  changes: HeadChanges | undefined;
  attempts: AttemptControl | undefined;
  /** What is written into the head as it goes out, anew at each attempt. */
  sentFields: HeadFields = NO_FIELDS;
  /** What deadlines, retries and the like keep of a request; made for the first that needs it, and used again. */
  traffic: RequestTraffic | undefined;
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
  /** Set where it may be logged or reported as a span. */
  observed: ObservedRequest | undefined;
  #depth = 0;

  constructor(side: Side) {
    this.side = side;
  }

  get counters(): ClassCounters | undefined {
    return this.side.counters.ofClass(this.classIndex);
  }

  /** Whether the caller has been sent a byte of the final response. */
  abstract get responseStarted(): boolean;
  /** The status of the upstream's response; 0 before its head. */
  abstract get responseStatus(): number;
  /** Whether the method may be repeated without harm (RFC 9110 section 9.2.2). */
  abstract get isIdempotent(): boolean;
  /** Whether all of the request that was sent is still here, so that it can be sent again. */
  abstract get repeatable(): boolean;
  /** The name of the service in Host or `:authority`, without port; empty when there is none. */
  abstract hostName(): string;
  /** Copies the tracing and priority fields that came into `carriers`, which is empty. */
  abstract fillCarriers(): void;
  /** Makes the head the one that is forwarded. */
  abstract rewriteHead(edits: HeaderEdits, changes: HeadChanges | undefined): void;
  /** Takes a connection of the class to `endpoint`; calls `proceed` later when that says `wait`. */
  abstract takeConnection(): Step;
  /** Gives the connection back, or closes it where it can't carry another request. */
  abstract giveConnectionBack(): void;
  /** The last step of a stack: sends the head and as much of the body as is there. */
  abstract forward(): void;
  /** Sends an answer of the sidecar's own and ends the exchange with {@link finish}. Nothing of a response is out yet. */
  protected abstract sendAnswer(code: AnswerCode): void;
  /** Sends this reply and ends the exchange with {@link finish}. Nothing of a response is out yet. */
  abstract reply(reply: OwnReply): 'answered';
  /** The response can't be completed: the caller must see a broken one. Ends the exchange with {@link finish}. */
  abstract breakOff(code?: AnswerCode | RefusalKind | ''): void;

  /** A field of the response whose head has just come; undefined where there is none or the protocol does not say. */
  responseField(_name: string): string | undefined {
    return undefined;
  }

  /** Sends the request to another endpoint too, while this attempt goes on. @returns whether that was begun */
  hedge(_endpoint: Endpoint, _fields: HeadFields): boolean {
    return false;
  }

  /** Goes on with the attempt that {@link hedge} began, in place of this one. @returns whether there is one that was sent */
  takeHedge(): boolean {
    return false;
  }

  /** Ends the attempt that {@link hedge} began. */
  dropHedge(): void {}

  /**
   * A copy of the whole request as bytes of HTTP/1.1, without what belongs to this hop and to this trace; undefined when not all of it is
   * here, when its body is larger than `maxBodyBytes`, or where the protocol can't. Only before the head is rewritten.
   */
  copy(_host: string, _edits: HeaderEdits, _maxBodyBytes: number): Buffer | undefined {
    return undefined;
  }

  /** The same request is about to be sent once more. */
  protected beginAgain(): void {}

  /** Starts on a request whose head has been read. */
  protected beginStages(side: Side, nowMs: number): void {
    this.side = side;
    this.active = true;
    side.counters.underWay += 1;
    this.arrivedMs = nowMs;
    this.lastProgressMs = nowMs;
    this.classIndex = -1;
    this.reason = '';
    this.admittedMs = -1;
    this.respondedMs = -1;
    this.responseContinued = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.patienceMs = 0;
    this.upstream = undefined;
    this.endpoint = undefined;
    if (this.tried.length > 0) this.tried.length = 0;
    this.balancingKey = NO_HASH;
    this.pickedMs = -1;
    this.changes = undefined;
    this.attempts = undefined;
    this.sentFields = NO_FIELDS;
    this.wantsFreshConnection = false;
    this.#depth = 0;
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

  /** Goes back to where an endpoint is chosen. */
  retry(): void {
    this.#leaveDownTo(this.side.retryStage);
    this.proceed();
  }

  /** Gives back what the attempt took. `proceed` begins the next one, which sends the request again from its beginning. */
  retreat(): void {
    this.#leaveDownTo(this.side.retryStage);
    this.beginAgain();
  }

  /** Nothing was sent yet, so another endpoint may be tried whatever the method. */
  connectFailed(code: AnswerCode): void {
    const { endpoint, upstream } = this;
    if (endpoint !== undefined) {
      endpoint.failed();
      this.tried.push(endpoint);
    }
    const others = (upstream?.endpoints.length ?? 1) - this.tried.length;
    if (others <= 0 || this.tried.length >= FIXED_LIMITS.connectAttempts) this.attemptFailed(code);
    else this.retry();
  }

  /** An attempt failed before any response came. */
  protected attemptFailed(code: AnswerCode): void {
    if (this.attempts?.recovers(this, code) === true) return;
    this.answer(code);
  }

  /** Answers in the upstream's place; where a part of its response is out already, breaks that off. */
  answer(code: AnswerCode): 'answered' {
    this.side.counters.answered(code);
    if (this.responseStarted) {
      if (this.counters !== undefined) this.counters.upstreamBroken += 1;
      this.breakOff(code);
      return 'answered';
    }
    if (this.counters !== undefined) this.counters.errors += 1;
    this.sendAnswer(code);
    return 'answered';
  }

  /** The exchange is over: every stage gives back what it took. */
  protected finish(outcome: TapRequestOutcome, code: AnswerCode | RefusalKind | '' = '', status = 0): void {
    const ends = this.active;
    this.active = false;
    this.outcome = outcome;
    this.outcomeCode = code;
    this.outcomeStatus = status;
    this.#leaveDownTo(0);
    if (ends) this.side.counters.ended();
  }

  /** Over with one of our own answers. */
  protected finishAnswered(code: AnswerCode): void {
    this.finish('answered', code, answerStatus(code));
  }

  /** Over because its framing was refused. */
  protected finishRefused(kind: RefusalKind): void {
    this.finish('refused', kind, refusalStatus(kind));
  }
}
