import { grpcLoads } from './grpc.ts';
import { http1Loads } from './http1.ts';
import { http2Loads } from './http2.ts';
import type { Load } from './load.ts';
import { tcpLoads } from './tcp.ts';

export type { Load, LoadResult, Pull, Wire } from './load.ts';

/** Every load, in the order in which each round measures them. */
export const LOADS: readonly Load[] = [...http1Loads, ...http2Loads, ...grpcLoads, ...tcpLoads];
