import type { ClassIndex, Policy } from '../core/index.ts';
import type { Id } from './id.ts';
import { IdTable, type IdTableCounters } from './id-table.ts';
import {
  AMBIGUOUS_CLASS,
  PROVENANCE_CAPACITY,
  PROVENANCE_TTL_MS,
  REQUEST_ID_MAX_CHARACTERS,
} from './limits.ts';
import type { Carried } from './types.ts';

const TRACE_ID_CHARACTERS = 32;

/** What may be set about a provenance table. */
interface ProvenanceTableOptions {
  /** How many trace ids, and how many request ids, are remembered; the one used longest ago goes first. */
  readonly capacity?: number;
  /** How long after its registration a request counts as being inside, if nobody releases it. */
  readonly ttlMs?: number;
}

/** What a provenance table has done, for each of its two keys. All members only grow. */
export interface ProvenanceTableCounters {
  readonly traceId: Readonly<IdTableCounters>;
  readonly requestId: Readonly<IdTableCounters>;
}

/**
 * The requests that are now inside the application, by trace id and by request id, with their classes. When requests of
 * different classes are inside under one id the table abstains: a guess would give a batch request the rights of an
 * interactive one half of the time. Time is handed in; there is no timer.
 */
export class ProvenanceTable {
  readonly counters: ProvenanceTableCounters;
  readonly #traces: IdTable;
  readonly #requests: IdTable;

  constructor(options: ProvenanceTableOptions = {}) {
    const capacity = options.capacity ?? PROVENANCE_CAPACITY;
    const ttlMs = options.ttlMs ?? PROVENANCE_TTL_MS;
    this.#traces = new IdTable(capacity, ttlMs, TRACE_ID_CHARACTERS);
    this.#requests = new IdTable(capacity, ttlMs, REQUEST_ID_MAX_CHARACTERS);
    this.counters = { traceId: this.#traces.counters, requestId: this.#requests.counters };
  }

  /**
   * A request goes in. Ids that are empty are left out.
   *
   * @param nowMs of a monotonic clock
   * @param deadlineMs until when it has, on that clock
   */
  register(
    trace: Id,
    request: Id,
    classIndex: ClassIndex,
    nowMs: number,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): void {
    this.#traces.add(trace, classIndex, nowMs, deadlineMs);
    this.#requests.add(request, classIndex, nowMs, deadlineMs);
  }

  /** A request has left: called once for each registration, with the same values. */
  release(trace: Id, request: Id, classIndex: ClassIndex): void {
    this.#traces.remove(trace, classIndex);
    this.#requests.remove(request, classIndex);
  }

  /** The class of the requests inside with this trace id; NO_CLASS when there is none, AMBIGUOUS_CLASS when they differ. */
  byTraceId(trace: Id, nowMs: number): number {
    return this.#traces.find(trace, nowMs);
  }

  /** The same by request id. */
  byRequestId(request: Id, nowMs: number): number {
    return this.#requests.find(request, nowMs);
  }

  /** Until when a request has that one of these ids was found for: by trace id, else by request id; Infinity where nothing is known. */
  deadlineMs(trace: Id, request: Id): number {
    const ofTrace = this.#traces.deadlineMs(trace);
    return ofTrace < Number.POSITIVE_INFINITY ? ofTrace : this.#requests.deadlineMs(request);
  }

  /** The least important class of the requests that share these ids; NO_CLASS when nobody has them. */
  leastImportant(trace: Id, request: Id): number {
    return Math.max(this.#traces.leastImportant(trace), this.#requests.leastImportant(request));
  }
}

/** By what the class of a request was found, the most certain first. */
type ProvenanceReason = 'wire' | 'trace-id' | 'request-id' | 'ambiguous' | 'default';

/** The class of a request, and by what it was found. Made once for each combination. */
interface Provenance {
  readonly classIndex: ClassIndex;
  readonly className: string;
  readonly reason: ProvenanceReason;
}

/** How often each reason decided. */
interface ProvenanceCounters {
  wire: number;
  traceId: number;
  requestId: number;
  /** An id was found, but requests of different classes have it. */
  ambiguous: number;
  default: number;
}

/** Finds the class of a request that leaves the application. */
export interface ProvenanceResolver {
  readonly counters: Readonly<ProvenanceCounters>;
  /**
   * In this order: the class on the wire, the table by trace id, the table by request id, the default class. For an id that
   * requests of different classes have, the least important among these and the default: callers choose ids, so by sharing
   * one they could otherwise come to a better class than their own.
   *
   * @param nowMs of the clock that the table's registrations were made with
   */
  resolve(carried: Carried, nowMs: number): Provenance;
}

/** Makes the resolver of a policy over a table. Without `defaultClassIndex` the default is the policy's ingress default. */
export function createProvenanceResolver(
  policy: Policy,
  table: ProvenanceTable,
  defaultClassIndex: ClassIndex = policy.classes.findIndex(
    ({ name }) => name === policy.ingress.defaultClass,
  ),
): ProvenanceResolver {
  const made = (reason: ProvenanceReason): readonly Provenance[] =>
    policy.classes.map(({ name }, classIndex) => ({ classIndex, className: name, reason }));
  const byWire = made('wire');
  const byTraceId = made('trace-id');
  const byRequestId = made('request-id');
  const byDoubt = made('ambiguous');
  const fallback: Provenance = {
    classIndex: defaultClassIndex,
    className: policy.classes[defaultClassIndex]?.name ?? policy.ingress.defaultClass,
    reason: 'default',
  };
  const counters: ProvenanceCounters = { wire: 0, traceId: 0, requestId: 0, ambiguous: 0, default: 0 };

  return {
    counters,
    resolve(carried, nowMs) {
      const wire = byWire[carried.classIndex];
      if (wire !== undefined) {
        counters.wire += 1;
        return wire;
      }
      const ofTrace = table.byTraceId(carried.trace, nowMs);
      const trace = byTraceId[ofTrace];
      if (trace !== undefined) {
        counters.traceId += 1;
        return trace;
      }
      const ofRequest = table.byRequestId(carried.request, nowMs);
      const request = byRequestId[ofRequest];
      if (request !== undefined) {
        counters.requestId += 1;
        return request;
      }
      if (ofTrace === AMBIGUOUS_CLASS || ofRequest === AMBIGUOUS_CLASS) {
        counters.ambiguous += 1;
        const least = table.leastImportant(carried.trace, carried.request);
        return byDoubt[Math.max(least, fallback.classIndex)] ?? fallback;
      }
      counters.default += 1;
      return fallback;
    },
  };
}
