import type { ClassIndex } from '../core/index.ts';

/**
 * The headers that carry a class or help to find it, in lower case. The position in this list is the bit of
 * {@link HeaderEdits.drop}, and the same position in {@link CARRIER_MEMBERS} names the member of {@link CarrierHeaders}.
 */
export const CARRIER_HEADER_NAMES = [
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-request-id',
  'priority',
] as const;

/** A header that carries a class or helps to find it. */
export type CarrierHeaderName = (typeof CARRIER_HEADER_NAMES)[number];

/**
 * The members of {@link CarrierHeaders}, by the positions of {@link CARRIER_HEADER_NAMES}.
 */
export const CARRIER_MEMBERS = [
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'xB3TraceId',
  'xB3SpanId',
  'xB3ParentSpanId',
  'xB3Sampled',
  'xB3Flags',
  'xRequestId',
  'priority',
] as const satisfies readonly (keyof CarrierHeaders)[];

/**
 * The carrier headers of one request. A header that is absent is undefined. Lines of the same name are joined by `,`
 * (RFC 9110 section 5.3); a header that may stand only once then fails to parse, as it should.
 * One object may be reused for all requests: see {@link clearCarrierHeaders}.
 */
export interface CarrierHeaders {
  traceparent?: string | undefined;
  tracestate?: string | undefined;
  baggage?: string | undefined;
  b3?: string | undefined;
  xB3TraceId?: string | undefined;
  xB3SpanId?: string | undefined;
  xB3ParentSpanId?: string | undefined;
  xB3Sampled?: string | undefined;
  xB3Flags?: string | undefined;
  xRequestId?: string | undefined;
  priority?: string | undefined;
}

/** Where a trace id was read. */
type TraceSource = 'traceparent' | 'b3-single' | 'b3-multi' | 'none';

/** What the headers of one request carry. One object may be reused for all requests. */
export interface Carried {
  /** Whether the peer's word counts. The ids of one who is not believed are let in only if the request is found by them. */
  believed: boolean;
  /** The class that is believed; -1 when none is carried, when it is unknown, or when the peer is not believed. */
  classIndex: ClassIndex;
  /** What the own tracestate member says: a class, -1 without a member, -2 when it names no class of this policy. Filled for peers that are not believed, too. */
  tracestateClass: number;
  /** What the own baggage member says, by the same numbers. */
  baggageClass: number;
  /** Two carriers, or two members of one carrier, named different classes. */
  disagreement: boolean;
  /** 32 lower-case hexadecimal digits; empty when there is none. A 64-bit B3 id is padded with zeros on the left. */
  traceId: string;
  /** 16 lower-case hexadecimal digits; empty when there is none. */
  spanId: string;
  traceSource: TraceSource;
  /** Whether the trace is sampled: 1 yes, 0 no, -1 not decided. */
  sampled: number;
  /** Empty when there is none that can be used. */
  requestId: string;
  /** The explicit urgency (0 to 7) of an RFC 9218 `priority`; -1 without one. */
  urgency: number;
  /** The `i` of an RFC 9218 `priority`. */
  incremental: boolean;
  /** What {@link Propagation.inject} has to repair: bits of {@link FLAWS}. */
  flaws: number;
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
   * @param into the object to fill; see {@link createCarried}
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

/** A carrier struct with no header in it. */
export function createCarrierHeaders(): CarrierHeaders {
  return {
    traceparent: undefined,
    tracestate: undefined,
    baggage: undefined,
    b3: undefined,
    xB3TraceId: undefined,
    xB3SpanId: undefined,
    xB3ParentSpanId: undefined,
    xB3Sampled: undefined,
    xB3Flags: undefined,
    xRequestId: undefined,
    priority: undefined,
  };
}

/** Empties a carrier struct for the next request. */
export function clearCarrierHeaders(headers: CarrierHeaders): void {
  headers.traceparent = undefined;
  headers.tracestate = undefined;
  headers.baggage = undefined;
  headers.b3 = undefined;
  headers.xB3TraceId = undefined;
  headers.xB3SpanId = undefined;
  headers.xB3ParentSpanId = undefined;
  headers.xB3Sampled = undefined;
  headers.xB3Flags = undefined;
  headers.xRequestId = undefined;
  headers.priority = undefined;
}

/** A fresh object for {@link Propagation.extract}. */
export function createCarried(): Carried {
  return {
    believed: true,
    classIndex: -1,
    tracestateClass: -1,
    baggageClass: -1,
    disagreement: false,
    traceId: '',
    spanId: '',
    traceSource: 'none',
    sampled: -1,
    requestId: '',
    urgency: -1,
    incremental: false,
    flaws: 0,
  };
}

/** Empties a {@link Carried} for the next request. */
export function clearCarried(carried: Carried): void {
  carried.believed = true;
  carried.classIndex = -1;
  carried.tracestateClass = -1;
  carried.baggageClass = -1;
  carried.disagreement = false;
  carried.traceId = '';
  carried.spanId = '';
  carried.traceSource = 'none';
  carried.sampled = -1;
  carried.requestId = '';
  carried.urgency = -1;
  carried.incremental = false;
  carried.flaws = 0;
}
