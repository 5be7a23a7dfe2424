import type { Server, Socket } from 'node:net';
import type { Address } from '../transport/index.ts';

/** Gives the sockets of a process the congestion control that all arms share. */
export interface SocketBaseline {
  /** Call it when the server listens; accepted sockets inherit. */
  applyToListener(server: Server): void;
  /** For a connection that somebody else has opened. */
  applyToSocket(socket: Socket): void;
  connect(address: Address, signal?: AbortSignal): Socket;
  close(): void;
}

/**
 * Opens the baseline. Loads the foreign-function interface, so do it only when an algorithm is asked for.
 * What the kernel refuses is told to `onRefused`.
 */
export async function openSocketBaseline(
  congestionControl: string,
  onRefused: (what: string) => void,
): Promise<SocketBaseline> {
  const { applyListenerProfile, applyProfile, connectWithProfile, openTransport } = await import(
    '../transport/index.ts'
  );
  const transport = openTransport({
    logger: {
      log: (_level, message, fields) => onRefused(`${message} ${JSON.stringify(fields ?? {})}`),
      with() {
        return this;
      },
    },
  });
  const profile = { congestionControl };
  return {
    applyToListener(server) {
      applyListenerProfile(server, profile, transport);
    },
    applyToSocket(socket) {
      applyProfile(socket, profile, transport);
    },
    connect: (address, signal) =>
      connectWithProfile(address, profile, { transport, ...(signal === undefined ? {} : { signal }) }),
    close: () => transport.close(),
  };
}
