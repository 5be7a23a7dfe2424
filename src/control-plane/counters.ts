/** What the control plane has done since it started. */
export class PlaneCounters {
  watches = 0;
  /** Streams of sidecars that were refused: too many, or not well-formed. */
  watchesRefused = 0;
  /** Sidecars that were cut off because they took in nothing. */
  watchesStalled = 0;
  /** Sidecars that said that they were about to go. */
  drains = 0;
  /** Endpoints that found no room in the registry. */
  endpointsRefused = 0;
  reports = 0;
  reportsRefused = 0;
  topologies = 0;
  topologiesDropped = 0;
  hintsTaken = 0;
  /** Not well-formed, out of range, or from the future. */
  hintsInvalid = 0;
  /** Older than what was known about the link. */
  hintsStale = 0;
  /** About a link that the topology does not have, or one too many. */
  hintsUnknownLink = 0;
  /** Parts of hints about classes that the configuration does not name. */
  classesUnknown = 0;
  messagesSent = 0;
}
