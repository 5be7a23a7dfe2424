/**
 * The frames of a link, version 1 (docs/guides/link.md). Each begins with eight bytes: the length of its payload (16 bits, the most
 * significant byte first), its type, a class, and the number of a stream (32 bits), 0 where it concerns the link itself.
 */
export const FRAME_HEADER_BYTES = 8;

/** The types of frames. */
export const FRAME = {
  /** A stream begins. Only the side that opened the link sends it; numbers ascend by one. */
  open: 1,
  data: 2,
  /** So many more bytes may be sent on a stream (32 bits). */
  credit: 3,
  /** No more data follows from this side. */
  end: 4,
  /** A stream is over at once in both directions; one byte says why. */
  reset: 5,
  /** Eight bytes that come back in `pong`. */
  ping: 6,
  pong: 7,
  /** No streams are opened any more; one byte says why. */
  goAway: 8,
} as const;

/** Bytes that may be sent on a new stream before the first credit comes. */
export const FIRST_CREDIT_BYTES = 65_536;

/** The most credit that a stream may have; more is a violation. */
export const MAX_CREDIT_BYTES = 16_777_216;

/** The largest payload of a data frame, so that a more important class never waits for more than that. */
export const MAX_DATA_BYTES = 32_768;

/** One more than the largest class. */
export const FRAME_CLASSES = 16;

/** Payload bytes by type; -1: from 1 to {@link MAX_DATA_BYTES}. */
const PAYLOAD_BYTES: readonly (number | undefined)[] = [undefined, 0, -1, 4, 0, 1, 8, 8, 1];

/** Why a stream was reset. */
export const RESET = {
  /** As a socket is closed: what was sent is whole, and nothing is read any more. */
  closed: 0,
  /** What was sent is not whole, and must not be taken for it. */
  aborted: 1,
} as const;

/** Why no streams are opened any more. */
export const GO_AWAY = { draining: 0, idle: 1, violation: 2 } as const;

/** What is wrong with what a peer sent. The link is closed with this reason. */
export type LinkFault =
  | 'frame-type'
  | 'frame-length'
  | 'class'
  | 'stream-number'
  | 'direction'
  | 'too-many-streams'
  | 'unknown-stream'
  | 'data-after-end'
  | 'credit-exceeded'
  | 'credit-overflow'
  | 'reset-reason'
  | 'go-away-reason'
  | 'open-after-go-away'
  | 'unasked-pong'
  | 'churn'
  | 'ping-flood';

/** Checks what can be checked of a header by itself. */
export function headerFault(
  type: number,
  length: number,
  classIndex: number,
  stream: number,
): LinkFault | undefined {
  const wanted = PAYLOAD_BYTES[type];
  if (wanted === undefined) return 'frame-type';
  if (wanted >= 0 ? length !== wanted : length < 1 || length > MAX_DATA_BYTES) return 'frame-length';
  if (classIndex >= FRAME_CLASSES) return 'class';
  if (stream === 0 ? type < FRAME.ping : type >= FRAME.ping) return 'stream-number';
  return undefined;
}

/** Writes a header at `at`. */
export function writeHeader(
  into: Buffer,
  at: number,
  type: number,
  length: number,
  classIndex: number,
  stream: number,
): void {
  into[at] = length >>> 8;
  into[at + 1] = length;
  into[at + 2] = type;
  into[at + 3] = classIndex;
  into[at + 4] = stream >>> 24;
  into[at + 5] = stream >>> 16;
  into[at + 6] = stream >>> 8;
  into[at + 7] = stream;
}

/** The 32 bits at `at`. */
export function readNumber(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
