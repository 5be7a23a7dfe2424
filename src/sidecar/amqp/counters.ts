import { Histogram, type Policy } from '../../core/index.ts';

/** What is counted of the messages of one class. All members only grow. */
export class MessageCounters {
  published = 0;
  publishedBytes = 0;
  delivered = 0;
  deliveredBytes = 0;
  acked = 0;
  /** Given back by the client: the broker delivers them again. */
  requeued = 0;
  /** Refused by the client for good: dropped or dead-lettered. */
  rejected = 0;
  /** From publishing to handing out, microseconds; of messages that a sidecar stamped when they were published. */
  readonly brokerWaitUs = new Histogram();
}

/** The bounds of the AMQP proxy that are counted when they are hit. */
export const AMQP_LIMITS = [
  'maxAmqpConnections',
  'maxAmqpHeldBytes',
  'maxAmqpReach',
  'amqpConnectTimeoutMs',
  'headTimeoutMs',
  'lingerMs',
  'unsettledDeliveries',
  'knownQueues',
  'consumers',
  'pendingReplies',
] as const;

/** A bound of the AMQP proxy. */
export type AmqpLimit = (typeof AMQP_LIMITS)[number];

/** What the AMQP proxy of one sidecar has counted. */
export class AmqpCounters {
  readonly classes: readonly MessageCounters[];
  connectionsAccepted = 0;
  /** Passed through unread to the broker's TLS port. */
  tlsConnections = 0;
  /** Attempts to reach the broker that failed. */
  dialFailures = 0;
  /** Clients that found a broker after at least one failed attempt. */
  dialRecoveries = 0;
  /** Connections whose broker was lost under them. */
  brokerLost = 0;
  framesFromClients = 0;
  framesFromBroker = 0;
  /** Messages that got a priority from their class; those that kept one of their own; those that had no room for what is added. */
  prioritiesSet = 0;
  prioritiesKept = 0;
  additionsLeftOut = 0;
  /** Declares: made a priority queue; kept as the client wrote it, because the queue exists otherwise; passed, being none of ours. */
  readonly declares = { prioritized: 0, kept: 0, passed: 0 };
  /** Consumers by how their prefetch is handled. */
  readonly consumers = { governed: 0, fixed: 0, client: 0, noAck: 0 };
  /** By reason of the class. */
  readonly publishReasons = new Map<string, number>();
  readonly deliverReasons = new Map<string, number>();
  /** By side and reply code: `client 505`. */
  readonly faults = new Map<string, number>();
  readonly limits: Record<AmqpLimit, number>;

  constructor(policy: Policy) {
    this.classes = policy.classes.map(() => new MessageCounters());
    this.limits = Object.fromEntries(AMQP_LIMITS.map((name) => [name, 0])) as Record<AmqpLimit, number>;
  }

  hit(limit: AmqpLimit): void {
    this.limits[limit] += 1;
  }
}

/** Counts one more under a key. The keys are of a fixed, small set. */
export function countIn(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
