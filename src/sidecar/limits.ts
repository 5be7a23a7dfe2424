import type { SidecarLimits } from '../config/index.ts';
import type { ChunkLimits } from './http1/index.ts';

/** Bounds that a configuration cannot move, beside those of `SIDECAR_LIMITS` in config. */
export const FIXED_LIMITS = {
  /** Field lines of one head. */
  fields: 128,
  /** Bytes of the extensions of one chunk. */
  chunkExtensionBytes: 256,
  /** Bytes of the trailers of one message. */
  trailerBytes: 8192,
  trailerFields: 32,
  /** Connections that the kernel holds before they are accepted (listen(2)). */
  listenBacklog: 4096,
  /** Connections beyond `maxConnections` that are being told so at once; more are closed without a word. */
  turnedAwayConnections: 64,
  /** After an answer that closes, so much of what the caller still sends is read and dropped, so that no RST overtakes the answer. */
  lingerBytes: 1024 * 1024,
  lingerMs: 1000,
  /** Interim responses (1xx) in front of one final response. */
  interimResponses: 16,
  /** How many different endpoints are tried when connecting fails. */
  connectAttempts: 3,
  /** Directed links of the network of which hints are remembered. */
  networkLinks: 4096,
  /** Hosts whose paths stand in a line of statistics. */
  statisticsPeers: 64,
  /** Size of the statistics file; then a line says so and no more are written. */
  statisticsFileBytes: 256 * 1024 * 1024,
} as const satisfies ChunkLimits & Readonly<Record<string, number>>;

/** Everything that bounds the data path. */
export interface DataPathLimits extends SidecarLimits {
  readonly fields: number;
}

/** The bounds that are counted when they are hit; the names stand in the statistics. */
export const COUNTED_LIMITS = [
  'maxConnections',
  'maxPoolConnections',
  'maxPendingRequests',
  'headTimeoutMs',
  'bodyTimeoutMs',
  'minBodyRateBps',
  'idleTimeoutMs',
  'connectTimeoutMs',
  'responseTimeoutMs',
  'drainTimeoutMs',
  'lingerBytes',
  'interimResponses',
  'queueCapacity',
  'http2Streams',
  'http2BlockBytes',
  'http2BlockFrames',
  'http2IdleFrames',
  'http2WindowUpdates',
  'http2UnsentControlBytes',
] as const;

/** A bound that is counted when it is hit. */
export type CountedLimit = (typeof COUNTED_LIMITS)[number];
