import type { Wire } from '../io/index.ts';
import { FrameCursor } from './frame-cursor.ts';
import { methodOf } from './frame-rules.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import { encodeMethod, FRAME_OVERHEAD, METHOD } from './protocol/index.ts';

/** The end of a conversation with one peer: reads on until it has answered `connection.close`, and drops all else. */
export class Farewell {
  readonly #frame = new FrameCursor();
  /** What the peer sends cannot be told apart into frames any more. */
  #lost = false;

  /** The peer's wire has bytes. */
  onBytes(wire: Wire): void {
    const { input } = wire;
    const frame = this.#frame;
    while (!this.#lost) {
      const found = frame.find(
        input.bytes,
        input.start,
        input.end,
        AMQP_FIXED_LIMITS.frameBytes + FRAME_OVERHEAD,
      );
      if (found === 'incomplete') {
        if (frame.end > 0) input.expect(frame.end - input.start);
        return;
      }
      if (found !== 'frame') {
        this.#lost = true;
        break;
      }
      input.consumeTo(frame.end);
      if (frame.channel !== 0) continue;
      const id = methodOf(frame);
      if (id === METHOD['connection.close']) wire.send(encodeMethod(0, 'connection.close-ok', {}));
      if (id === METHOD['connection.close-ok']) wire.end();
    }
    input.consumeTo(input.end);
  }
}
