/**
 * Every reason for which the fields of a message are refused. The verdicts stand, one for one, in docs/reference/framing.md. The number of a kind is
 * its position here, counted from 1; the readers report it as a negative number.
 */
const MALFORMED_KINDS = [
  'field-name',
  'field-value',
  'head-too-large',
  'too-many-fields',
  'pseudo-after-field',
  'pseudo-duplicate',
  'pseudo-unknown',
  'pseudo-missing',
  'connection-specific',
  'te',
  'connect',
  'expectation',
  'method',
  'path',
  'scheme',
  'status',
  'authority-invalid',
  'authority-missing',
  'authority-mismatch',
  'host-duplicate',
  'content-length-invalid',
  'content-length-duplicate',
  'content-length-mismatch',
  'trailer',
] as const;

/** Why the fields of a message were refused. */
export type MalformedKind = (typeof MALFORMED_KINDS)[number];

/** The negative number by which the readers report a kind. */
export const MALFORMED = Object.fromEntries(
  MALFORMED_KINDS.map((kind, index) => [kind, -(index + 1)]),
) as Readonly<Record<MalformedKind, number>>;

/** The kind behind a reader's negative result. */
export function malformedKind(code: number): MalformedKind {
  return MALFORMED_KINDS[-code - 1] ?? 'field-name';
}

/** The status with which a request is refused. */
export function malformedStatus(kind: MalformedKind): number {
  switch (kind) {
    case 'head-too-large':
    case 'too-many-fields':
      return 431;
    case 'expectation':
      return 417;
    case 'connect':
      return 501;
    default:
      return 400;
  }
}
