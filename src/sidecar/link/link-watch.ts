import type net from 'node:net';
import { emptyTcpInfo, tcpInfo } from '../../transport/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import { LINK_LIMITS } from './limits.ts';

/** What is watched. */
export interface Watched {
  readonly socket: net.Socket;
  /** How many streams live. */
  size(): number;
  ping(): void;
  /** Nothing has been going on for long: it is time to leave by agreement. */
  idle(): void;
  /** Nobody leaves by agreement, or nobody is there. */
  giveUp(reason: '' | 'silent'): void;
}

/** Sees to it that a link ends that nobody uses, or whose peer is gone. */
export class LinkWatch {
  readonly #wheel: TimerWheel;
  readonly #watched: Watched;
  readonly #patienceMs: number;
  readonly #look: WheelTimeout;
  readonly #tcpInfo = emptyTcpInfo();
  #heardMs: number;
  #idleSinceMs: number;
  #pingSentMs = -1;
  #segmentsIn = -1;
  #doubted = false;

  /** @param idleTimeoutMs how long a link may be without streams before this side leaves it */
  constructor(wheel: TimerWheel, idleTimeoutMs: number, watched: Watched) {
    this.#wheel = wheel;
    this.#watched = watched;
    this.#patienceMs = idleTimeoutMs;
    this.#heardMs = wheel.nowMs;
    this.#idleSinceMs = wheel.nowMs;
    this.#look = new Timeout((nowMs) => this.#lookAfter(nowMs));
    wheel.set(this.#look, wheel.nowMs + LINK_LIMITS.silentMs);
  }

  /** Bytes came. */
  heard(): void {
    this.#heardMs = this.#wheel.nowMs;
  }

  /** The last stream is over. */
  emptied(): void {
    this.#idleSinceMs = this.#wheel.nowMs;
  }

  /** An answer came. @returns whether it was asked for */
  answered(): boolean {
    const asked = this.#pingSentMs >= 0;
    this.#pingSentMs = -1;
    return asked;
  }

  close(): void {
    this.#wheel.remove(this.#look);
  }

  #lookAfter(nowMs: number): void {
    this.#wheel.set(this.#look, nowMs + LINK_LIMITS.silentMs);
    const watched = this.#watched;
    if (watched.size() === 0) {
      const idleMs = nowMs - this.#idleSinceMs;
      if (idleMs >= this.#patienceMs) watched.idle();
      if (idleMs >= 2 * this.#patienceMs) this.#giveUp('');
    }
    if (this.#pingSentMs >= 0) {
      this.#awaitAnswer(nowMs);
      return;
    }
    if (watched.size() === 0 || nowMs - this.#heardMs < LINK_LIMITS.silentMs) return;
    this.#pingSentMs = nowMs;
    this.#doubted = false;
    this.#segmentsIn = this.#countSegments();
    watched.ping();
  }

  /** Gives the link up when the peer's host is gone. One that is slow, or far away behind much data, still acknowledges segments. */
  #awaitAnswer(nowMs: number): void {
    const waitMs = LINK_LIMITS.answerPingMs * (this.#segmentsIn < 0 ? 3 : 1);
    if (this.#heardMs > this.#pingSentMs || nowMs - this.#pingSentMs < waitMs) return;
    const segments = this.#countSegments();
    if (segments > this.#segmentsIn) {
      this.#segmentsIn = segments;
      this.#pingSentMs = nowMs;
      return;
    }
    if (this.#doubted) {
      this.#giveUp('silent');
      return;
    }
    this.#doubted = true;
    this.#wheel.set(this.#look, nowMs + LINK_LIMITS.doubtMs);
  }

  #giveUp(reason: '' | 'silent'): void {
    this.#wheel.clear(this.#look);
    this.#watched.giveUp(reason);
  }

  /** Segments that came in so far; -1 where that can't be known. */
  #countSegments(): number {
    return tcpInfo(this.#watched.socket, this.#tcpInfo) ? this.#tcpInfo.segmentsIn : -1;
  }
}
