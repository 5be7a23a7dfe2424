import { Histogram, type Policy } from '../../core/index.ts';
import { refusalKind } from '../http1/index.ts';
import { COUNTED_LIMITS, type CountedLimit } from '../limits.ts';

/** What is counted for one class on one side. All members only grow, but for `inFlight` and `queued`. */
export class ClassCounters {
  requests = 0;
  /** Responses that went out whole. */
  completed = 0;
  shed = 0;
  expired = 0;
  /** Answered with an error of the sidecar's own. */
  errors = 0;
  /** Broken off: by the caller, or by the upstream in the middle of a response (it ended, fell silent or went wrong). */
  callerGone = 0;
  upstreamBroken = 0;
  retries = 0;
  requestBytes = 0;
  responseBytes = 0;
  inFlight = 0;
  queued = 0;
  /** Calls of gRPC by the status they ended with. */
  readonly grpcStatus: Record<number, number> = {};
  /** Time in the request queue, microseconds; requests that did not wait count as 0. */
  readonly queueWaitUs = new Histogram();
}

/** What is counted on one side of the sidecar. */
export class SideCounters {
  readonly classes: readonly ClassCounters[];
  connections = 0;
  connectionsAccepted = 0;
  /** By kind. */
  readonly refusals = new Map<string, number>();
  /** By code of the sidecar's own answer; also where a response that had begun was broken off in its place. */
  readonly answers = new Map<string, number>();
  /** By reason of the class: a rule's name, `default`, or how provenance found it. */
  readonly reasons = new Map<string, number>();
  readonly limits: Record<CountedLimit, number>;

  constructor(policy: Policy) {
    this.classes = policy.classes.map(() => new ClassCounters());
    this.limits = Object.fromEntries(COUNTED_LIMITS.map((name) => [name, 0])) as Record<CountedLimit, number>;
  }

  ofClass(classIndex: number): ClassCounters | undefined {
    return this.classes[classIndex];
  }

  refused(code: number): void {
    count(this.refusals, refusalKind(code));
  }

  answered(code: string): void {
    count(this.answers, code);
  }

  reason(name: string): void {
    count(this.reasons, name);
  }

  hit(limit: CountedLimit): void {
    this.limits[limit] += 1;
  }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
