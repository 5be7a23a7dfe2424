import { lstat, unlink } from 'node:fs/promises';
import net from 'node:net';
import { messageOf, PriomeshError } from './errors.ts';

/** Nobody but the owner may listen. */
const PRIVATE_UMASK = 0o177;

function failed(place: string, why: string, cause?: unknown): PriomeshError {
  return new PriomeshError('LISTEN_FAILED', `${place}: ${why}`, { cause });
}

/** Whether somebody accepts connections at a socket file. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // The queue of connections is full, so there is one.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

/** Takes away the socket file of a program that has died. Whatever else stands there is left alone. */
async function removeStale(path: string, place: string): Promise<void> {
  let found: Awaited<ReturnType<typeof lstat>>;
  try {
    found = await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw failed(place, messageOf(error), error);
  }
  if (!found.isSocket()) throw failed(place, 'a file stands there that is no socket');
  if (await answers(path).catch((error: unknown) => Promise.reject(failed(place, messageOf(error), error)))) {
    throw failed(place, 'another program listens there');
  }
  await unlink(path);
}

/**
 * Lets a server listen at a Unix socket with file mode 0600 (unix(7): connecting needs write permission). A socket file that
 * nobody serves any more is replaced. Node removes the file when the server closes.
 *
 * @param who what listens, for the message of an error
 * @throws PriomeshError LISTEN_FAILED
 */
export async function listenAtPath(server: net.Server, path: string, who: string): Promise<void> {
  const place = `${who}: ${path}`;
  await removeStale(path, place);
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error): void => reject(failed(place, messageOf(error), error));
    server.once('error', refused);
    // The file is made inside `listen`, so the mask is another for that call alone, and the file never has another mode.
    const before = process.umask(PRIVATE_UMASK);
    try {
      server.listen({ path }, () => {
        server.off('error', refused);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}
