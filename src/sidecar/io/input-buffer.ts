/** How large an input buffer is at first, and after a read that filled it. */
const SMALL_READ_BYTES = 16 * 1024;
const LARGE_READ_BYTES = 64 * 1024;

/** Free bytes in front of what is read, so that header lines can be inserted without moving the body. */
const HEADROOM_BYTES = 2048;

/** Less room than this at the end of a buffer is not worth a read. */
const LEAST_ROOM_BYTES = 512;

/** So much has to be free in front of what is kept before a read goes there. */
const LEAST_FRONT_BYTES = 4096;

/**
 * The memory that one socket reads into: `bytes[start..end)` has been read and not yet been consumed.
 *
 * The one rule that keeps data whole: bytes that a pending write still refers to are never written over. Whoever hands a
 * range to a socket whose write does not finish at once calls {@link pin}; until {@link unpin} nothing in front of `end` is
 * reused, and new bytes go behind it or into new memory.
 */
export class InputBuffer {
  /** What has been read; the allocation changes over time. */
  bytes: Buffer;
  start = HEADROOM_BYTES;
  end = HEADROOM_BYTES;
  /** Where the kernel's next read goes, and the allocation and offset that it is a part of. */
  #view: Buffer;
  #viewBytes: Buffer;
  #viewStart = HEADROOM_BYTES;
  /** The view behind the headroom of `bytes`, kept so that the usual case makes no new one. */
  #whole: Buffer;
  #pinned = false;
  #readBytes = SMALL_READ_BYTES;
  #filled = false;

  /** @param bytes memory to begin with; a subclass that keeps its own memory gives none */
  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(HEADROOM_BYTES + SMALL_READ_BYTES)) {
    this.bytes = bytes;
    this.#viewBytes = this.bytes;
    this.#whole = this.bytes.subarray(HEADROOM_BYTES);
    this.#view = this.#whole;
  }

  /** The view that the next read goes into. */
  get view(): Buffer {
    return this.#view;
  }

  /** How much has been read and not been consumed. */
  get length(): number {
    return this.end - this.start;
  }

  /** A write that refers to bytes of the present allocation is pending. */
  pin(): void {
    this.#pinned = true;
  }

  /** No write that refers to bytes of this buffer is pending any more. */
  unpin(): void {
    this.#pinned = false;
  }

  /** Takes note that `count` bytes were read into {@link view}. */
  received(count: number): void {
    this.#filled = count === this.#view.length;
    if (this.#viewBytes === this.bytes && (this.start === this.end || this.#viewStart === this.end)) {
      if (this.start === this.end) this.start = this.#viewStart;
      this.end = this.#viewStart + count;
      return;
    }
    // The view is elsewhere, because memory was exchanged or was short behind `end`: what came in there is brought over.
    if (this.bytes.length - this.end < count) this.#move(HEADROOM_BYTES, count);
    this.#view.copy(this.bytes, this.end, 0, count);
    this.end += count;
  }

  /** Marks bytes up to `position` as consumed. */
  consumeTo(position: number): void {
    this.start = position;
  }

  /**
   * Decides where the next read goes; to be called when the socket asks, which is after each read.
   * @param growing whether a message body is streaming: then a buffer that one read filled grows
   */
  nextView(growing: boolean): Buffer {
    if (growing && this.#filled) this.#readBytes = LARGE_READ_BYTES;
    if (this.start === this.end) return this.#emptyView();
    const room = this.bytes.length - this.end;
    if (room >= LEAST_ROOM_BYTES) return this.#setView(this.bytes, this.end, this.bytes.subarray(this.end));
    // A small message that is kept until it is answered stands at the end, and all in front of it is free again.
    const front = this.start - HEADROOM_BYTES;
    if (!this.#pinned && front - HEADROOM_BYTES >= LEAST_FRONT_BYTES) {
      return this.#setView(this.bytes, HEADROOM_BYTES, this.bytes.subarray(HEADROOM_BYTES, front));
    }
    const next = Buffer.allocUnsafeSlow(this.#readBytes);
    return this.#setView(next, 0, next);
  }

  #emptyView(): Buffer {
    const wanted = HEADROOM_BYTES + this.#readBytes;
    if (this.#pinned || this.bytes.length < wanted) {
      // A pending write keeps the old memory alive for as long as it needs it.
      this.#adopt(Buffer.allocUnsafeSlow(wanted));
    }
    this.start = HEADROOM_BYTES;
    this.end = HEADROOM_BYTES;
    if (this.#view === this.#whole) return this.#view;
    return this.#setView(this.bytes, HEADROOM_BYTES, this.#whole);
  }

  #adopt(bytes: Buffer): void {
    this.bytes = bytes;
    this.#whole = bytes.subarray(HEADROOM_BYTES);
    this.#pinned = false;
  }

  #setView(bytes: Buffer, start: number, view: Buffer): Buffer {
    this.#viewBytes = bytes;
    this.#viewStart = start;
    this.#view = view;
    return view;
  }

  /** Whether a read can go behind what is unconsumed; while it is not so, reading should pause. */
  get hasRoom(): boolean {
    return this.start === this.end || this.bytes.length - this.end >= LEAST_ROOM_BYTES;
  }

  /** Gives back, with the next view, the memory that a large body made the buffer grow to. */
  shrink(): void {
    if (this.#readBytes === SMALL_READ_BYTES) return;
    this.#readBytes = SMALL_READ_BYTES;
    this.#filled = false;
    if (this.start === this.end) {
      this.#adopt(Buffer.allocUnsafeSlow(HEADROOM_BYTES + SMALL_READ_BYTES));
      this.start = HEADROOM_BYTES;
      this.end = HEADROOM_BYTES;
    }
  }

  /**
   * Makes sure that `count` bytes in front of `start` may be written over, moving what is unconsumed to new memory when
   * they are too few or a pending write may refer to them.
   */
  reserveInFront(count: number): void {
    if (!this.#pinned && this.start - count >= this.#freeFrom()) return;
    this.#move(HEADROOM_BYTES + count, SMALL_READ_BYTES);
  }

  /** Makes room for a message of `count` bytes that has begun at `start`, so that the rest of it is read in behind what is there. */
  expect(count: number): void {
    const missing = this.start + count - this.bytes.length;
    if (missing > 0) this.#move(HEADROOM_BYTES, Math.max(LEAST_ROOM_BYTES, count - (this.end - this.start)));
  }

  /** From where on the bytes in front of `start` are free: the kernel may be reading into what is before. */
  #freeFrom(): number {
    const viewInFront = this.#viewBytes === this.bytes && this.#viewStart < this.start;
    return viewInFront && this.#view !== this.#whole ? this.#viewStart + this.#view.length : 0;
  }

  #move(from: number, room: number): void {
    const kept = this.end - this.start;
    const next = Buffer.allocUnsafeSlow(from + kept + room);
    this.bytes.copy(next, from, this.start, this.end);
    this.#adopt(next);
    this.start = from;
    this.end = from + kept;
  }
}
