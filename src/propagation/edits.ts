import { CARRIER_HEADER_NAMES, type CarrierHeaderName } from './carriers.ts';
import type { Id } from './id.ts';
import type { HeaderEdits } from './types.ts';

const BITS = new Map<CarrierHeaderName, number>(
  CARRIER_HEADER_NAMES.map((name, index) => [name, 1 << index]),
);

/** The bit of a header in {@link HeaderEdits.drop}. */
export function headerBit(name: CarrierHeaderName): number {
  return BITS.get(name) ?? 0;
}

/** How large the scratch starts; it grows to what one request's headers need, which the codecs' limits bound. */
const SCRATCH_BYTES = 2048;

/** Collects the edits of one request. Lines are written straight into bytes. */
export class EditBuffer {
  readonly edits: HeaderEdits;
  #scratch: Buffer;

  constructor() {
    this.#scratch = Buffer.alloc(SCRATCH_BYTES);
    this.edits = { drop: 0, bytes: this.#scratch, length: 0 };
  }

  clear(): void {
    this.edits.drop = 0;
    this.edits.bytes = this.#scratch;
    this.edits.length = 0;
  }

  /** Notes that all lines of a header go: a bit of {@link headerBit}. */
  drop(bit: number): void {
    this.edits.drop |= bit;
  }

  /** Appends text that consists of whole lines. The characters must be below U+0100 and CR and LF only at the lines' ends. */
  lines(text: string): void {
    this.#reserve(text.length);
    this.edits.length += this.#scratch.write(text, this.edits.length, 'latin1');
  }

  /** Appends a part of a line. Bytes by bytes, because that is faster than a call for so few. */
  part(bytes: Uint8Array, length = bytes.length): void {
    this.#reserve(length);
    const scratch = this.#scratch;
    const at = this.edits.length;
    for (let index = 0; index < length; index += 1) scratch[at + index] = bytes[index] as number;
    this.edits.length = at + length;
  }

  /** Appends an id. */
  id(id: Id): void {
    this.part(id.bytes, id.length);
  }

  /** Appends lines that were formatted before; alone, they are handed out as they are, without a copy. */
  constant(bytes: Buffer): void {
    if (this.edits.length === 0) {
      this.edits.bytes = bytes;
      this.edits.length = bytes.length;
      return;
    }
    this.part(bytes);
  }

  #reserve(more: number): void {
    const needed = this.edits.length + more;
    if (needed <= this.#scratch.length) return;
    const larger = Buffer.alloc(2 * needed);
    larger.set(this.#scratch.subarray(0, this.edits.length));
    this.#scratch = larger;
    this.edits.bytes = larger;
  }
}
