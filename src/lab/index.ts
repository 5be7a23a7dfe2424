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
