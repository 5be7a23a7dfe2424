export { type Broker, type BrokerOptions, type DepthWatch, openBroker } from './broker.ts';
export type { DepthSample } from './broker-control.ts';
export { rabbitmqVersion } from './broker-files.ts';
export type { QueueDepth } from './broker-queues.ts';
export { type Controller, type ControllerOptions, openController } from './controller.ts';
export type { NetworkRoutes, NetworkStatistics, NetworkTopology } from './controller-client.ts';
export { openLab } from './open.ts';
export { type LabCapabilities, type LabCapability, probeLab } from './probe.ts';
export type {
  Lab,
  LabExit,
  LabKind,
  LabLine,
  LabLink,
  LabNode,
  LabOptions,
  LabProcess,
  LabTopology,
  LayoutPath,
  NetworkLayout,
  SpawnOptions,
} from './types.ts';
