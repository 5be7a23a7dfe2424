import net from 'node:net';
import { type Clock, listenAtPath } from '../../core/index.ts';
import type { TapMessage, TapMove, TapPoint, TapRequest } from './events.ts';
import { TAP_LIMITS } from './limits.ts';
import { messageLine, moveLine, requestLine, TAP_FORMAT, type TapLine } from './lines.ts';
import { ListenerStream } from './listener-stream.ts';

/** What a tap is opened with. */
export interface TapOptions {
  /** Path of the Unix socket. */
  readonly socket: string;
  readonly service: string;
  /** In order of rank, as the policy has them. */
  readonly classNames: readonly string[];
  readonly clock: Clock;
}

/** What a tap has done; a sidecar that somebody listened to had a little more to do. All but `listeners` only grow. */
export interface TapStatistics {
  readonly listeners: number;
  readonly listenersAccepted: number;
  readonly events: number;
  /** Events that one of the listeners was too slow for. */
  readonly dropped: number;
}

/** A tap that somebody may listen to. */
export interface Tap extends TapPoint {
  statistics(): TapStatistics;
  /** The policy has other classes from now on. @returns where requests of that policy are told of */
  forClasses(classNames: readonly string[]): TapPoint;
  /** Lets listeners take what waits for them, for a while; closes them, and removes the socket file. Safe to call twice. */
  close(): Promise<void>;
}

/** Serves the stream: JSON lines on a Unix socket, to several at once. What listeners send is read and dropped. */
export class TapServer implements Tap {
  readonly #options: TapOptions;
  readonly #server: net.Server;
  readonly #listeners = new Set<ListenerStream>();
  #classNames: readonly string[];
  #active = false;
  #flushing = false;
  #listenersAccepted = 0;
  #events = 0;
  #dropped = 0;
  #closing: Promise<void> | undefined;

  /** Listens. @throws PriomeshError LISTEN_FAILED */
  static async open(options: TapOptions): Promise<TapServer> {
    const tap = new TapServer(options);
    await listenAtPath(tap.#server, options.socket, 'tap');
    // Accepting can fail for want of descriptors; the sidecar goes on without that listener.
    tap.#server.on('error', () => undefined);
    return tap;
  }

  private constructor(options: TapOptions) {
    this.#options = options;
    this.#classNames = options.classNames;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  get active(): boolean {
    return this.#active;
  }

  request(event: TapRequest): void {
    this.#request(this.#classNames, event);
  }

  message(event: TapMessage): void {
    if (this.#active) this.#tell(messageLine(this.#told(), this.#classNames[event.classIndex], event));
  }

  move(event: TapMove): void {
    if (this.#active) this.#tell(moveLine(this.#told(), this.#classNames[event.classIndex], event));
  }

  forClasses(classNames: readonly string[]): TapPoint {
    this.#classNames = classNames;
    const tap = this;
    return {
      get active() {
        return tap.#active;
      },
      request: (event) => tap.#request(classNames, event),
      message: (event) => tap.message(event),
      move: (event) => tap.move(event),
    };
  }

  #request(classNames: readonly string[], event: TapRequest): void {
    if (this.#active) this.#tell(requestLine(this.#told(), classNames[event.classIndex], event));
  }

  statistics(): TapStatistics {
    return {
      listeners: this.#listeners.size,
      listenersAccepted: this.#listenersAccepted,
      events: this.#events,
      dropped: this.#dropped,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #told() {
    const { clock, service } = this.#options;
    return { timeMs: clock.wallMs(), service };
  }

  #text(line: TapLine): string {
    return `${JSON.stringify(line)}\n`;
  }

  #accept(socket: net.Socket): void {
    socket.on('error', () => undefined);
    socket.resume();
    if (this.#listeners.size >= TAP_LIMITS.listeners) {
      const { listeners } = TAP_LIMITS;
      socket.end(this.#text({ event: 'full', ...this.#told(), limit: listeners }), () => socket.destroy());
      return;
    }
    const stream = new ListenerStream(socket, (count) =>
      this.#text({ event: 'dropped', ...this.#told(), count }),
    );
    socket.on('close', () => {
      this.#listeners.delete(stream);
      this.#active = this.#listeners.size > 0;
    });
    const classes = [...this.#classNames];
    stream.offer(this.#text({ event: 'hello', ...this.#told(), format: TAP_FORMAT, classes }));
    stream.flush();
    this.#listeners.add(stream);
    this.#listenersAccepted += 1;
    this.#active = true;
  }

  /** Lines of one turn of the event loop go out in one write. */
  #tell(line: TapLine): void {
    const text = this.#text(line);
    this.#events += 1;
    for (const listener of this.#listeners) if (!listener.offer(text)) this.#dropped += 1;
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      for (const listener of this.#listeners) listener.flush();
    });
  }

  async #close(): Promise<void> {
    this.#active = false;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const listener of this.#listeners) listener.end();
    const enough = new AbortController();
    const late = this.#options.clock.sleep(TAP_LIMITS.closeMs, enough.signal).then(
      () => {
        for (const listener of this.#listeners) listener.destroy();
      },
      () => undefined,
    );
    await closed;
    enough.abort();
    await late;
  }
}
