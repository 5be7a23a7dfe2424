import { isIP } from 'node:net';
import type {
  Server,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { ControlPlaneConfig } from '../config/index.ts';
import {
  CONTROL_LIMITS,
  type ControlProtocol,
  type DrainRequest,
  type DrainResponse,
  isClassName,
  type ReportRequest,
  type ReportSummary,
  readPlacement,
  type WatchRequest,
  type WireEndpoint,
} from '../control-protocol/index.ts';
import { hostAddress } from '../core/index.ts';
import { PLANE_LIMITS } from './limits.ts';
import type { Plane } from './plane.ts';
import type { ServiceAddress } from './registry.ts';
import type { Follower } from './watcher.ts';

type WatchCall = ServerWritableStream<WatchRequest, Uint8Array>;
type DrainCall = ServerUnaryCall<DrainRequest, DrainResponse>;
type ReportCall = ServerReadableStream<ReportRequest, ReportSummary>;

/** Who asks to follow, or what is wrong with the question. */
function readFollower({ service, node, endpoint, instance }: WatchRequest): Follower | string {
  if (!isClassName(service)) return 'service is no name of a service';
  if (isIP(node) === 0) return 'node is no IP address';
  if (instance.length > PLANE_LIMITS.instanceCharacters) return 'instance is too long';
  const from = hostAddress(node);
  if (!endpoint) return { node: from, address: undefined };
  const address = readAddress(service, endpoint);
  if (typeof address === 'string') return address;
  const placement = readPlacement(endpoint);
  if (placement === undefined) return 'endpoint has a weight or a place that is none';
  return { node: from, address, registration: { instance, ...placement } };
}

function readAddress(service: string, { host, port }: WireEndpoint): ServiceAddress | string {
  if (isIP(host) === 0) return 'endpoint.host is no IP address';
  if (port < 1 || port > 65_535) return 'endpoint.port is no port';
  return { service, host: hostAddress(host), port };
}

/** The methods of the control protocol over a plane; not listening yet. */
export function makeServer(
  { grpc, watch, drain, report }: ControlProtocol,
  plane: Plane,
  config: ControlPlaneConfig,
): Server {
  const { status } = grpc;
  const server = new grpc.Server({
    'grpc.max_receive_message_length': CONTROL_LIMITS.messageBytes,
    'grpc.max_concurrent_streams': 16,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
  let reports = 0;

  const onWatch = (call: WatchCall): void => {
    const refuse = (code: number, details: string): void => {
      plane.counters.watchesRefused += 1;
      call.emit('error', { code, details });
    };
    const follower = readFollower(call.request);
    if (typeof follower === 'string') {
      refuse(status.INVALID_ARGUMENT, follower);
      return;
    }
    if (!plane.hasRoom) {
      refuse(status.RESOURCE_EXHAUSTED, 'as many sidecars as may follow do so');
      return;
    }
    const watcher = plane.follow(follower, {
      write: (message, written) => {
        call.write(message, (error: Error | null | undefined) => {
          if (!error) written();
        });
      },
      end: (details) => {
        call.emit('error', { code: status.UNAVAILABLE, details });
      },
    });
    call.once('cancelled', () => plane.unfollow(watcher));
    call.once('close', () => plane.unfollow(watcher));
    call.on('error', () => plane.unfollow(watcher));
  };

  const onDrain = ({ request }: DrainCall, answer: sendUnaryData<DrainResponse>): void => {
    const { service, endpoint, instance } = request;
    const address = endpoint ? readAddress(service, endpoint) : 'endpoint is missing';
    if (typeof address === 'string') {
      answer({ code: status.INVALID_ARGUMENT, details: address });
      return;
    }
    void plane.drain(address, instance).then((told) => answer(null, { told }));
  };

  const onReport = (call: ReportCall, answer: sendUnaryData<ReportSummary>): void => {
    if (reports >= config.maxReports) {
      plane.counters.reportsRefused += 1;
      answer({ code: status.RESOURCE_EXHAUSTED, details: 'as many as may report do so' });
      return;
    }
    reports += 1;
    plane.counters.reports += 1;
    let [hintsTaken, hintsDropped, ended] = [0, 0, false];
    const end = (): void => {
      if (!ended) reports -= 1;
      ended = true;
    };
    // Tells the bridge that it is heard, before it has ended.
    call.sendMetadata(new grpc.Metadata());
    call.on('data', (message: ReportRequest) => {
      const { taken, dropped } = plane.report(message);
      hintsTaken += taken;
      hintsDropped += dropped;
    });
    call.once('cancelled', end);
    call.once('error', end);
    call.once('close', end);
    call.once('end', () => {
      end();
      answer(null, { hintsTaken, hintsDropped });
    });
  };

  server.addService(
    // Messages to sidecars are encoded once for all of them.
    { watch: { ...watch, responseSerialize: (bytes: Buffer) => bytes }, drain, report },
    { watch: onWatch, drain: onDrain, report: onReport },
  );
  return server;
}
