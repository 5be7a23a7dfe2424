import { type ByteStream, InputBuffer } from '../../io/index.ts';
import { H2_LIMITS } from '../limits.ts';
import { OutputBuffer } from '../protocol/index.ts';

/** All that stand for sources have nothing to read; they share one buffer. */
let noInput: InputBuffer | undefined;

/**
 * Stands as the source of what a connection writes of its own, so that it hears when all of it is out: streams tell that to the one whose bytes they
 * carry.
 */
class Drained implements ByteStream {
  readonly input: InputBuffer;
  owner: ByteStream['owner'] = { onBytes: () => {}, onEnd: () => {}, onClosed: () => {} };
  streaming = false;
  sink: ByteStream | undefined;
  readonly socket = undefined;
  readonly closed = false;
  readonly paused = false;
  readonly unsentBytes = 0;
  readonly flushed = true;
  readonly #tell: () => void;

  constructor(tell: () => void) {
    noInput ??= new InputBuffer();
    this.input = noInput;
    this.#tell = tell;
  }

  pause(): void {}

  resume(): void {
    this.#tell();
  }

  send(): void {}
  relay(): void {}
  sendFor(): void {}
  letGo(): void {}
  end(): void {}
  destroy(): void {}
}

/** Collects what a connection writes, and hands it over in one piece; memory that a write still refers to is never written over. */
export class Http2Output {
  buffer = new OutputBuffer();
  /** Whether a write is pending; nothing but control frames should be added then. */
  blocked = false;
  readonly #stream: ByteStream;
  readonly #drained: Drained;
  readonly #onDrained: () => void;
  /** The buffer that the pending write refers to. */
  #pending: OutputBuffer | undefined;
  #spare: OutputBuffer | undefined;

  constructor(stream: ByteStream, onDrained: () => void) {
    this.#stream = stream;
    this.#onDrained = onDrained;
    this.#drained = new Drained(() => this.#settle());
  }

  /** Hands over what is collected, unless a write is pending. */
  flush(): void {
    const { buffer } = this;
    if (buffer.length === 0 || this.blocked) return;
    this.#stream.sendFor(this.#drained, buffer.bytes.subarray(0, buffer.length));
    if (this.#stream.unsentBytes === 0) {
      buffer.length = 0;
      if (buffer.bytes.length > 2 * H2_LIMITS.flushBytes) this.buffer = new OutputBuffer();
      return;
    }
    this.blocked = true;
    this.#pending = buffer;
    this.buffer = this.#spare ?? new OutputBuffer();
    this.#spare = undefined;
  }

  #settle(): void {
    if (!this.blocked) return;
    this.blocked = false;
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined && pending.bytes.length <= 2 * H2_LIMITS.flushBytes) {
      pending.length = 0;
      this.#spare = pending;
    }
    this.#onDrained();
  }
}
