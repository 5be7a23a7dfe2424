import type { ExitName } from './exit-codes.ts';

/** What a code means: the exit status it leads to, one sentence of meaning, and the usual remedy. */
export interface ErrorEntry {
  readonly exit: ExitName;
  readonly meaning: string;
  readonly remedy: string;
}

function entry(exit: ExitName, meaning: string, remedy: string): ErrorEntry {
  return { exit, meaning, remedy };
}

/**
 * Every error code of priomesh. The error reference in `docs/reference/errors.md` is generated from this table.
 * A code is never reused for another meaning.
 */
export const ERROR_CODES = {
  INTERNAL: entry(
    'internal',
    'Something happened that the code holds for impossible.',
    'Report it with the message.',
  ),
  USAGE: entry('usage', 'The command line is wrong.', 'See `priomesh VERB --help`.'),
  ABORTED: entry('interrupted', 'The work was cancelled.', 'Start it again; a run resumes where it stopped.'),

  CONFIG_NOT_FOUND: entry(
    'configuration',
    'A file that is named does not exist or cannot be read.',
    'Correct the path.',
  ),
  CONFIG_TOO_LARGE: entry(
    'configuration',
    'A configuration file is larger than the limit.',
    'Split it or remove what it does not need.',
  ),
  CONFIG_SYNTAX: entry(
    'configuration',
    'The file is not well-formed YAML or JSON.',
    'Correct the place that is named.',
  ),
  CONFIG_UNKNOWN_KEY: entry(
    'configuration',
    'A key that the schema does not know.',
    'Use the key that is suggested, or remove it.',
  ),
  CONFIG_INVALID: entry(
    'configuration',
    'A value that the schema does not allow.',
    'Use a value of the form that is named.',
  ),
  CONFIG_CONFLICT: entry(
    'configuration',
    'Two places of the configuration contradict each other.',
    'Change one of the two places that are named.',
  ),
  CONFIG_FIXED: entry(
    'configuration',
    'A key was changed that a running sidecar cannot change; it goes on with the configuration that it has.',
    'Put the key back, or start the sidecar again.',
  ),

  PLATFORM_MISSING: entry(
    'platform',
    'This machine lacks a capability that the command needs.',
    'Install or enable it as the message says, or leave the layer out.',
  ),
  PLATFORM_FORBIDDEN: entry(
    'platform',
    'This machine has the capability but forbids it to this user.',
    'Run with sudo, or allow it as the message says.',
  ),

  FRAMING_REFUSED: entry(
    'internal',
    'An HTTP message that two parsers could read differently was refused.',
    'Correct the sender.',
  ),
  SOCKET_OPTION: entry(
    'platform',
    'The kernel refused a socket option.',
    'Run `priomesh doctor`; it names what this user may set.',
  ),
  COMMAND_FAILED: entry(
    'lab',
    'A system command ended with an error.',
    'Read the output of the command in the message.',
  ),
  READBACK_MISMATCH: entry(
    'lab',
    'What the kernel reports is not what was planned.',
    'Look for another program that changes the same interface.',
  ),
  QDISC_PRESENT: entry(
    'lab',
    'An interface already has a root queueing discipline that priomesh cannot put back.',
    'Remove it, or name another interface.',
  ),

  LISTEN_FAILED: entry(
    'platform',
    'An address could not be listened on: it is taken, or not one of this machine, or not allowed to this user.',
    'End the program that listens there, or name another address.',
  ),
  FILE_FAILED: entry(
    'platform',
    'The file system refused something: no space, no permission, a name too long.',
    'Make room or name another place, and start the command again.',
  ),
  TAP_FAILED: entry(
    'platform',
    'A tap could not be listened to: nobody serves it, it is none, or as many as may listen do so already.',
    'Give the sidecar `tap: { socket: PATH }`, and start it.',
  ),
  NO_RUN: entry(
    'usage',
    'No run is in progress where one was looked for.',
    'Start one with `priomesh run`, or name its results folder.',
  ),
  LAB_FAILED: entry(
    'lab',
    'The laboratory could not be built or broke.',
    'Read the log that the message names; run `priomesh doctor`.',
  ),
  LAB_PROCESS_DIED: entry(
    'lab',
    'A process of the experiment ended before its time.',
    'Read the log that the message names.',
  ),
  NORTHBOUND_FAILED: entry(
    'lab',
    'An SDN controller did not answer, or answered something that it should not.',
    'See whether the controller runs and listens where the configuration says.',
  ),
  RESULTS_EXIST: entry(
    'usage',
    'The results folder already holds another run.',
    'Name another folder with --out, or resume that run.',
  ),
  RESULTS_INVALID: entry(
    'configuration',
    'A results folder is incomplete or was changed.',
    'Run the experiment again.',
  ),
  RUN_UNTRUSTED: entry(
    'untrusted',
    'Too many trials failed the audit; the run proves nothing.',
    'Give the machine rest, or a lower load, and run again.',
  ),
  EXPECTATION_FAILED: entry(
    'expectation',
    'A figure is outside the range that the experiment states.',
    'Read the notebook; it says which layer did what.',
  ),
} as const satisfies Record<string, ErrorEntry>;

/** A stable, documented name of a kind of error. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** A place in a file that a person wrote. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What an error is made of, beside its code and message. */
export interface ErrorDetails {
  /** Where in a configuration file the cause stands. */
  readonly place?: Place;
  /** What to do about it, in one sentence. Without it the code's general remedy is printed. */
  readonly fix?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** Writes a place as editors and compilers do: `file:line:column`. */
export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

/** The one error type of priomesh: a code, the cause in words, the place and the fix. */
export class PriomeshError extends Error {
  override readonly name = 'PriomeshError';
  readonly code: ErrorCode;
  readonly place: Place | undefined;
  readonly fix: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.fix = details.fix ?? ERROR_CODES[code].remedy;
  }

  /** The exit status that a command ends with on this error. */
  get exit(): ExitName {
    return ERROR_CODES[this.code].exit;
  }

  /** The error as a person reads it: place, code, cause and fix, on two lines. */
  format(): string {
    const where = this.place === undefined ? '' : `${formatPlace(this.place)}: `;
    return `${where}${this.code}: ${this.message}\n  fix: ${this.fix}`;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Turns the abort of a signal into the error that a cancelled operation rejects with. */
export function abortError(signal: AbortSignal): PriomeshError {
  return new PriomeshError('ABORTED', 'cancelled', { cause: signal.reason });
}
