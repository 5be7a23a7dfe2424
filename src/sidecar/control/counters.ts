/** What has happened on the stream to the control plane since the sidecar started. */
export class ControlCounters {
  attempts = 0;
  /** Streams that brought a snapshot. */
  streams = 0;
  losses = 0;
  messages = 0;
  hints = 0;
  /** Hints that were not well-formed or out of range. */
  hintsDropped = 0;
  /** Tables of paths that were not sound, and endpoints. */
  otherDropped = 0;
}
