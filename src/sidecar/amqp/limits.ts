/** Bounds of the AMQP proxy that a configuration cannot move. */
export const AMQP_FIXED_LIMITS = {
  /** The largest frame that is taken, whatever the two ends agree on; also what is offered in place of no limit. */
  frameBytes: 1024 * 1024,
  /** The largest frame before the two ends have agreed. AMQP 0-9-1 section 4.2.3 sets 4096; tokens in place of passwords may be longer. */
  firstFrameBytes: 131_072,
  /** A message whose body is larger is never held back. */
  heldMessageBytes: 256 * 1024,
  /** Deliveries of one connection whose settling is watched. Beyond it their class is no longer remembered. */
  unsettledDeliveries: 65_536,
  /** Queues whose kind is remembered. */
  knownQueues: 4096,
  /** Consumers of one channel that are governed. */
  consumers: 256,
  /** Requests of one channel that wait for the broker's reply. */
  pendingReplies: 65_536,
  /** How long a connection that is being closed waits for its peers. */
  lingerMs: 1000,
  /** How long the first wait between two attempts to reach the broker is, and the longest. */
  dialFirstMs: 50,
  dialMostMs: 2000,
  /** Consumers that are listed in the statistics. */
  reportedConsumers: 256,
} as const;
