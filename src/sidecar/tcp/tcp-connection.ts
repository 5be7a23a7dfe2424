import { applyProfile, type ConnectionProfile, type Transport } from '../../transport/index.ts';
import type { LiveSide } from '../exchange.ts';
import type { AnswerCode } from '../http1/index.ts';
import { type ByteStream, Timeout, type Timeout as WheelTimeout } from '../io/index.ts';
import type { Accepted, ServedConnection } from '../protocol.ts';
import { readClientHello } from './client-hello.ts';
import type { PortRoutes } from './port-routes.ts';
import { allowHalfClose, type TcpCaller, TcpExchange } from './tcp-exchange.ts';

/** An accepted connection of a protocol that the sidecar does not read. */
export class TcpConnection implements TcpCaller, ServedConnection {
  readonly wire: ByteStream;
  readonly address: string;
  profiles: readonly ConnectionProfile[] | undefined;
  readonly #live: LiveSide;
  readonly #routes: PortRoutes;
  readonly #exchange: TcpExchange;
  readonly #timeout: WheelTimeout;
  readonly #gone: () => void;
  #begun = false;
  #draining = false;
  #closed = false;

  constructor({ stream, live, address, profiles, gone }: Accepted, routes: PortRoutes) {
    this.wire = stream;
    this.address = address;
    this.profiles = profiles;
    this.#live = live;
    this.#routes = routes;
    this.#gone = gone;
    this.#exchange = new TcpExchange(live.current, this);
    this.#timeout = new Timeout((nowMs) => this.#look(nowMs));
  }

  get lastClassIndex(): number {
    return this.#exchange.classIndex;
  }

  get draining(): boolean {
    return this.#draining;
  }

  carry(_classIndex: number, profile: ConnectionProfile, transport: Transport): void {
    if (this.wire.socket !== undefined) applyProfile(this.wire.socket, profile, transport);
  }

  start(): void {
    this.wire.streaming = true;
    allowHalfClose(this.wire);
    if (!this.#routes.needsName) this.#begin('');
    else this.#wait(this.#live.current.limits.headTimeoutMs);
  }

  turnAway(code: AnswerCode): void {
    this.#live.current.counters.answered(code);
    this.wire.destroy(true);
  }

  /** A connection has no requests to wait between: it may go on until it ends, or the drain timeout does. */
  drain(): void {
    this.#draining = true;
    if (!this.#begun) this.wire.destroy();
  }

  destroy(): void {
    this.wire.destroy(true);
  }

  onBytes(): void {
    if (this.#begun) {
      this.#exchange.onCallerBytes();
      return;
    }
    const { input } = this.wire;
    if (input.length === 0) return;
    const hello = readClientHello(input.bytes, input.start, input.end);
    if (hello.kind === 'more' && input.hasRoom) return;
    this.#begin(hello.kind === 'hello' ? hello.name : '');
  }

  onEnd(): void {
    if (!this.#begun) this.wire.destroy();
    else this.#exchange.callerEnded();
  }

  onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#live.current.wheel.remove(this.#timeout);
    this.#exchange.callerGone();
    this.#gone();
  }

  #begin(name: string): void {
    this.#begun = true;
    const side = this.#live.current;
    side.wheel.remove(this.#timeout);
    this.#wait(side.limits.tcpIdleTimeoutMs);
    this.#exchange.begin(side, this.#routes.of(name), name);
  }

  #wait(ms: number): void {
    const { wheel } = this.#live.current;
    wheel.set(this.#timeout, wheel.nowMs + ms);
  }

  #look(nowMs: number): void {
    const { limits, counters } = this.#live.current;
    if (!this.#begun) {
      counters.hit('headTimeoutMs');
      this.wire.destroy();
      return;
    }
    const leftMs = limits.tcpIdleTimeoutMs - (nowMs - this.#exchange.lastProgressMs);
    if (leftMs > 0) {
      this.#wait(leftMs);
      return;
    }
    counters.hit('idleTimeoutMs');
    this.#exchange.breakOff('REQUEST_TIMEOUT');
  }
}
