/** Bounds of the tap. */
export const TAP_LIMITS = {
  /** How many listen to one sidecar at once; more are told so and closed. */
  listeners: 8,
  /** Characters that wait for one listener; events beyond are dropped, counted and told. */
  waitingCharacters: 1024 * 1024,
  /** How long a listener is given at the end to take what waits for it. */
  closeMs: 500,
  /** How long a reader waits for the first line. */
  helloMs: 3000,
  /** Characters of one line that a reader takes. */
  lineCharacters: 65_536,
} as const;
