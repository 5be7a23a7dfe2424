import type net from 'node:net';
import type { Address } from '../../config/index.ts';
import type { BrokerSettings, Clock, Logger, Policy, Random } from '../../core/index.ts';
import type { Propagation, ProvenanceResolver, ProvenanceTable } from '../../propagation/index.ts';
import type { TimerWheel } from '../io/index.ts';
import type { DataPathLimits } from '../limits.ts';
import type { TapPoint } from '../tap/index.ts';
import type { AmqpCounters } from './counters.ts';
import type { KnownQueues } from './known-queues.ts';
import type { MessageBook } from './message.ts';

/** Where a proxy listens and whom it stands before. */
export interface AmqpProxySettings {
  readonly address: Address;
  readonly listen: Address;
  /** The broker's TLS port; without it clients that insist on TLS are turned away. */
  readonly tlsAddress?: Address;
}

/** What an AMQP proxy is made of. */
export interface AmqpProxyOptions {
  readonly service: string;
  readonly settings: AmqpProxySettings;
  readonly policy: Policy;
  /** Whether the layer `broker` is on; off, all frames pass unchanged. */
  readonly layerOn: boolean;
  readonly propagation: Propagation;
  readonly resolver: ProvenanceResolver;
  readonly table: ProvenanceTable;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: DataPathLimits;
  readonly tap?: TapPoint;
  /** How a connection to the broker is made; plain TCP when absent. */
  readonly connect?: (address: Address, onread: net.OnReadOpts) => net.Socket;
}

/** What all connections of a proxy share. */
export interface AmqpContext extends AmqpProxyOptions {
  readonly broker: BrokerSettings;
  readonly counters: AmqpCounters;
  readonly queues: KnownQueues;
  readonly book: MessageBook;
  readonly connect: (address: Address, onread: net.OnReadOpts) => net.Socket;
}
