/** Bounds of connections of HTTP/2, on top of those of the data path. */
export const H2_LIMITS = {
  /** Streams that a caller may have open at once; announced in SETTINGS. */
  concurrentStreams: 256,
  /** Streams of ours at once on one connection to an endpoint, where the endpoint allows as many. */
  upstreamStreams: 256,
  /** Bytes of a body that a peer may send ahead of what the other side has taken; for each stream, and for a connection. */
  streamWindowBytes: 131_072,
  connectionWindowBytes: 1_048_576,
  /** Bytes of a field block as it is coded, over all its frames, and how many frames it may be cut into. */
  blockBytes: 65_536,
  blockFrames: 32,
  /**
   * What costs us work and brings no request forward (resets, PING, SETTINGS, PRIORITY, empty frames, frames on streams that are over): so many at
   * once, and so many more a second.
   */
  idleFrames: 1000,
  idleFramesPerSecond: 200,
  /** WINDOW_UPDATEs beyond ten for each DATA frame that we sent. */
  spareWindowUpdates: 1000,
  /** Frames without a body that wait to be written, in bytes: a peer that asks and does not read. */
  unsentControlBytes: 262_144,
  /** What is collected before it is handed to the socket. */
  flushBytes: 65_536,
  /** Bytes of a request body that are kept until its response begins, so that it can be sent again. */
  repeatBytes: 65_536,
  /** Exchanges that a connection keeps for the requests to come. */
  spareExchanges: 64,
  /** How often the running requests of a connection are looked at for silence. */
  lookMs: 1000,
} as const;

/** Bounds that are counted when they are hit; the names stand in the statistics. */
export type Http2Limit =
  | 'http2Streams'
  | 'http2BlockBytes'
  | 'http2BlockFrames'
  | 'http2IdleFrames'
  | 'http2WindowUpdates'
  | 'http2UnsentControlBytes';
