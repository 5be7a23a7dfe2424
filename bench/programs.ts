import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { PriomeshError, programOf } from '../src/core/index.ts';

/** Where Debian puts programs that an ordinary user's PATH lacks. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

const PACKAGES = {
  haproxy: 'haproxy',
  nginx: 'nginx-light',
  nghttpx: 'nghttp2-proxy',
  h2load: 'nghttp2-client',
  wrk: 'wrk',
  taskset: 'util-linux',
  setpriv: 'util-linux',
};

/**
 * The file of a program that the benchmark needs.
 * @throws PriomeshError PLATFORM_MISSING, naming the Debian package
 */
export async function findTool(name: keyof typeof PACKAGES): Promise<string> {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...SYSTEM_FOLDERS];
  for (const folder of folders.filter((one) => one !== '')) {
    const file = path.join(folder, name);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // The next folder may have it.
    }
  }
  throw new PriomeshError('PLATFORM_MISSING', `the benchmark needs ${name}, which is not installed`, {
    fix: `sudo apt-get install ${PACKAGES[name]}`,
  });
}

/**
 * The file of a module that nginx loads when it starts.
 * @throws PriomeshError PLATFORM_MISSING, naming the Debian package
 */
export async function findNginxModule(name: 'stream'): Promise<string> {
  const file = `/usr/lib/nginx/modules/ngx_${name}_module.so`;
  try {
    await access(file, constants.R_OK);
    return file;
  } catch (error) {
    throw new PriomeshError('PLATFORM_MISSING', `nginx's module ${name} is not installed`, {
      cause: error,
      fix: `sudo apt-get install libnginx-mod-${name}`,
    });
  }
}

type Program = Awaited<ReturnType<typeof programOf>>;

const mesh = new Map<string, Promise<Program>>();

/** How one of the mesh's own processes is run where it is in use: the same throughout a benchmark, also when sources change meanwhile. */
export function meshProgram(main: string): Promise<Program> {
  const known = mesh.get(main) ?? programOf(main);
  mesh.set(main, known);
  return known;
}
