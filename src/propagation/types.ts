import type { ClassIndex } from '../core/index.ts';
import type { CarrierHeaders } from './carriers.ts';
import { Id } from './id.ts';

/** Where a trace id was read. */
type TraceSource = 'traceparent' | 'b3-single' | 'b3-multi' | 'none';

/** What the headers of one request carry. One object may be reused for all requests. */
export class Carried {
  /** Whether the peer's word counts. The ids of one who is not believed are let in only if the request is found by them. */
  believed = true;
  /** The class that is believed; -1 when none is carried, when it is unknown, or when the peer is not believed. */
  classIndex: ClassIndex = -1;
  /** What the own tracestate member says: a class, -1 without a member, -2 when it names no class of this policy. Filled for peers that are not believed, too. */
  tracestateClass = -1;
  /** What the own baggage member says, by the same numbers. */
  baggageClass = -1;
  /** Two carriers, or two members of one carrier, named different classes. */
  disagreement = false;
  /** 32 lower-case hexadecimal digits; empty when there is none. A 64-bit B3 id is padded with zeros on the left. */
  readonly trace = new Id();
  /** 16 lower-case hexadecimal digits; empty when there is none. */
  readonly span = new Id();
  traceSource: TraceSource = 'none';
  /** Whether {@link span} is one of ours, which is reported: then it takes the place of the parent that came. */
  spanIsOurs = false;
  /** Whether the trace is sampled: 1 yes, 0 no, -1 not decided. */
  sampled = -1;
  /** The request id; empty when there is none that can be used. */
  readonly request = new Id();
  /** The explicit urgency (0 to 7) of an RFC 9218 `priority`; -1 without one. */
  urgency = -1;
  /** The `i` of an RFC 9218 `priority`. */
  incremental = false;
  /** What {@link Propagation.inject} has to repair: bits of {@link FLAWS}. */
  flaws = 0;

  /** {@link trace} as text, made when it is asked for; so are the next two. */
  get traceId(): string {
    return this.trace.text;
  }

  get spanId(): string {
    return this.span.text;
  }

  get requestId(): string {
    return this.request.text;
  }

  /** Empties it for the next request. */
  clear(): void {
    this.believed = true;
    this.classIndex = -1;
    this.tracestateClass = -1;
    this.baggageClass = -1;
    this.disagreement = false;
    this.trace.clear();
    this.span.clear();
    this.traceSource = 'none';
    this.spanIsOurs = false;
    this.sampled = -1;
    this.request.clear();
    this.urgency = -1;
    this.incremental = false;
    this.flaws = 0;
  }
}

/** What can be wrong with the headers of a request; bits of {@link Carried.flaws}. */
export const FLAWS = {
  /** The traceparent is malformed. */
  traceparent: 1,
  /** The tracestate cannot be sent on. */
  tracestateUnusable: 2,
  /** The tracestate holds the own member more than once. */
  tracestateDuplicate: 4,
  /** The baggage cannot be sent on. */
  baggageUnusable: 8,
  /** The baggage holds the own member more than once. */
  baggageDuplicate: 16,
  /** The `priority` is not a dictionary. */
  priority: 32,
} as const;

/** What the sidecar does to the head of a request. Valid until the next call of {@link Propagation.inject}. */
export interface HeaderEdits {
  /** Bit n set: every line named `CARRIER_HEADER_NAMES[n]` is dropped. */
  drop: number;
  /** Header lines to insert, each ended by CRLF: the first `length` bytes. Do not keep and do not change. */
  bytes: Buffer;
  /** How many bytes of `bytes` to insert; 0 when there is nothing to insert. */
  length: number;
}

/** What propagation has seen and done so far. All members only grow. */
export interface PropagationCounters {
  /** A class was carried twice with different values; tracestate won, else baggage, else the first member. */
  disagreements: number;
  /** An own member named no class of this policy and was ignored. */
  unknownClasses: number;
  /** A class that came from a peer that is not believed was ignored and replaced. */
  foreignClasses: number;
  /** A traceparent was malformed (W3C Trace Context) and replaced. */
  invalidTraceparents: number;
  /** A tracestate was malformed, too large, or had no valid traceparent beside it, and was discarded. */
  invalidTracestates: number;
  /** Members of other vendors that did not fit beside ours into tracestate's limits. */
  droppedTracestateMembers: number;
  /** A baggage held bytes that no header may hold or was too large to read, and was discarded. */
  invalidBaggages: number;
  /** Members of others that did not fit beside ours into baggage's limits. */
  droppedBaggageMembers: number;
  /** B3 headers that were malformed and ignored. */
  invalidB3s: number;
  /** A `priority` that is not a structured-field dictionary (RFC 8941) and was ignored. */
  invalidPriorities: number;
  /** A request id that is too long, not visible ASCII or a list, and was ignored. */
  invalidRequestIds: number;
  /** Traces that were started here. */
  tracesStarted: number;
}

/** Reads and writes the class on the wire, for one policy. Never throws on input. */
export interface Propagation {
  readonly counters: Readonly<PropagationCounters>;
  /**
   * Reads what the headers carry.
   *
   * @param believed whether the peer's word on the class counts: true inside the mesh and for trusted networks, false
   *   for everybody else; then `classIndex` is -1
   * @param into the object to fill
   */
  extract(headers: CarrierHeaders, believed: boolean, into: Carried): void;
  /**
   * Says what to change in the head so that it carries the class, and nothing that contradicts it. Own members that
   * came in are replaced, those of others stay. Starts a trace and a request id when none came in, and writes them into
   * `carried`, so that the request can be registered in the provenance table. Of a peer that is not believed, B3 ids that
   * are not the trace's and request ids that are no key are replaced: an application may forward them alone, and under
   * them the table would find another request, with another class.
   *
   * @param carried what {@link extract} read out of the same headers
   * @param classIndex the class that the request has
   * @returns the same object on each call
   */
  inject(headers: CarrierHeaders, carried: Carried, classIndex: ClassIndex): HeaderEdits;
}
