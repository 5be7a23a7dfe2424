export { type Broker, type BrokerOptions, type DepthWatch, openBroker } from './broker.ts';
export type { DepthSample } from './broker-control.ts';
export { rabbitmqVersion } from './broker-files.ts';
export type { QueueDepth } from './broker-queues.ts';
export { openLab } from './open.ts';
export { type LabCapabilities, type LabCapability, probeLab } from './probe.ts';
export type {
  Lab,
  LabExit,
  LabKind,
  LabLine,
  LabNode,
  LabOptions,
  LabProcess,
  LabTopology,
  SpawnOptions,
} from './types.ts';
