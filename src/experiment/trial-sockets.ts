import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** A path of a Unix socket has at most 107 bytes (unix(7)); a sidecar's configuration allows 100. */
const PATH_LIMIT_BYTES = 100;

/** Where the processes of a trial listen on Unix sockets. */
export interface TrialSockets extends AsyncDisposable {
  socketOf(name: string): string;
}

/**
 * Chooses paths for the sockets of a trial's processes, by their names: in its folder, or in a short folder of the system's temporary ones
 * where that path is too long. Disposing of them removes what is left.
 */
export async function chooseSockets(folder: string, names: readonly string[]): Promise<TrialSockets> {
  const inFolder = (name: string): string => path.join(folder, `${name}.sock`);
  if (names.every((one) => Buffer.byteLength(inFolder(one)) <= PATH_LIMIT_BYTES)) {
    return {
      socketOf: inFolder,
      [Symbol.asyncDispose]: async () => {
        await Promise.all(names.map((one) => rm(inFolder(one), { force: true })));
      },
    };
  }
  const short = await mkdtemp(path.join(os.tmpdir(), 'priomesh-'));
  return {
    socketOf: (name) => path.join(short, `${names.indexOf(name)}.sock`),
    [Symbol.asyncDispose]: () => rm(short, { recursive: true, force: true }),
  };
}
