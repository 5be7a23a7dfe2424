import { GRPC_MESSAGE_BYTES, GRPC_PATH, grpcRequest } from '../scene.ts';
import { runH2load, STREAMS } from './h2load.ts';
import type { Load } from './load.ts';

const CONNECTIONS = [8];
const HEADERS = { 'content-type': 'application/grpc', te: 'trailers' };

function grpc(name: string, what: string, messages: number): Load {
  return {
    name,
    title: `${what}, messages of ${GRPC_MESSAGE_BYTES} bytes, ${STREAMS} calls on each connection`,
    wire: 'grpc',
    parts: ['grpc'],
    quick: true,
    connections: CONNECTIONS,
    run: (processes, pull) =>
      runH2load(processes, { path: GRPC_PATH, headers: HEADERS, body: grpcRequest(messages) }, pull),
  };
}

/** How many messages a server streaming call is answered with. */
const STREAMED = 100;

/** gRPC calls as h2load posts them; what it does not look at, the trailers, is checked before. */
export const grpcLoads: readonly Load[] = [
  grpc('grpc-unary', 'gRPC, unary calls', 1),
  grpc('grpc-stream', `gRPC, server streaming: each call is answered with ${STREAMED} messages`, STREAMED),
];
