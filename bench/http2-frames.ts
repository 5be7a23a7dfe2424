/** What every HTTP/2 connection begins with (RFC 9113, section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Types of frames (RFC 9113, section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

/** Flags of HEADERS and DATA. */
export const endStream = 0x1;
export const endHeaders = 0x4;

const HEADER_BYTES = 9;

/** What stands in front of each frame. */
export interface FrameHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

/** The nine bytes in front of a frame's payload. */
export function frameHeader(length: number, type: number, flags: number, stream: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

/** The frame that begins at `at`, when all of it is there. */
export function readFrameHeader(bytes: Buffer, at: number): FrameHeader | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined;
  const length = bytes.readUIntBE(at, 3);
  if (bytes.length - at - HEADER_BYTES < length) return undefined;
  return {
    length,
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
  };
}

/** Positions in HPACK's static table (RFC 7541, appendix A). */
const STATIC_NAMES: Readonly<Record<string, number>> = { ':authority': 1, ':path': 4, 'content-type': 31 };
const STATIC_FIELDS: Readonly<Record<string, number>> = {
  ':method GET': 2,
  ':method POST': 3,
  ':scheme http': 6,
  ':status 200': 8,
};

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length > 126) throw new RangeError('a field of more than 126 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Fields encoded without the dynamic table and without Huffman codes, so that every request is the same bytes. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    fields.map(([name, value]) => {
      const whole = STATIC_FIELDS[`${name} ${value}`];
      if (whole !== undefined) return Buffer.from([0x80 | whole]);
      const known = STATIC_NAMES[name];
      if (known === undefined) return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
      // Literal without indexing: a four-bit prefix, which holds positions up to 14.
      const position = known < 15 ? Buffer.from([known]) : Buffer.from([0x0f, known - 15]);
      return Buffer.concat([position, text(value)]);
    }),
  );
}
