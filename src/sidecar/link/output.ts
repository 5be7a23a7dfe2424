import type net from 'node:net';
import type { LinkCounters } from './counters.ts';
import { FRAME, FRAME_CLASSES, FRAME_HEADER_BYTES, writeHeader } from './frames.ts';
import { LINK_LIMITS } from './limits.ts';

const CHUNK_BYTES = 65_536;
/** Chunks that are kept for the next turn, for all links of the process. */
const KEPT_CHUNKS = 16;
const NOTHING = Buffer.alloc(0);
/** Frames about streams' credit and the link itself, and those that open streams, leave before all classes. */
const CONTROL_LANE = 0;

const spare: Buffer[] = [];

function takeChunk(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

function giveBack(chunks: Buffer[]): void {
  for (const chunk of chunks) if (spare.length < KEPT_CHUNKS) spare.push(chunk);
  chunks.length = 0;
}

/** What one class has to send: full chunks and one that is being filled. */
class Lane {
  readonly full: Buffer[] = [];
  open: Buffer | undefined;
  used = 0;

  /** The chunk that has room, and how much. */
  room(): number {
    if (this.open !== undefined) {
      if (this.used < CHUNK_BYTES) return CHUNK_BYTES - this.used;
      this.full.push(this.open);
    }
    this.open = takeChunk();
    this.used = 0;
    return CHUNK_BYTES;
  }

  append(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const count = Math.min(end - at, this.room());
      bytes.copy(this.open as Buffer, this.used, at, at + count);
      this.used += count;
      at += count;
    }
  }
}

/**
 * What a link has to send. Frames of one turn of the event loop are collected, by class, and leave in one write, the important classes
 * first. Memory in which frames were collected is used again, but never while a write that refers to it is pending.
 */
export class LinkOutput {
  readonly #socket: net.Socket;
  readonly #counters: LinkCounters;
  readonly #lanes: (Lane | undefined)[] = new Array<Lane | undefined>(FRAME_CLASSES + 1).fill(undefined);
  readonly #drained: () => void;
  readonly #scratch = Buffer.allocUnsafe(FRAME_HEADER_BYTES + 8);
  readonly #inFlight: Buffer[] = [];
  readonly #onImmediate = (): void => this.#turnOver();
  #pendingBytes = 0;
  #scheduled = false;
  #writing = false;
  #closed = false;
  /** Counts the writes: frames of one stream must stay in one lane between two of them. */
  turn = 0;

  /** @param drained called when a write that was pending is done and more can be taken */
  constructor(socket: net.Socket, counters: LinkCounters, drained: () => void) {
    this.#socket = socket;
    this.#counters = counters;
    this.#drained = drained;
  }

  /** Whether more data can be taken. Where much has been collected, it is written first. */
  get hasRoom(): boolean {
    if (this.#pendingBytes < LINK_LIMITS.pendingBytes) return true;
    if (this.#writing) return false;
    this.flush();
    return !this.#writing;
  }

  /** Queues a data frame; the bytes are copied. */
  data(classIndex: number, stream: number, bytes: Buffer, start: number, end: number): void {
    const lane = this.#lane(classIndex + 1);
    const length = end - start;
    const room = lane.room();
    if (room >= FRAME_HEADER_BYTES + length) {
      const into = lane.open as Buffer;
      writeHeader(into, lane.used, FRAME.data, length, classIndex, stream);
      bytes.copy(into, lane.used + FRAME_HEADER_BYTES, start, end);
      lane.used += FRAME_HEADER_BYTES + length;
    } else {
      writeHeader(this.#scratch, 0, FRAME.data, length, classIndex, stream);
      lane.append(this.#scratch, 0, FRAME_HEADER_BYTES);
      lane.append(bytes, start, end);
    }
    this.#queued(FRAME_HEADER_BYTES + length);
  }

  /** Queues a frame that has to keep its place among the data of its class. */
  inClass(classIndex: number, type: number, stream: number, payload: Buffer = NOTHING): void {
    this.#frame(classIndex + 1, type, classIndex, stream, payload);
  }

  /** Queues a frame in front of all data. */
  control(type: number, classIndex: number, stream: number, payload: Buffer = NOTHING): void {
    this.#frame(CONTROL_LANE, type, classIndex, stream, payload);
  }

  /** Writes what has been collected, unless a write is pending: then it follows that. */
  flush(): void {
    if (this.#writing || this.#pendingBytes === 0 || this.#closed) return;
    const socket = this.#socket;
    this.turn += 1;
    this.#counters.writes += 1;
    this.#counters.writtenBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
    const views = this.#gather();
    const first = views[0] as Buffer;
    if (views.length === 1) {
      socket.write(first);
    } else {
      socket.cork();
      for (const view of views) socket.write(view);
      socket.uncork();
    }
    if (socket.writableLength === 0) {
      giveBack(this.#inFlight);
      return;
    }
    this.#writing = true;
    this.#mark();
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true;
  }

  #lane(index: number): Lane {
    let lane = this.#lanes[index];
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes[index] = lane;
    }
    return lane;
  }

  #frame(laneIndex: number, type: number, classIndex: number, stream: number, payload: Buffer): void {
    const scratch = this.#scratch;
    writeHeader(scratch, 0, type, payload.length, classIndex, stream);
    payload.copy(scratch, FRAME_HEADER_BYTES);
    this.#lane(laneIndex).append(scratch, 0, FRAME_HEADER_BYTES + payload.length);
    this.#queued(FRAME_HEADER_BYTES + payload.length);
  }

  #queued(count: number): void {
    this.#pendingBytes += count;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Behind all that this turn of the event loop reads: so all of its frames share a write.
    setImmediate(this.#onImmediate);
  }

  #turnOver(): void {
    this.#scheduled = false;
    this.flush();
  }

  #gather(): Buffer[] {
    const views: Buffer[] = [];
    const inFlight = this.#inFlight;
    for (const lane of this.#lanes) {
      if (lane?.open === undefined) continue;
      for (const chunk of lane.full) {
        views.push(chunk);
        inFlight.push(chunk);
      }
      lane.full.length = 0;
      if (lane.used > 0) views.push(lane.open.subarray(0, lane.used));
      inFlight.push(lane.open);
      lane.open = undefined;
      lane.used = 0;
    }
    return views;
  }

  /** An empty write stands behind the pending ones; its callback says that they are done. */
  #mark(): void {
    const socket = this.#socket;
    socket.write(NOTHING, (error) => {
      if (error || socket.destroyed || this.#closed) return;
      if (socket.writableLength > 0) {
        this.#mark();
        return;
      }
      giveBack(this.#inFlight);
      this.#writing = false;
      this.flush();
      this.#drained();
    });
  }
}
