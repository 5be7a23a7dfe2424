/**
 * Every reason for which a message's framing is refused. The verdicts stand, one for one, in docs/reference/framing.md.
 * The number of a kind is its position here, counted from 1; the parsers report it as a negative number.
 */
const REFUSAL_KINDS = [
  'request-line',
  'version',
  'target',
  'status-line',
  'bare-lf',
  'bare-cr',
  'field-name',
  'field-value',
  'obs-fold',
  'head-too-large',
  'too-many-fields',
  'host-missing',
  'host-duplicate',
  'host-invalid',
  'authority-mismatch',
  'content-length-invalid',
  'content-length-duplicate',
  'transfer-encoding-unsupported',
  'transfer-encoding-with-length',
  'transfer-encoding-version',
  'connection-names-framing',
  'expectation',
  'upgrade',
  'connect',
  'chunk-size',
  'chunk-extension',
  'chunk-end',
  'trailer',
  'body-not-allowed',
] as const;

/** Why a message was refused. */
export type RefusalKind = (typeof REFUSAL_KINDS)[number];

/** The head or body is not complete yet: no verdict. */
export const INCOMPLETE = 0;

/** The negative number by which the parsers report a kind. */
export const REFUSED = Object.fromEntries(
  REFUSAL_KINDS.map((kind, index) => [kind, -(index + 1)]),
) as Readonly<Record<RefusalKind, number>>;

/** The kind behind a parser's negative result. */
export function refusalKind(code: number): RefusalKind {
  return REFUSAL_KINDS[-code - 1] ?? 'request-line';
}

/** The status with which a refused request is answered. */
export function refusalStatus(kind: RefusalKind): number {
  switch (kind) {
    case 'head-too-large':
    case 'too-many-fields':
      return 431;
    case 'version':
      return 505;
    case 'expectation':
      return 417;
    case 'upgrade':
    case 'connect':
      return 501;
    default:
      return 400;
  }
}
