import type net from 'node:net';

interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * The file descriptor under a socket or a listening server, or -1 when it has none (not yet connected, closed, TLS).
 * Node offers no public way. Never keep the number: after a close the kernel gives it to somebody else.
 */
export function descriptorOf(stream: net.Socket | net.Server): number {
  return (stream as unknown as WithHandle)._handle?.fd ?? -1;
}
