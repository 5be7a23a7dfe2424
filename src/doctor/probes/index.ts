import type { Probe } from '../probe.ts';
import { congestionControlProbe } from './congestion-control.ts';
import { controllerProbe } from './controller.ts';
import { linkDelayProbe } from './link-delay.ts';
import { mininetProbe } from './mininet.ts';
import { namespacesProbe } from './namespaces.ts';
import { nftablesProbe } from './nftables.ts';
import { nodeProbe } from './node.ts';
import { openvswitchProbe } from './openvswitch.ts';
import { pacingProbe } from './pacing.ts';
import { processorsProbe } from './processors.ts';
import { rabbitmqProbe } from './rabbitmq.ts';
import { socketOptionsProbe } from './socket-options.ts';
import { trafficControlProbe } from './traffic-control.ts';

/** Every probe, in the order in which they are printed. */
export const PROBES: readonly Probe[] = [
  nodeProbe,
  processorsProbe,
  socketOptionsProbe,
  congestionControlProbe,
  pacingProbe,
  trafficControlProbe,
  nftablesProbe,
  namespacesProbe,
  mininetProbe,
  openvswitchProbe,
  linkDelayProbe,
  rabbitmqProbe,
  controllerProbe,
];
