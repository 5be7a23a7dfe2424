/** Bounds of links. */
export const LINK_LIMITS = {
  /** Streams that the opening side has on one link at once; with more it opens another link. */
  streams: 1024,
  /** Streams that the accepting side lets live at once: more, because a new one may overtake the end of an old one. */
  acceptedStreams: 2048,
  /** Links of one kind to one endpoint. */
  linksPerEndpoint: 16,
  /** Bytes that wait in front of a socket before streams are held back. */
  pendingBytes: 262_144,
  /** Streams that a peer may open and reset within a second, and pings. */
  churnPerSecond: 20_000,
  pingsPerSecond: 32,
  /** Size of the answer to the question whether the peer speaks links. */
  answerBytes: 4096,
  /** How long the peer may think about it. */
  answerMs: 2000,
  /** How long a peer that does not speak links is not asked again. */
  plainPeerMs: 300_000,
  /** Time until a lost link is opened again: at first, and at most. */
  backOffMs: 200,
  maxBackOffMs: 10_000,
  /** A link on which nothing came for so long is asked whether it lives. */
  silentMs: 2000,
  /** It is given up after so long without an answer, and without a segment; where segments can't be counted, after three times as long. */
  answerPingMs: 10_000,
  /** Before that, the event loop gets the chance to read what may have come while it was held up. */
  doubtMs: 100,
} as const;
