import { ChunkedBody, type ChunkLimits } from './chunked-body.ts';
import type { BodyFraming, BodyKind } from './framing.ts';

/** Follows one message body to its end, whatever its framing. Reused from message to message. */
export class BodyReader {
  readonly #chunked: ChunkedBody;
  #kind: BodyKind = 'none';
  #remaining = 0;
  #chunkedDone = true;

  constructor(limits: ChunkLimits) {
    this.#chunked = new ChunkedBody(limits);
  }

  /** Starts on a message. */
  begin(framing: BodyFraming): void {
    this.#kind = framing.kind;
    this.#remaining = framing.kind === 'length' ? framing.contentLength : 0;
    if (framing.kind === 'chunked') this.#chunked.reset();
    this.#chunkedDone = framing.kind !== 'chunked';
  }

  get kind(): BodyKind {
    return this.#kind;
  }

  /** Whether the whole body has been seen. A body until close is done only by {@link close}. */
  get done(): boolean {
    return this.#kind !== 'until-close' && this.#remaining === 0 && this.#chunkedDone;
  }

  /**
   * Reads on from `start`.
   * @returns the absolute offset behind what belongs to this body, or a negative refusal
   */
  consume(
    bytes: Uint8Array,
    start: number,
    end: number,
    onData?: (start: number, end: number) => void,
  ): number {
    switch (this.#kind) {
      case 'none':
        return start;
      case 'length': {
        const taken = Math.min(this.#remaining, end - start);
        this.#remaining -= taken;
        return start + taken;
      }
      case 'until-close':
        return end;
      case 'chunked': {
        const position = this.#chunked.consume(bytes, start, end, onData);
        this.#chunkedDone = this.#chunked.done;
        return position;
      }
    }
  }

  /** The sender ended its stream. @returns whether the body is complete by that */
  close(): boolean {
    if (this.#kind === 'until-close') {
      this.#kind = 'none';
      return true;
    }
    return this.done;
  }
}
