export { loadBridgeConfig } from './bridge.ts';
export type { BridgeConfig } from './bridge-schema.ts';
export { loadControlPlaneConfig, parseControlPlaneConfig } from './control-plane.ts';
export type { ControlPlaneConfig } from './control-plane-schema.ts';
export { loadStudy, nodesOf, parseExperiment, type Study } from './experiment.ts';
export {
  type AuditLimits,
  BROKER,
  type CrossTraffic,
  type Experiment,
  type Form,
  METRIC_NAMES,
  type MetricName,
  type Workload,
} from './experiment-schema.ts';
export { type Finding, findingsOf } from './findings.ts';
export { findRoute, loadApplicationGraph, parseApplicationGraph } from './graph.ts';
export type { ApplicationGraph, CallSpec, RouteSpec, ServiceSpec } from './graph-schema.ts';
export { expectation, type JsonSchema } from './json-schema.ts';
export { loadPolicy, parsePolicy } from './policy.ts';
export { schemaId, schemas } from './schemas.ts';
export {
  type LoadedSidecarConfig,
  loadSidecarConfig,
  loadSidecarFiles,
  parseSidecarConfig,
} from './sidecar.ts';
export { resolveLimits, SIDECAR_LIMITS, type SidecarLimits } from './sidecar-limits.ts';
export { type Address, SIDECAR_LAYERS, type SidecarConfig } from './sidecar-schema.ts';
export { loadEndpoints } from './upstream.ts';
export {
  BALANCER_NAMES,
  type BalancerName,
  type EndpointConfig,
  type Locality,
  MAX_ENDPOINTS,
  type UpstreamConfig,
} from './upstream-schema.ts';
