import type { ControlClient } from './control/index.ts';
import type { Discovery } from './discovery/index.ts';
import type { FormerSides } from './former-sides.ts';
import type { BrokerPart } from './open-broker.ts';
import type { InboundPart } from './open-inbound.ts';
import type { OutboundPart } from './open-outbound.ts';
import type { TcpPart } from './open-tcp.ts';
import type { Observers } from './operation/observers.ts';
import type { Upstream } from './pools/index.ts';
import type { Runtime } from './runtime.ts';

/** What a sidecar does: it begins to listen, serves, takes its leave, or is gone. */
export type Phase = 'starting' | 'serving' | 'draining' | 'drained';

/** What of a sidecar is open. */
export interface Opened {
  /** As the configuration that holds now has it. */
  runtime: Runtime;
  phase: Phase;
  control?: ControlClient | undefined;
  readonly former: FormerSides;
  readonly discoveries: Map<Upstream, Discovery>;
  broker?: BrokerPart | undefined;
  tcp?: TcpPart | undefined;
  observers?: Observers | undefined;
  inbound?: InboundPart | undefined;
  outbound?: OutboundPart | undefined;
  /** By class index, percent: what the network layer leaves to a class of the queue. */
  readonly shares: Map<number, number>;
}
