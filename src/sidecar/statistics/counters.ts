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
  /** From the whole head of a request to the end of its response, microseconds; of responses that went out whole. */
  readonly durationUs = new Histogram();
}

/** How many classes that a policy had once are remembered, so that they go on where they stopped if they come back. */
const REMEMBERED_CLASSES = 64;

/** What is counted on one side of the sidecar. A new policy has new counters, which go on where those before them are, class by class. */
export class SideCounters {
  readonly classes: readonly ClassCounters[];
  connections = 0;
  connectionsAccepted = 0;
  /** Requests that began under this policy and have not ended. */
  underWay = 0;
  /** Called when none is under way any more; set once another policy has taken the place of this one. */
  whenUnused: (() => void) | undefined;
  /** By kind. */
  readonly refusals: Map<string, number>;
  /** By code of the sidecar's own answer; also where a response that had begun was broken off in its place. */
  readonly answers: Map<string, number>;
  /** By reason of the class: a rule's name, `default`, or how provenance found it. */
  readonly reasons: Map<string, number>;
  readonly limits: Record<CountedLimit, number>;
  /** What the stages of `traffic` have counted: what and where, to class to number. */
  readonly traffic: Map<string, Record<string, number>>;

  readonly #byName: Map<string, ClassCounters>;

  /** @param before what is gone on with */
  constructor(policy: Policy, before?: SideCounters) {
    const byName = before === undefined ? new Map<string, ClassCounters>() : before.#byName;
    this.#byName = byName;
    this.classes = policy.classes.map(({ name }) => {
      const counters = byName.get(name) ?? new ClassCounters();
      byName.delete(name);
      byName.set(name, counters);
      return counters;
    });
    for (const name of byName.keys()) if (byName.size > REMEMBERED_CLASSES) byName.delete(name);
    this.connections = before?.connections ?? 0;
    this.connectionsAccepted = before?.connectionsAccepted ?? 0;
    this.refusals = before?.refusals ?? new Map();
    this.answers = before?.answers ?? new Map();
    this.reasons = before?.reasons ?? new Map();
    this.traffic = before?.traffic ?? new Map();
    this.limits =
      before?.limits ??
      (Object.fromEntries(COUNTED_LIMITS.map((name) => [name, 0])) as Record<CountedLimit, number>);
  }

  /** A request has ended. */
  ended(): void {
    this.underWay -= 1;
    if (this.underWay === 0) this.whenUnused?.();
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
