import { H2_LIMITS } from '../limits.ts';
import {
  beginHeaders,
  DEFAULT_FRAME_BYTES,
  endHeaders,
  type HpackEncoder,
  markEndStream,
  writeData,
} from '../protocol/index.ts';
import type { Http2Output } from './output.ts';
import type { PeerSettings } from './peer-settings.ts';
import type { Http2Stream } from './stream.ts';

/** Gives a stream that is about to be written for the first time its number; 0: it can't be written on this connection. */
export type Numbering = (stream: Http2Stream) => number;

/** Which streams have something to write, by class: the most important class goes first, and the streams of a class take turns, a frame each. */
export class StreamScheduler {
  numbering: Numbering = (stream) => stream.id;
  /** Called when a stream has ended its direction. */
  ended: (stream: Http2Stream) => void = () => {};
  readonly #output: Http2Output;
  readonly #encoder: HpackEncoder;
  readonly #peer: PeerSettings;
  readonly #byRank: Http2Stream[][] = [];
  readonly #again: Http2Stream[] = [];
  #listed = 0;
  #dataFrames = 0;
  /** Counts what was handed over, so that a frame is known to be still here. */
  #turn = 0;

  constructor(output: Http2Output, encoder: HpackEncoder, peer: PeerSettings) {
    this.#output = output;
    this.#encoder = encoder;
    this.#peer = peer;
  }

  add(stream: Http2Stream): void {
    if (stream.listed) return;
    const rank = Math.max(stream.rank, 0);
    while (this.#byRank.length <= rank) this.#byRank.push([]);
    stream.listed = true;
    this.#listed += 1;
    this.#byRank[rank]?.push(stream);
  }

  /** Whether another {@link fill} would write something. */
  canGoOn(connectionWindow: number): boolean {
    return this.#listed > 0 && connectionWindow > 0;
  }

  /**
   * Writes a piece of a body past the turns, where nobody waits for one: so it is copied once only.
   * @returns how many bytes of it were written
   */
  writePast(
    stream: Http2Stream,
    connectionWindow: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): number {
    const { buffer } = this.#output;
    if (this.#listed > 0 || this.#output.blocked || buffer.length >= H2_LIMITS.flushBytes) return 0;
    if (stream.closed || stream.headPending || stream.localEnded || stream.id === 0) return 0;
    const count = Math.min(end - start, stream.sendWindow, connectionWindow, DEFAULT_FRAME_BYTES);
    if (count <= 0) return 0;
    stream.pastTurn = this.#turn;
    stream.pastAt = buffer.length;
    writeData(buffer, stream.id, bytes, start, start + count, false);
    this.#dataFrames += 1;
    stream.sendWindow -= count;
    return count;
  }

  /** How many DATA frames were written since this was asked last. */
  takeDataFrames(): number {
    const count = this.#dataFrames;
    this.#dataFrames = 0;
    return count;
  }

  /** Writes what may be written, up to what one flush holds. @returns what is left of the connection's window */
  fill(connectionWindow: number): number {
    const window = this.#listed === 0 ? connectionWindow : this.#fill(connectionWindow);
    this.#turn += 1;
    return window;
  }

  #fill(connectionWindow: number): number {
    let window = connectionWindow;
    const { buffer } = this.#output;
    for (const list of this.#byRank) {
      if (list.length === 0) continue;
      let kept = 0;
      for (let index = 0; index < list.length; index += 1) {
        const stream = list[index] as Http2Stream;
        if (buffer.length >= H2_LIMITS.flushBytes) {
          list[kept] = stream;
          kept += 1;
          continue;
        }
        const before = stream.sendWindow;
        const more = this.#write(stream, window);
        window -= before - stream.sendWindow;
        if (more) {
          this.#again.push(stream);
        } else {
          stream.listed = false;
          this.#listed -= 1;
        }
      }
      list.length = kept;
      // Who had a turn goes behind those that had none.
      for (const stream of this.#again) list.push(stream);
      this.#again.length = 0;
    }
    return window;
  }

  /** Writes what one stream has, a frame of DATA at most. @returns whether it has more that its own window permits */
  #write(stream: Http2Stream, connectionWindow: number): boolean {
    if (stream.closed) return false;
    const { buffer } = this.#output;
    const { user } = stream;
    const { body } = user;
    if (stream.headPending) {
      stream.headPending = false;
      const id = this.numbering(stream);
      if (id === 0) return false;
      const at = beginHeaders(buffer);
      this.#encoder.begin(buffer);
      user.writeHead(this.#encoder, buffer);
      const ends = body.ended && body.length === 0 && !body.trailers;
      endHeaders(buffer, at, id, ends, this.#peer.maxFrameBytes);
      if (ends) {
        this.#end(stream);
        return false;
      }
    }
    if (stream.localEnded || stream.id === 0) return false;
    if (body.length > 0) {
      const permitted = Math.min(stream.sendWindow, connectionWindow, DEFAULT_FRAME_BYTES);
      const count = Math.min(body.length, permitted);
      if (count <= 0) return stream.sendWindow > 0;
      const ends = count === body.length && body.ended && !body.trailers;
      stream.pastTurn = -1;
      writeData(buffer, stream.id, body.bytes, body.start, body.start + count, ends);
      this.#dataFrames += 1;
      stream.sendWindow -= count;
      body.take(count);
      if (ends) {
        this.#end(stream);
        return false;
      }
      if (body.length > 0) return stream.sendWindow > 0;
    }
    if (body.ended) this.#writeEnd(stream);
    return false;
  }

  #writeEnd(stream: Http2Stream): void {
    const { buffer } = this.#output;
    const { user } = stream;
    if (user.body.trailers) {
      const at = beginHeaders(buffer);
      this.#encoder.begin(buffer);
      user.writeTrailers(this.#encoder, buffer);
      endHeaders(buffer, at, stream.id, true, this.#peer.maxFrameBytes);
    } else if (stream.pastTurn === this.#turn) {
      // Its last frame is still here, and nothing of the stream stands behind it.
      markEndStream(buffer, stream.pastAt);
    } else {
      writeData(buffer, stream.id, user.body.bytes, 0, 0, true);
    }
    this.#end(stream);
  }

  #end(stream: Http2Stream): void {
    stream.localEnded = true;
    this.ended(stream);
  }
}
