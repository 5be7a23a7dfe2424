export { backOffMs } from './back-off.ts';
export { CONTROL_LIMITS } from './limits.ts';
export type {
  DrainRequest,
  DrainResponse,
  ReportRequest,
  ReportSummary,
  WatchRequest,
  WatchResponse,
  WireEndpoint,
  WireHints,
  WirePaths,
  WireRegistry,
  WireSnapshot,
  WireTopology,
} from './messages.ts';
export { CHANNEL_OPTIONS, CONTROL_PROTO, type ControlProtocol, loadControlProtocol } from './protocol.ts';
export { isClassName, isLinkId, isNetworkName, readHints, readPaths } from './read.ts';
export { type Placement, readPlacement } from './read-placement.ts';
export { readTopology } from './read-topology.ts';
export type { Topology, TopologyHost, TopologyLink, TopologyPath, TopologySwitch } from './topology.ts';
export { writeHint, writePaths, writeTopology } from './write.ts';
