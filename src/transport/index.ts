export { classProfiles, kernelPriorityFor } from './class-profiles.ts';
export {
  type CongestionControlChoice,
  chooseCongestionControl,
  congestionControlOf,
  probeCongestionControls,
  tryCongestionControls,
} from './congestion-control.ts';
export { descriptorOf } from './descriptor.ts';
export { transportLayer } from './layer.ts';
export { probeTransport, type TransportPlatform, whyNoSocketOptions } from './platform.ts';
export {
  type Address,
  applyListenerProfile,
  applyProfile,
  type ConnectionProfile,
  type ConnectOptions,
  connectWithProfile,
} from './profile.ts';
export { type Refusal, RefusalLog } from './refusals.ts';
export { Scavenger, type ScavengerOptions, type ScavengerStatistics } from './scavenger.ts';
export {
  ScavengerController,
  type ScavengerPhase,
  type ScavengerSample,
} from './scavenger-controller.ts';
export { emptyTcpInfo, type TcpInfo, tcpInfo } from './tcp-info.ts';
export { openTransport, type Transport } from './transport.ts';
