import { fileURLToPath } from 'node:url';
import type * as Grpc from '@grpc/grpc-js';
import { CONTROL_LIMITS } from './limits.ts';
import type {
  DrainRequest,
  DrainResponse,
  ReportRequest,
  ReportSummary,
  WatchRequest,
  WatchResponse,
} from './messages.ts';

/** The file that describes the control protocol to programs in other languages. */
export const CONTROL_PROTO = fileURLToPath(
  new URL('../../proto/priomesh/control/v1/control.proto', import.meta.url),
);

const SERVICE = 'priomesh.control.v1.ControlPlane';

/** gRPC and the methods of the control protocol. */
export interface ControlProtocol {
  readonly grpc: typeof Grpc;
  readonly watch: Grpc.MethodDefinition<WatchRequest, WatchResponse>;
  readonly drain: Grpc.MethodDefinition<DrainRequest, DrainResponse>;
  readonly report: Grpc.MethodDefinition<ReportRequest, ReportSummary>;
}

let loaded: Promise<ControlProtocol> | undefined;

async function load(): Promise<ControlProtocol> {
  const [grpc, { load: loadProto }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('@grpc/proto-loader'),
  ]);
  const found = await loadProto(CONTROL_PROTO, {
    longs: Number,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  const service = found[SERVICE] as unknown as {
    readonly Watch: ControlProtocol['watch'];
    readonly Drain: ControlProtocol['drain'];
    readonly Report: ControlProtocol['report'];
  };
  return { grpc, watch: service.Watch, drain: service.Drain, report: service.Report };
}

/**
 * Loads gRPC (0.1 s and 30 MB with Node 26 on 2 cores) and the protocol, once. Nothing else in priomesh imports gRPC's code, so that who has no
 * control plane does not pay for it.
 */
export function loadControlProtocol(): Promise<ControlProtocol> {
  loaded ??= load();
  return loaded;
}

/**
 * How all of priomesh connects to a control plane. Each connection is the client's own, and a lost one is a lost call: who calls
 * decides when to try again, gRPC does not. The environment's HTTP proxy is not for these connections.
 */
export const CHANNEL_OPTIONS: Grpc.ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': CONTROL_LIMITS.messageBytes,
};
