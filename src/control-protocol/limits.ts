/**
 * How much of the control protocol is taken from a peer. What is beyond these bounds is dropped and counted; a message that is too
 * large ends its stream.
 */
export const CONTROL_LIMITS = {
  messageBytes: 4 * 1024 * 1024,
  /** Directed links, in a topology and with hints. */
  links: 4096,
  switches: 1024,
  hosts: 4096,
  addressesPerHost: 16,
  /** Paths in a topology. */
  paths: 4096,
  /** Ways to one peer: the default and as many as a class can have further DSCP values. */
  pathsPerPeer: 4,
  linksPerPath: 64,
  classes: 16,
  endpoints: 16_384,
  /** A hint that is to be believed for longer than this is no hint. */
  ttlMs: 60_000,
  queueingDelayMs: 3_600_000,
  keepaliveMs: { min: 100, max: 60_000 },
  /** How far the clock of a source may be ahead of ours. */
  epochAheadMs: 300_000,
} as const;
