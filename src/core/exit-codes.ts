/**
 * Every exit status that a `priomesh` command can end with. Scripts may rely on them.
 */
export const EXIT_CODES = {
  /** It did what was asked. */
  ok: 0,
  /** A fault of priomesh itself; the message asks for a report. */
  internal: 1,
  /** The command line is wrong: an unknown verb, flag or value. */
  usage: 2,
  /** A file that a person wrote (policy, experiment, graph, sidecar configuration) is wrong. */
  configuration: 3,
  /** This machine lacks something that the command needs; the message names it and how to get it. */
  platform: 4,
  /** The laboratory could not be set up, or broke during the run. */
  lab: 5,
  /** The run ended, but its audit says that it proves nothing. */
  untrusted: 6,
  /** The run ended, and an SLO or an expectation that the experiment states does not hold. */
  expectation: 7,
  /** Interrupted by SIGINT (128 + 2), as shells report it. */
  interrupted: 130,
  /** Ended by SIGTERM (128 + 15). */
  terminated: 143,
} as const;

/** The name of an exit status in {@link EXIT_CODES}. */
export type ExitName = keyof typeof EXIT_CODES;
