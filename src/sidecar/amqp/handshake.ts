import type { Policy } from '../../core/index.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import { AmqpFault, decodeMethod, encodeMethod, METHOD, methodIdAt, plainOf } from './protocol/index.ts';

/** The client property by which a client names the class of all that it publishes. */
export const CLASS_PROPERTY = 'priomesh-class';

/** Channel numbers have 16 bits. */
const MOST_CHANNELS = 65_535;

/** What the two ends agree on when a connection begins. Read by everybody, written by {@link Handshake}. */
export class ConnectionFacts {
  /** The class that the client names; -1 for none. */
  classIndex = -1;
  virtualHost = '';
  /** The largest frame that the two ends have agreed on; before that, the largest that is taken. */
  frameMaxBytes: number = AMQP_FIXED_LIMITS.firstFrameBytes;
  /** The client's channels are 1 to this one. */
  channelMax = MOST_CHANNELS;
  /** The channel that the proxy keeps for itself; 0 when there was none to be had. */
  ownChannel = 0;
  /** Seconds; 0 when there are no heartbeats. */
  heartbeatS = 0;
  /** Whether the virtual host is open, that is, whether channels may be. */
  open = false;
}

/** Sends a frame in place of one that is left out. */
type Replace = (frame: Buffer) => void;

/**
 * Follows the methods of class `connection`. All pass, but for two: the client is offered one channel less, and the broker is told
 * of one more, so that one is the proxy's own. Credentials pass through and are kept nowhere.
 */
export class Handshake {
  readonly facts = new ConnectionFacts();
  readonly #classes: ReadonlyMap<string, number>;
  /** The channels that the client was offered, where one less than the broker offers; else 0. */
  #offered = 0;

  constructor(policy: Policy) {
    this.#classes = new Map(policy.classes.map(({ name }, index) => [name, index]));
  }

  /** @throws AmqpFault `syntax` */
  fromClient(frame: FrameCursor, replace: Replace): Verdict {
    const { facts } = this;
    switch (methodIdAt(frame.bytes, frame.payloadStart, frame.payloadEnd)) {
      case METHOD['connection.start-ok']:
        this.#readClient(frame);
        return VERDICT.pass;
      case METHOD['connection.tune-ok']:
        return this.#tuneOk(frame, replace);
      case METHOD['connection.open']: {
        const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
        if (method.name === 'connection.open') facts.virtualHost = method.args.virtualHost;
        return VERDICT.pass;
      }
      default:
        return VERDICT.pass;
    }
  }

  fromBroker(frame: FrameCursor, replace: Replace): Verdict {
    switch (methodIdAt(frame.bytes, frame.payloadStart, frame.payloadEnd)) {
      case METHOD['connection.tune']:
        return this.#tune(frame, replace);
      case METHOD['connection.open-ok']:
        this.facts.open = true;
        return VERDICT.pass;
      default:
        return VERDICT.pass;
    }
  }

  #readClient(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'connection.start-ok') return;
    const named = plainOf(method.args.clientProperties)[CLASS_PROPERTY];
    if (typeof named === 'string') this.facts.classIndex = this.#classes.get(named) ?? -1;
  }

  #tune(frame: FrameCursor, replace: Replace): Verdict {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'connection.tune') return VERDICT.pass;
    const { channelMax, frameMax, heartbeat } = method.args;
    const most = channelMax === 0 ? MOST_CHANNELS : channelMax;
    this.#offered = most > 1 ? most - 1 : 0;
    const { frameBytes } = AMQP_FIXED_LIMITS;
    replace(
      encodeMethod(0, 'connection.tune', {
        channelMax: this.#offered === 0 ? channelMax : this.#offered,
        frameMax: frameMax === 0 || frameMax > frameBytes ? frameBytes : frameMax,
        heartbeat,
      }),
    );
    return VERDICT.drop;
  }

  #tuneOk(frame: FrameCursor, replace: Replace): Verdict {
    const { facts } = this;
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'connection.tune-ok') return VERDICT.pass;
    const { channelMax, frameMax, heartbeat } = method.args;
    if (frameMax > AMQP_FIXED_LIMITS.frameBytes) {
      throw new AmqpFault('not-allowed', `frames of ${frameMax} bytes were not offered`);
    }
    facts.frameMaxBytes = frameMax === 0 ? AMQP_FIXED_LIMITS.frameBytes : frameMax;
    facts.heartbeatS = heartbeat;
    // More than was offered, or no limit: the broker's to judge.
    if (channelMax === 0 || channelMax > this.#offered) return VERDICT.pass;
    facts.channelMax = channelMax;
    facts.ownChannel = channelMax + 1;
    replace(encodeMethod(0, 'connection.tune-ok', { channelMax: channelMax + 1, frameMax, heartbeat }));
    return VERDICT.drop;
  }
}
