import type { SidecarConfig } from '../../config/index.ts';
import type { Opened } from '../opened.ts';
import type { AdminServer } from './admin/index.ts';
import type { Readiness } from './readiness.ts';
import type { Reloader } from './reloader.ts';
import { watchFiles } from './watch.ts';

export type { Readiness } from './readiness.ts';
export { Reloader } from './reloader.ts';

/** What there is to operate. */
export interface Operated {
  readonly opened: Opened;
  readonly reloader: Reloader;
  /** The files that the configuration stands in. */
  readonly files: readonly string[];
  readonly sidecar: {
    statistics(): Readonly<Record<string, unknown>>;
    readiness(): Readiness;
    reload(): Promise<number>;
    reopen(): void;
    drain(): Promise<void>;
  };
}

/** The ways in which a sidecar is operated, open. */
export interface Operation {
  readonly adminPort: number | undefined;
  /** The configuration stands in these files now. */
  follow(files: readonly string[]): void;
  close(): Promise<void>;
}

/** Opens those ways that are configured; the code of the others is not loaded. @throws PriomeshError LISTEN_FAILED */
export async function openOperation(config: SidecarConfig, operated: Operated): Promise<Operation> {
  const admin = config.admin === undefined ? undefined : await loadAdmin(config.admin, operated);
  const watch = config.watch === true ? watchFiles(() => reload(operated)) : undefined;
  watch?.follow(operated.files);
  return {
    adminPort: admin?.port,
    follow: (files) => {
      if (files.length > 0) watch?.follow(files);
    },
    close: async () => {
      watch?.close();
      await admin?.close();
    },
  };
}

async function loadAdmin(
  settings: NonNullable<SidecarConfig['admin']>,
  operated: Operated,
): Promise<AdminServer> {
  const { openAdmin } = await import('./admin/index.ts');
  return openAdmin(settings, operated);
}

/** What goes wrong has been logged and counted. */
function reload({ sidecar }: Operated): void {
  sidecar.reload().catch(() => undefined);
}
