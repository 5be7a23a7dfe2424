import type net from 'node:net';
import type { Clock, ScavengerSettings } from '../core/index.ts';
import { descriptorOf } from './descriptor.ts';
import { ffi } from './ffi.ts';
import type { RefusalLog } from './refusals.ts';
import { ScavengerPath } from './scavenger-path.ts';
import { setMaxPacingRate } from './socket-options.ts';

/** What the scavenger of a process does now. */
export interface ScavengerStatistics {
  readonly sockets: number;
  /** Sockets beyond the limit, that are sent unpaced. */
  readonly overLimit: number;
  readonly paths: readonly {
    readonly peer: string;
    readonly active: number;
    readonly rateBps: number;
    readonly baseDelayUs: number;
    readonly queueingDelayUs: number;
  }[];
}

export interface ScavengerOptions {
  readonly clock: Clock;
  readonly refusals: RefusalLog;
  /** Default 4096. */
  readonly maxSockets?: number;
  /** Beyond so many peers, those without a connection are forgotten. Default 1024. */
  readonly maxPaths?: number;
}

/** Some round trips of a local network, and well under a queueing delay that people notice. */
const TICK_MS = 10;

/**
 * Paces registered sockets so that they yield to other traffic: one timer for all (it does not keep the process alive),
 * TCP_INFO as the measurement, SO_MAX_PACING_RATE as the lever. The connections to one peer share one controller.
 */
export class Scavenger {
  readonly #clock: Clock;
  readonly #refusals: RefusalLog;
  readonly #maxSockets: number;
  readonly #maxPaths: number;
  readonly #paths = new Map<string, ScavengerPath>();
  readonly #members = new Map<net.Socket, { readonly path: ScavengerPath; readonly onClose: () => void }>();
  #timer: NodeJS.Timeout | undefined;
  #overLimit = 0;

  constructor(options: ScavengerOptions) {
    this.#clock = options.clock;
    this.#refusals = options.refusals;
    this.#maxSockets = options.maxSockets ?? 4096;
    this.#maxPaths = options.maxPaths ?? 1024;
  }

  /**
   * Begins to pace a socket; ends by itself when the socket closes. `peer` groups sockets that share a path; it is needed
   * where the socket is not connected yet. `networkPath` tells apart the ways to one peer.
   */
  register(
    socket: net.Socket,
    settings: ScavengerSettings,
    peer = socket.remoteAddress ?? '',
    networkPath = 0,
  ): void {
    if (ffi().calls === undefined || socket.destroyed) return;
    // A socket that comes from another path keeps its cap until this one has been measured.
    const moved = this.#leave(socket);
    if (this.#members.size >= this.#maxSockets) {
      this.#overLimit += 1;
      return;
    }
    const path = this.#pathTo(networkPath === 0 ? peer : `${peer} path ${networkPath}`, settings);
    const onClose = (): void => {
      this.#leave(socket);
    };
    this.#members.set(socket, { path, onClose });
    socket.once('close', onClose);
    path.add(socket, moved);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Ends the pacing of a socket and takes its cap away. */
  unregister(socket: net.Socket): void {
    const descriptor = descriptorOf(socket);
    if (this.#leave(socket) && descriptor >= 0) {
      const result = setMaxPacingRate(descriptor, Number.POSITIVE_INFINITY);
      if (result < 0) this.#refusals.record('SO_MAX_PACING_RATE', 'unlimited', result);
    }
  }

  #leave(socket: net.Socket): boolean {
    const member = this.#members.get(socket);
    if (member === undefined) return false;
    socket.off('close', member.onClose);
    this.#members.delete(socket);
    member.path.remove(socket);
    if (this.#members.size === 0) this.#stop();
    return true;
  }

  statistics(): ScavengerStatistics {
    const paths = [...this.#paths.values()].filter((path) => path.size > 0).map((path) => path.statistics());
    return { sockets: this.#members.size, overLimit: this.#overLimit, paths };
  }

  close(): void {
    for (const socket of [...this.#members.keys()]) this.unregister(socket);
    this.#stop();
    this.#paths.clear();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #pathTo(peer: string, settings: ScavengerSettings): ScavengerPath {
    const key = `${peer} ${settings.targetDelayMs} ${settings.minRateBps}`;
    let path = this.#paths.get(key);
    this.#paths.delete(key);
    path ??= new ScavengerPath(peer, settings, this.#refusals);
    if (this.#paths.size >= this.#maxPaths) this.#forgetOldest();
    this.#paths.set(key, path);
    return path;
  }

  #forgetOldest(): void {
    for (const [key, path] of this.#paths) {
      if (path.size > 0) continue;
      this.#paths.delete(key);
      return;
    }
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs();
    for (const path of this.#paths.values()) if (path.size > 0) path.tick(nowMs);
  }
}
