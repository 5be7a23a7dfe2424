import type { DecisionOwner, MoveReason } from '../../core/index.ts';

/** How a request ended: whole, with an answer of the sidecar's own, refused for its framing, broken off in the middle, or left by its caller. */
export type TapRequestOutcome = 'completed' | 'answered' | 'refused' | 'broken' | 'caller-gone';

/** A request that has ended, as the stacks tell it. The path has no query, and no value of a header is in it. */
export interface TapRequest {
  readonly side: 'inbound' | 'outbound';
  /** Index in the policy's classes; -1 when the request ended before its class was known. */
  readonly classIndex: number;
  /** Why it has this class: `rule NAME`, `wire`, `trace-id` ..., as in the statistics; empty when it has none. */
  readonly reason: string;
  /** The name in Host of a call on its way out, without port; empty on the way in. */
  readonly to: string;
  /** Empty when the head was refused: nothing in it is to be trusted. */
  readonly method: string;
  readonly path: string;
  /** The status that the caller was sent, of whomever's making; 0 when it was sent none. */
  readonly status: number;
  /** Time in the request queue; -1 where there is none. */
  readonly queueWaitMs: number;
  /** From the whole head to the end of the response. */
  readonly tookMs: number;
  readonly outcome: TapRequestOutcome;
  /** The code of the sidecar's own answer, or the kind of the refusal; empty when the upstream's response went through. */
  readonly code: string;
}

/** What happened to a message: the client handed it to the broker; it was handed to a consumer; the consumer has settled it. */
export type TapMessageAction = 'publish' | 'deliver' | 'settle';

/** How a message was settled; `unsettled` for the other actions, and for deliveries that need no acknowledgement. */
export type TapMessageOutcome = 'unsettled' | 'acked' | 'rejected' | 'requeued';

/** Something that happened to a message, as the proxy between client and broker tells it. No property or header value is in it but those named here. */
export interface TapMessage {
  readonly action: TapMessageAction;
  /** Index in the policy's classes; -1 when it has none. */
  readonly classIndex: number;
  /** Why it has this class, as in the statistics: `wire`, `trace-id`, `connection`, `default` ... */
  readonly reason: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** The queue that it was taken from; empty for `publish`. */
  readonly queue: string;
  /** AMQP priority, larger is more important; -1 when it has none. */
  readonly priority: number;
  readonly bodyBytes: number;
  /** `deliver` and `settle`: from its publishing to its handing out to the consumer; -1 when not known. */
  readonly queueWaitMs: number;
  /** `settle`: from handing out to settling; -1 for the other actions. */
  readonly tookMs: number;
  readonly outcome: TapMessageOutcome;
}

/** What this sidecar sends to a host in a class takes another network path from now on. */
export interface TapMove {
  readonly classIndex: number;
  /** The address of the host. */
  readonly peer: string;
  /** Names of paths, such as `primary`. */
  readonly from: string;
  readonly to: string;
  readonly reason: MoveReason;
  /** Who decided. */
  readonly owner: DecisionOwner;
}

/**
 * Where the data path tells what it does. Who tells must look at `active` first and build nothing while it is false.
 * Telling never throws and never waits.
 */
export interface TapPoint {
  /** Whether anybody listens. */
  readonly active: boolean;
  request(event: TapRequest): void;
  message(event: TapMessage): void;
  move(event: TapMove): void;
}
