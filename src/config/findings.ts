import { type ErrorCode, formatPlace, type Place, PriomeshError } from '../core/index.ts';

/** Something that is wrong in a configuration file: what, where, and what to do about it. */
export interface Finding {
  readonly code: ErrorCode;
  readonly place: Place;
  readonly message: string;
  readonly fix: string;
}

/** The most findings that an error spells out; the rest is counted. */
const SHOWN = 50;

/** The cause of an error of this folder: keeps what was found, for programs. */
class Findings extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(`${findings.length} findings`);
    this.findings = findings;
  }
}

function byPlace(a: Finding, b: Finding): number {
  return a.place.line - b.place.line || a.place.column - b.place.column;
}

/** Turns findings (at least one) into the one error that names them all, in the order of the file. */
export function errorOf(findings: readonly [Finding, ...Finding[]]): PriomeshError {
  const sorted = findings.toSorted(byPlace);
  const first = sorted[0] ?? findings[0];
  const cause = new Findings(sorted);
  if (sorted.length === 1) {
    return new PriomeshError(first.code, first.message, { place: first.place, fix: first.fix, cause });
  }
  const lines = sorted
    .slice(0, SHOWN)
    .map((one) => `  ${formatPlace(one.place)}: ${one.code}: ${one.message}\n    fix: ${one.fix}`);
  const rest = sorted.length > SHOWN ? `\n  and ${sorted.length - SHOWN} more` : '';
  return new PriomeshError(first.code, `${sorted.length} faults:\n${lines.join('\n')}${rest}`, {
    place: first.place,
    fix: 'Correct each place that is named.',
    cause,
  });
}

/** What was found wrong in a file, from the error that a loader of this folder threw; empty for any other error. */
export function findingsOf(error: unknown): readonly Finding[] {
  return error instanceof PriomeshError && error.cause instanceof Findings ? error.cause.findings : [];
}
