import type net from 'node:net';
import { TAP_LIMITS } from './limits.ts';

/** One listener and what waits for it. Bounded: what does not fit is counted, and the count is told before the next event. */
export class ListenerStream {
  readonly #socket: net.Socket;
  readonly #droppedLine: (count: number) => string;
  #lines: string[] = [];
  #characters = 0;
  #dropped = 0;

  constructor(socket: net.Socket, droppedLine: (count: number) => string) {
    this.#socket = socket;
    this.#droppedLine = droppedLine;
    socket.on('drain', () => this.#tellDropped());
  }

  /** Takes a line for the next flush, or counts it as dropped. @returns whether it was taken */
  offer(line: string): boolean {
    const waiting = this.#characters + this.#socket.writableLength + line.length;
    if (waiting > TAP_LIMITS.waitingCharacters) {
      this.#dropped += 1;
      return false;
    }
    if (this.#dropped > 0) this.#addDropped();
    this.#add(line);
    return true;
  }

  /** Writes what waits, in one piece. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join('');
    this.#lines = [];
    this.#characters = 0;
    this.#socket.write(text);
  }

  /** Writes all that is to be said and ends the stream. */
  end(): void {
    this.#tellDropped();
    this.flush();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
  }

  #addDropped(): void {
    this.#add(this.#droppedLine(this.#dropped));
    this.#dropped = 0;
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#addDropped();
    this.flush();
  }
}
