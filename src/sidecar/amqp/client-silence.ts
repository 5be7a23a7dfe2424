import type { ConnectionFacts } from './handshake.ts';
import type { Outbox } from './outbox.ts';
import { heartbeatFrame } from './protocol/index.ts';

/** After so much of the heartbeat interval without a frame the client gets one. */
const SHARE = 0.5;
const MS_PER_S = 1000;

/**
 * The broker's traffic stands for its heartbeats, and some of it ends at the proxy. So that the client never takes a broker that speaks
 * for dead (AMQP 0-9-1 section 4.2.7), it gets a heartbeat where it would have got nothing else.
 */
export class ClientSilence {
  readonly #facts: ConnectionFacts;
  readonly #toClient: Outbox;
  #sinceMs: number;
  #sentBytes = 0;

  constructor(facts: ConnectionFacts, toClient: Outbox, nowMs: number) {
    this.#facts = facts;
    this.#toClient = toClient;
    this.#sinceMs = nowMs;
  }

  /** The broker, or the clock, has given cause to do something: looks whether anything came of it for the client. */
  note(nowMs: number): void {
    const toClient = this.#toClient;
    const { heartbeatS, open } = this.#facts;
    if (toClient.sentBytes === this.#sentBytes) {
      if (!open || heartbeatS === 0 || nowMs - this.#sinceMs < heartbeatS * MS_PER_S * SHARE) return;
      toClient.push(heartbeatFrame);
      toClient.flush();
    }
    this.#sentBytes = toClient.sentBytes;
    this.#sinceMs = nowMs;
  }
}
