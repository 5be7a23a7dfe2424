import type { Lab, LabOptions } from './types.ts';

/**
 * Opens a laboratory: builds the network and resolves when traffic can flow.
 *
 * @param signal ends the opening; an open laboratory is ended by `close`
 * @throws PriomeshError PLATFORM_MISSING (naming the Debian package), PLATFORM_FORBIDDEN, CONFIG_INVALID, LAB_FAILED,
 *   ABORTED; nothing is left behind then
 */
export async function openLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  if (options.kind === 'local') {
    const { openLocalLab } = await import('./local-lab.ts');
    return openLocalLab(options, signal);
  }
  const { openMininetLab } = await import('./mininet-lab.ts');
  return openMininetLab(options, signal);
}
