import type { Policy } from '../../../core/index.ts';

/** What gateways have done for a class. All members only grow, except `outstanding`. */
export interface GatewayClassCounters {
  /** Requests that came. */
  requests: number;
  /** Requests that now wait for a response. */
  outstanding: number;
  published: number;
  /** Publications of a request that had been published before, on a connection that was lost. */
  republished: number;
  confirmed: number;
  responses: number;
  /** Waited in the queue for longer than the class allows; answered 504. */
  expired: number;
  /** Executed for longer than a response may take; answered 504. */
  timedOut: number;
  /** The caller was gone before the response came. */
  cancelled: number;
  /** Not accepted, because too much waits. */
  refused: number;
  /** Made room for a more important one. */
  shed: number;
  /** The broker was away for the whole deadline; answered 503. */
  brokerAway: number;
  /** The broker did not take the message, or there is no such queue; answered 503. */
  undeliverable: number;
}

/** What a worker has done for a class. All members only grow, except `executing`. */
export interface WorkerClassCounters {
  received: number;
  /** Received again after nobody acknowledged them. */
  redelivered: number;
  executing: number;
  executed: number;
  /** Answered with the response of a copy that had been executed already. */
  remembered: number;
  /** Copies that waited for the execution of another one. */
  joined: number;
  /** Not executed, because the caller was gone. */
  cancelled: number;
  /** Broken off, because the caller was gone. */
  aborted: number;
  /** Given back to the queue, because the application could not be reached. */
  handedBack: number;
  /** Dead letters, by why they died. */
  expired: number;
  rejected: number;
  dropped: number;
}

function gatewayCounters(): GatewayClassCounters {
  return {
    requests: 0,
    outstanding: 0,
    published: 0,
    republished: 0,
    confirmed: 0,
    responses: 0,
    expired: 0,
    timedOut: 0,
    cancelled: 0,
    refused: 0,
    shed: 0,
    brokerAway: 0,
    undeliverable: 0,
  };
}

function workerCounters(): WorkerClassCounters {
  return {
    received: 0,
    redelivered: 0,
    executing: 0,
    executed: 0,
    remembered: 0,
    joined: 0,
    cancelled: 0,
    aborted: 0,
    handedBack: 0,
    expired: 0,
    rejected: 0,
    dropped: 0,
  };
}

/** A row of counters for each class of a policy. */
export class ByClass<Row> {
  readonly #names: readonly string[];
  readonly #rows: readonly Row[];
  readonly #default: Row;

  constructor(policy: Policy, make: () => Row) {
    this.#names = policy.classes.map(({ name }) => name);
    this.#rows = policy.classes.map(make);
    this.#default = this.#rows[this.#names.indexOf(policy.ingress.defaultClass)] ?? make();
  }

  /** The row of a class; of the default class for an index that no class has. */
  of(classIndex: number): Row {
    return this.#rows[classIndex] ?? this.#default;
  }

  /** All rows by the names of the classes. */
  byName(): Readonly<Record<string, Row>> {
    return Object.fromEntries(this.#names.map((name, index) => [name, this.of(index)]));
  }
}

/** Everything that gateways count. */
export class GatewayCounters {
  readonly classes: ByClass<GatewayClassCounters>;
  /** Words that came for a request that nobody waits for. */
  lateReplies = 0;
  malformedReplies = 0;
  /** Bodies larger than `maxQueuedRequestBytes`; heads that fit into no frame. */
  tooLarge = 0;

  constructor(policy: Policy) {
    this.classes = new ByClass(policy, gatewayCounters);
  }
}

/** Everything that workers count. */
export class WorkerCounters {
  readonly classes: ByClass<WorkerClassCounters>;
  /** Messages that are no request. */
  malformed = 0;
  /** Responses larger than `maxQueuedResponseBytes`, or more of them at once than a worker may hold. */
  tooLarge = 0;

  constructor(policy: Policy) {
    this.classes = new ByClass(policy, workerCounters);
  }
}
