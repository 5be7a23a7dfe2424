import type { AnswerCode } from '../http1/index.ts';
import type { FieldBlock } from './protocol/index.ts';

/** Status codes of gRPC that the sidecar gives (grpc.io/grpc/core/md_doc_statuscodes.html). */
export const GRPC = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Answers of the sidecar's own whose status of HTTP says too little: what clients of gRPC retry or not hangs on the difference. */
const BY_CODE: Partial<Record<AnswerCode, number>> = {
  QUEUE_DEADLINE: GRPC.RESOURCE_EXHAUSTED,
  QUEUE_SHED: GRPC.RESOURCE_EXHAUSTED,
  QUEUE_FULL: GRPC.RESOURCE_EXHAUSTED,
  QUEUE_OVERLOAD: GRPC.RESOURCE_EXHAUSTED,
  POOL_FULL: GRPC.RESOURCE_EXHAUSTED,
  UPSTREAM_MALFORMED: GRPC.INTERNAL,
  REQUEST_TIMEOUT: GRPC.DEADLINE_EXCEEDED,
  BODY_TIMEOUT: GRPC.DEADLINE_EXCEEDED,
  CALLER_DEADLINE: GRPC.DEADLINE_EXCEEDED,
  DEADLINE_EXCEEDED: GRPC.DEADLINE_EXCEEDED,
  TRY_TIMEOUT: GRPC.DEADLINE_EXCEEDED,
  NO_ROUTE: GRPC.UNIMPLEMENTED,
};

/** The status of gRPC for one of HTTP, as gRPC's clients map it themselves (http-grpc-status-mapping.md), but for 429. */
function byStatus(status: number): number {
  switch (status) {
    case 200:
      return GRPC.OK;
    case 401:
      return GRPC.UNAUTHENTICATED;
    case 403:
      return GRPC.PERMISSION_DENIED;
    case 404:
      return GRPC.UNIMPLEMENTED;
    case 429:
      return GRPC.RESOURCE_EXHAUSTED;
    case 502:
    case 503:
    case 504:
      return GRPC.UNAVAILABLE;
    default:
      return status >= 400 && status < 500 ? GRPC.INTERNAL : GRPC.UNKNOWN;
  }
}

/** The status of gRPC for an answer of the sidecar's own. */
export function grpcStatusOf(code: string, status: number): number {
  return BY_CODE[code as AnswerCode] ?? byStatus(status);
}

/** Percent-encodes what a `grpc-message` may not hold as it is. */
export function grpcMessage(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

const MAX_DIGITS = 8;
const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The time that a field `grpc-timeout` gives, in ms; -1 when it is malformed: at most eight digits and a unit (PROTOCOL-HTTP2.md). */
export function grpcTimeoutMs(block: FieldBlock, index: number): number {
  const text = block.text(index);
  const digits = text.slice(0, -1);
  const unit = UNITS_MS[text.slice(-1)];
  if (unit === undefined || digits.length === 0 || digits.length > MAX_DIGITS || /\D/.test(digits)) return -1;
  return Number(digits) * unit;
}

const MOST = 99_999_999;

/** The value of `grpc-timeout` for so much time. */
export function grpcTimeout(ms: number): string {
  const left = Math.max(1, Math.floor(ms));
  return left <= MOST ? `${left}m` : `${Math.min(MOST, Math.floor(left / 1000))}S`;
}

/** The number in `grpc-status`, or -1. */
export function grpcStatusIn(block: FieldBlock, index: number): number {
  if (index < 0) return -1;
  const text = block.text(index);
  return /^\d{1,2}$/.test(text) ? Number(text) : -1;
}
