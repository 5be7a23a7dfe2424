import net from 'node:net';

interface WithHandle {
  _handle: unknown;
}

/** An address to listen on. Port 0 lets the kernel choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Listens, and hands over each accepted connection before anything is read from it.
 *
 * Node offers `onread` (reads into memory of ours) for connecting sockets only. So the handle is taken from the accepted socket,
 * which was paused before it could read, and given to {@link adopt}: the one private member of Node that the sidecar touches.
 * @throws the listen error of node:net
 */
export async function listen(
  address: ListenAddress,
  backlog: number,
  onConnection: (accepted: net.Socket) => void,
): Promise<net.Server> {
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port, backlog, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}

/** Moves the connection under an accepted socket to a new one that reads with `onread`. The old socket is empty afterwards. */
export function adopt(accepted: net.Socket, onread: net.OnReadOpts): net.Socket | undefined {
  const holder = accepted as unknown as WithHandle;
  const handle = holder._handle;
  if (handle === null || handle === undefined) return undefined;
  holder._handle = null;
  return new net.Socket({
    handle,
    onread,
    readable: true,
    writable: true,
  } as unknown as net.SocketConstructorOpts);
}
