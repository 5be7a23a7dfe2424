import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** A path of a Unix socket has at most 107 bytes (unix(7)); a sidecar's configuration allows 100. */
const PATH_LIMIT_BYTES = 100;

/** Where the sidecars of a trial let somebody watch. */
export interface TapSockets extends AsyncDisposable {
  socketOf(sidecar: string): string;
}

/**
 * Chooses paths for the sockets of a trial's sidecars: in its folder, or in a short folder of the system's temporary ones
 * where that path is too long. Disposing of them removes what is left.
 */
export async function chooseTapSockets(folder: string, sidecars: readonly string[]): Promise<TapSockets> {
  const inFolder = (sidecar: string): string => path.join(folder, `${sidecar}.sock`);
  if (sidecars.every((one) => Buffer.byteLength(inFolder(one)) <= PATH_LIMIT_BYTES)) {
    return {
      socketOf: inFolder,
      [Symbol.asyncDispose]: async () => {
        await Promise.all(sidecars.map((one) => rm(inFolder(one), { force: true })));
      },
    };
  }
  const short = await mkdtemp(path.join(os.tmpdir(), 'priomesh-tap-'));
  return {
    socketOf: (sidecar) => path.join(short, `${sidecars.indexOf(sidecar)}.sock`),
    [Symbol.asyncDispose]: () => rm(short, { recursive: true, force: true }),
  };
}
