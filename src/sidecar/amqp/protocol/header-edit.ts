import { ContentHeader, HEADERS_FLAG, PRIORITY_FLAG } from './content-header.ts';
import { FRAME, FRAME_END, FRAME_OVERHEAD, writeFrameHead } from './frames.ts';
import { entryBound, entryEnd, hasName, writeEntry } from './table-bytes.ts';

/** What to change in a content header. What is absent stays. */
export interface ContentHeaderEdits {
  /** 0 to 255; larger is more important. */
  readonly priority?: number;
  /** Message headers that are replaced or added: texts become S, integers l. */
  readonly headers?: Readonly<Record<string, string | number>>;
  /** Names of message headers that are taken away. */
  readonly removeHeaders?: readonly string[];
}

const NONE: readonly string[] = [];
const FLAGS_AT = 12;

function among(bytes: Buffer, at: number, names: readonly string[]): boolean {
  for (const name of names) {
    if (hasName(bytes, at, name)) return true;
  }
  return false;
}

/** Copies the entries whose names are not among those; hands back the position after them. Neighbours are copied at once. */
function copyOthers(
  header: ContentHeader,
  target: Buffer,
  start: number,
  replaced: readonly string[],
  removed: readonly string[],
): number {
  const { bytes, headersEnd } = header;
  let written = start;
  let from = header.headersStart + 4;
  for (let at = from; at < headersEnd; ) {
    const next = entryEnd(bytes, at);
    if (among(bytes, at, replaced) || among(bytes, at, removed)) {
      written += bytes.copy(target, written, from, at);
      from = next;
    }
    at = next;
  }
  return from < headersEnd ? written + bytes.copy(target, written, from, headersEnd) : written;
}

/** Writes the edited payload into `target` from `at`; hands back the position after it. */
function splice(
  header: ContentHeader,
  edits: ContentHeaderEdits,
  added: readonly string[],
  target: Buffer,
  at: number,
): number {
  const { bytes, headersStart, headersEnd, priorityStart } = header;
  const { headers, removeHeaders = NONE, priority } = edits;
  let flags = header.flags;
  let written = at + bytes.copy(target, at, header.start, headersStart);

  const hasTable = headersEnd > headersStart;
  if (added.length === 0 && (removeHeaders.length === 0 || !hasTable)) {
    written += bytes.copy(target, written, headersStart, headersEnd);
  } else {
    const tableAt = written;
    written += 4;
    if (hasTable) written = copyOthers(header, target, written, added, removeHeaders);
    // `added` is the list of the keys of `headers`.
    for (const name of added) written = writeEntry(target, written, name, headers?.[name] as string | number);
    target.writeUInt32BE(written - tableAt - 4, tableAt);
    flags |= HEADERS_FLAG;
  }

  written += bytes.copy(target, written, headersEnd, priorityStart);
  let rest = priorityStart;
  if (priority !== undefined) {
    written = target.writeUInt8(priority, written);
    if ((flags & PRIORITY_FLAG) !== 0) rest += 1;
    flags |= PRIORITY_FLAG;
  }
  written += bytes.copy(target, written, rest, header.end);
  target.writeUInt16BE(flags, at + FLAGS_AT);
  return written;
}

/** The edited payload with bytes left free before and after it. */
function edited(header: ContentHeader, edits: ContentHeaderEdits, before: number, after: number): Buffer {
  const { headers } = edits;
  const added = headers === undefined ? NONE : Object.keys(headers);
  let bound = before + (header.end - header.start) + after + 4 + 1;
  for (const name of added) bound += entryBound(name, headers?.[name] as string | number);
  const target = Buffer.allocUnsafe(bound);
  return target.subarray(0, splice(header, edits, added, target, before) + after);
}

/**
 * The payload of a content header with edits. All else is byte for byte as it was: other properties, and other message headers in their
 * order; headers that are replaced or added come last. A message header that stands several times is replaced or taken away wholly.
 *
 * @throws AmqpFault what `ContentHeader.read` throws; `internal` for a header name of more than 255 bytes or a number that is no exact
 * integer. RangeError for a priority outside 0 to 255.
 */
export function editContentHeader(
  bytes: Buffer,
  payloadStart: number,
  payloadEnd: number,
  edits: ContentHeaderEdits,
): Buffer {
  return edited(ContentHeader.read(bytes, payloadStart, payloadEnd), edits, 0, 0);
}

/** A whole content header frame with edits of a header that was read already: one copy and no second check. See `editContentHeader`. */
export function editedHeaderFrame(header: ContentHeader, channel: number, edits: ContentHeaderEdits): Buffer {
  const frame = edited(header, edits, FRAME_OVERHEAD - 1, 1);
  writeFrameHead(frame, 0, FRAME.header, channel, frame.length - FRAME_OVERHEAD);
  frame[frame.length - 1] = FRAME_END;
  return frame;
}
