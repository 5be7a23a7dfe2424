/**
 * The headers that carry a class or help to find it, in lower case. The position in this list is the number in {@link CARRIER} and the
 * bit of {@link HeaderEdits.drop}.
 */
export const CARRIER_HEADER_NAMES = [
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-request-id',
  'priority',
] as const;

/** A header that carries a class or helps to find it. */
export type CarrierHeaderName = (typeof CARRIER_HEADER_NAMES)[number];

/** The number of a carrier. */
export const CARRIER = Object.fromEntries(
  CARRIER_HEADER_NAMES.map((name, index) => [name, index]),
) as Readonly<Record<CarrierHeaderName, number>>;

const COUNT = CARRIER_HEADER_NAMES.length;
const NO_BYTES = Buffer.alloc(0);
const BEYOND_LATIN1 = /[^\0-\xff]/g;

/**
 * The carrier headers of one request, by the numbers of {@link CARRIER}: where their values stand, so that none is copied to be read. Lines
 * of the same name are joined by `,` (RFC 9110 section 5.3); a header that may stand only once then fails to parse, as it should.
 * One object serves request after request.
 */
export class CarrierHeaders {
  /** Bit n set: carrier n is there. */
  present = 0;
  readonly #bytes: Buffer[] = new Array<Buffer>(COUNT).fill(NO_BYTES);
  readonly #starts = new Int32Array(COUNT);
  readonly #ends = new Int32Array(COUNT);
  /** What was given as text, as it was given. */
  readonly #texts: (string | undefined)[] = new Array<string | undefined>(COUNT).fill(undefined);

  has(carrier: number): boolean {
    return (this.present & (1 << carrier)) !== 0;
  }

  /** The memory in which a carrier stands, from {@link start} to {@link end}. Beyond these it is not to be looked at. */
  bytes(carrier: number): Buffer {
    return this.#bytes[carrier] as Buffer;
  }

  start(carrier: number): number {
    return this.#starts[carrier] as number;
  }

  end(carrier: number): number {
    return this.#ends[carrier] as number;
  }

  /** The value as a string of Latin-1; undefined when the carrier is not there. */
  text(carrier: number): string | undefined {
    if (!this.has(carrier)) return undefined;
    return (
      this.#texts[carrier] ??
      this.bytes(carrier).toString('latin1', this.#starts[carrier], this.#ends[carrier])
    );
  }

  /** Takes a line, whose value must stay where it is while this object is read. */
  add(carrier: number, bytes: Buffer, start: number, end: number): void {
    if (this.has(carrier)) {
      this.setText(carrier, `${this.text(carrier)},${bytes.toString('latin1', start, end)}`);
      return;
    }
    this.present |= 1 << carrier;
    this.#bytes[carrier] = bytes;
    this.#starts[carrier] = start;
    this.#ends[carrier] = end;
  }

  /** Puts a text in place of what is there; undefined takes the carrier away. */
  setText(carrier: number, text: string | undefined): void {
    this.present &= ~(1 << carrier);
    this.#texts[carrier] = undefined;
    if (text === undefined) return;
    // No carrier may hold a NUL: as bytes, a text that is none of Latin-1 is good for nothing.
    const bytes = Buffer.from(text.replace(BEYOND_LATIN1, '\0'), 'latin1');
    this.add(carrier, bytes, 0, bytes.length);
    this.#texts[carrier] = text;
  }

  /** Empties it for the next request. */
  clear(): void {
    for (let left = this.present; left !== 0; left &= left - 1) {
      const carrier = 31 - Math.clz32(left & -left);
      this.#texts[carrier] = undefined;
      this.#bytes[carrier] = NO_BYTES;
    }
    this.present = 0;
  }
}
