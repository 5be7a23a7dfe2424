import type { PartName } from '../settings.ts';
import { measureMemory } from './memory.ts';
import type { PartContext, PartResult } from './part.ts';
import { measureLoads } from './rounds.ts';
import { measureStart } from './start.ts';

export type { PartContext, PartResult, Skip } from './part.ts';
export { reasonOf, startPeer } from './subjects.ts';

/** Measures one part of the comparison. @throws PriomeshError ABORTED; what fails is named in the result */
export function measurePart(context: PartContext, part: PartName): Promise<PartResult> {
  if (part === 'memory') return measureMemory(context);
  if (part === 'start') return measureStart(context);
  return measureLoads(context, part);
}
