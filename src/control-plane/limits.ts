/** Bounds and times of the control plane that nobody has had to choose yet. */
export const PLANE_LIMITS = {
  /** A sidecar that takes in nothing for this long is cut off; it may come again. */
  stalledMs: 10_000,
  /** Changes of the registry are gathered for this long, and longer with many sidecars: when a thousand come, each is told of many at once. */
  gatherMs: 50,
  gatherMsPerSidecar: 0.2,
  /** How often graces, keep-alives and stalled sidecars are looked at. */
  tickMs: 100,
  /** Who is about to go waits for so long at most until all have been told. */
  drainToldMs: 1000,
  instanceCharacters: 64,
} as const;
