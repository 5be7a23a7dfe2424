import type { Summary } from '../analysis/index.ts';

/** What every caption must say of a run: a laboratory that is not the real one, layers that were not whole, trials left out. Empty when there is nothing to say. */
export function notesOf(summary: Summary): string {
  const notes: string[] = [];
  if (summary.lab === 'local') {
    notes.push('Local laboratory: loopback, no emulated network, no kernel or network layers.');
  } else if (summary.audit.laboratory.length > 0) {
    notes.push('The laboratory was not whole (see the limits of this run).');
  }
  const layers = new Map<string, Set<string>>();
  for (const { layer, arms } of summary.limitations) {
    layers.set(layer, new Set([...(layers.get(layer) ?? []), ...arms]));
  }
  for (const [layer, arms] of layers) {
    notes.push(`Degraded: layer ${layer} in ${[...arms].join(', ')} (see the limits of this run).`);
  }
  const { void: voided } = summary.audit;
  if (voided > 0) notes.push(`${voided} void ${voided === 1 ? 'trial' : 'trials'} left out.`);
  if (summary.audit.verdict === 'untrusted') notes.push('The audit does not trust this run.');
  return notes.join(' ');
}
