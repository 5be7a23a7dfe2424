/** Longer pieces go out at once: copying them costs more than waking their readers one by one. */
const LARGEST_PIECE_BYTES = 4096;
const ARENA_BYTES = 256 * 1024;

/** Who has a piece waiting. */
export interface BatchMember {
  /** Hands the waiting piece, if it is still there, to the socket. */
  flushPiece(): void;
}

/**
 * Small writes of one turn of the event loop, put off to its end and then made one behind the other. A write wakes its reader: when all
 * writes come together, those who read are awake from the first one on, and the others cost the kernel much less.
 */
class WriteBatch {
  #arena: Buffer | undefined;
  #used = 0;
  #kept = false;
  readonly #members: BatchMember[] = [];

  /** Copies a piece, for `member` to flush at the end of the turn; undefined where it is too long or there is no room. */
  take(member: BatchMember, from: Buffer, start: number, end: number): Buffer | undefined {
    const length = end - start;
    if (length > LARGEST_PIECE_BYTES || this.#used + length > ARENA_BYTES) return undefined;
    this.#arena ??= Buffer.allocUnsafeSlow(ARENA_BYTES);
    from.copy(this.#arena, this.#used, start, end);
    const piece = this.#arena.subarray(this.#used, this.#used + length);
    this.#used += length;
    if (this.#members.length === 0) setImmediate(this.#end);
    this.#members.push(member);
    return piece;
  }

  /** A socket still refers to a piece of this turn: its memory is not used again. */
  keep(): void {
    this.#kept = true;
  }

  readonly #end = (): void => {
    for (let index = 0; index < this.#members.length; index += 1) this.#members[index]?.flushPiece();
    this.#members.length = 0;
    if (this.#kept) this.#arena = undefined;
    this.#kept = false;
    this.#used = 0;
  };
}

/** One for the process: there is one event loop. */
export const writeBatch = new WriteBatch();
