import type { Side } from '../exchange.ts';
import type { RefusalKind } from '../http1/index.ts';
import { tellRefusal } from '../stages/index.ts';
import { type MalformedKind, malformedStatus } from './protocol/index.ts';

/** As what a tap is told of them: the kinds of HTTP/1.1 that mean the same. */
const AS_HTTP1: Readonly<Record<MalformedKind, RefusalKind>> = {
  'field-name': 'field-name',
  'field-value': 'field-value',
  'head-too-large': 'head-too-large',
  'too-many-fields': 'too-many-fields',
  'pseudo-after-field': 'request-line',
  'pseudo-duplicate': 'request-line',
  'pseudo-unknown': 'request-line',
  'pseudo-missing': 'request-line',
  'connection-specific': 'connection-names-framing',
  te: 'connection-names-framing',
  connect: 'connect',
  expectation: 'expectation',
  method: 'request-line',
  path: 'target',
  scheme: 'target',
  status: 'status-line',
  'authority-invalid': 'host-invalid',
  'authority-missing': 'host-missing',
  'authority-mismatch': 'authority-mismatch',
  'host-duplicate': 'host-duplicate',
  'content-length-invalid': 'content-length-invalid',
  'content-length-duplicate': 'content-length-duplicate',
  'content-length-mismatch': 'content-length-invalid',
  trailer: 'trailer',
};

/** The kind of HTTP/1.1 that means the same. */
export function refusalOf(kind: MalformedKind): RefusalKind {
  return AS_HTTP1[kind];
}

/** Counts a refusal, and tells the tap where no stage will. */
export function countRefusal(side: Side, kind: MalformedKind, stagesTell: boolean): void {
  const { refusals } = side.counters;
  refusals.set(kind, (refusals.get(kind) ?? 0) + 1);
  if (!stagesTell && side.tap?.active === true) tellRefusal(side.tap, side, refusalOf(kind));
}

const made = new Map<MalformedKind, Buffer>();

/** The answer to a request that is refused, in HTTP/1 form. */
export function refusalBytes(kind: MalformedKind): Buffer {
  let bytes = made.get(kind);
  if (bytes === undefined) {
    const body = `${JSON.stringify({ error: 'FRAMING_REFUSED', class: 'unknown', message: `the message is refused: ${kind}` })}\n`;
    bytes = Buffer.from(
      `HTTP/1.1 ${malformedStatus(kind)} Refused\r\nx-priomesh-error: FRAMING_REFUSED\r\ncontent-type: application/json\r\n\r\n${body}`,
    );
    made.set(kind, bytes);
  }
  return bytes;
}
