import { EventEmitter } from 'node:events';
import type net from 'node:net';
import type { Wire } from '../../../src/sidecar/io/index.ts';

/** The parts of a socket that a wire uses; what is written stays pending until the test says otherwise. */
export class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  destroyed = false;
  paused = false;
  connecting = false;
  /** Whether the kernel takes what is written at once. */
  taking = true;
  writableLength = 0;
  #callbacks: (() => void)[] = [];

  write(bytes: Buffer, done?: () => void): boolean {
    this.written.push(bytes);
    if (!this.taking) this.writableLength += bytes.length;
    if (done !== undefined) this.#callbacks.push(done);
    return this.taking;
  }

  /** The kernel has taken everything. */
  flush(): void {
    this.writableLength = 0;
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    for (const done of callbacks) done();
  }

  end(): void {
    this.emit('ended');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  destroy(): void {
    this.destroyed = true;
  }

  resetAndDestroy(): void {
    this.destroyed = true;
  }

  asSocket(): net.Socket {
    return this as unknown as net.Socket;
  }
}

/** Lets bytes arrive on a wire, as node:net does it; returns how many were taken before the wire stopped reading. */
export function arrive(wire: Wire, socket: FakeSocket, bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length && !socket.paused) {
    const { input } = wire;
    const count = bytes.copy(input.view, 0, at);
    at += count;
    if (wire.onread.callback(count, input.view) === false) socket.paused = true;
    const { buffer } = wire.onread;
    if (typeof buffer === 'function') buffer();
  }
  return at;
}
