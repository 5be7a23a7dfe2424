import type { PathTable } from './node-paths.ts';
import type { Registration, ServiceAddress } from './registry.ts';

/** Where the messages of one stream go. */
export interface Sink {
  /** Sends one message. `written` is called once, when there is room for the next. */
  write(message: Uint8Array, written: () => void): void;
  /** Ends the stream with a reason. */
  end(why: string): void;
}

/** Who follows: the host, and the endpoint that is registered for as long as it does. */
export interface Follower {
  readonly node: string;
  readonly address: ServiceAddress | undefined;
  /** What stands for the endpoint. */
  readonly registration?: Registration;
}

/**
 * One sidecar that follows. It holds no messages: only what has been told, so that whatever is new when there is room is made then, from what
 * is known then. So a slow one costs no memory, and gets the newest hint of a link and not the twenty before it.
 */
export class Watcher {
  readonly follower: Follower;
  readonly sink: Sink;
  /** Undefined before the snapshot. */
  toldPaths: PathTable | undefined;
  toldRegistry = 0;
  toldHints = 0;
  /** A message is on its way. */
  writing = false;
  /** When the last message was handed over. */
  wroteMs = 0;

  constructor(follower: Follower, sink: Sink) {
    this.follower = follower;
    this.sink = sink;
  }
}
