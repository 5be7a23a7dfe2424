import { InputBuffer } from '../io/index.ts';

/** Free bytes in front of what is kept. */
const HEADROOM_BYTES = 256;
const LEAST_BYTES = 1024;
/** A buffer of this size stays with an idle stream. */
const KEPT_BYTES = 2048;
const NOTHING = Buffer.alloc(0);

/** What the input of a stream needs of its link. */
export interface Lender {
  /** The reader has taken so many more bytes. */
  returned(count: number): void;
  /** A write refers to bytes that were lent: the link's own next read goes elsewhere. */
  pinLent(): void;
  /** Whether bytes in front of what is lent may be written over. */
  lentIsPinned(): boolean;
}

/**
 * What a stream of a link has received. Bytes that just came are lent from the link's own input, so that a reader that takes them at once
 * costs no copy; only what it leaves is copied, into memory of the stream's own, which an idle stream has little or nothing of.
 */
export class StreamInput extends InputBuffer {
  readonly #lender: Lender;
  readonly #returnAt: number;
  #own: Buffer = NOTHING;
  #ownPinned = false;
  #lent = false;
  /** Bytes received for which no credit has been given back. */
  #owed = 0;

  /** @param returnAt so many bytes have to be taken before credit goes back */
  constructor(lender: Lender, returnAt: number) {
    super(NOTHING);
    this.#lender = lender;
    this.#returnAt = returnAt;
    this.start = 0;
    this.end = 0;
  }

  /** Shows bytes of the link's input; {@link keep} has to follow before the link goes on. */
  lend(bytes: Buffer, start: number, end: number): void {
    this.#owed += end - start;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#lent = true;
  }

  /** Copies what the reader has left of lent bytes. */
  keep(): void {
    if (!this.#lent) return;
    if (this.start === this.end) {
      this.#lent = false;
      this.bytes = this.#own;
      this.start = 0;
      this.end = 0;
    } else {
      this.#bringHome(HEADROOM_BYTES, 0);
    }
  }

  /** Adds bytes behind what is kept. */
  append(bytes: Buffer, start: number, end: number): void {
    const count = end - start;
    this.#owed += count;
    if (this.start === this.end || this.bytes.length - this.end < count)
      this.#bringHome(HEADROOM_BYTES, count);
    bytes.copy(this.bytes, this.end, start, end);
    this.end += count;
  }

  override consumeTo(position: number): void {
    this.start = position;
    if (position === this.end && this.#ownPinned && !this.#lent) {
      // From here on the memory belongs to the write that is pending.
      this.#own = NOTHING;
      this.bytes = NOTHING;
      this.#ownPinned = false;
    }
    const taken = this.#owed - (this.end - position);
    if (taken < this.#returnAt) return;
    this.#owed -= taken;
    this.#lender.returned(taken);
  }

  override pin(): void {
    if (this.#lent) this.#lender.pinLent();
    else this.#ownPinned = true;
  }

  override unpin(): void {
    this.#ownPinned = false;
  }

  override reserveInFront(count: number): void {
    const pinned = this.#lent ? this.#lender.lentIsPinned() : this.#ownPinned;
    if (pinned || this.start < count) this.#bringHome(HEADROOM_BYTES + count, 0);
  }

  /** The peer sends no more than there is room for. */
  override get hasRoom(): boolean {
    return true;
  }

  override expect(_count: number): void {
    // Memory is made as the bytes come.
  }

  override shrink(): void {
    if (this.#lent || this.start !== this.end || this.#own.length <= KEPT_BYTES) return;
    this.#own = NOTHING;
    this.#ownPinned = false;
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  /** Brings what is unconsumed into memory of our own, with `front` free bytes before and `room` behind it. */
  #bringHome(front: number, room: number): void {
    const kept = this.end - this.start;
    const wanted = front + kept + room;
    const from = this.bytes;
    const { start, end } = this;
    if (this.#ownPinned || this.#own.length < wanted) {
      // A pending write keeps the old memory alive for as long as it needs it.
      let size = LEAST_BYTES;
      while (size < wanted) size *= 2;
      this.#own = Buffer.allocUnsafeSlow(size);
      this.#ownPinned = false;
    }
    // The same memory may be source and target: copy() moves as memmove does.
    if (kept > 0) from.copy(this.#own, front, start, end);
    this.#lent = false;
    this.bytes = this.#own;
    this.start = front;
    this.end = front + kept;
  }
}
