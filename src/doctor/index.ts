import { probeLab } from '../lab/index.ts';
import type { ProbeContext, ProbeResult } from './probe.ts';
import { PROBES } from './probes/index.ts';

/** A probe's answer, with what the probe is about. */
export interface Diagnosis extends ProbeResult {
  readonly name: string;
  readonly serves: string;
}

/** Asks the machine every question, at the same time, and gives the answers in the order of the list. */
export async function examine(given: Omit<ProbeContext, 'lab'>): Promise<Diagnosis[]> {
  const context: ProbeContext = { ...given, lab: await probeLab(given.exec) };
  return Promise.all(
    PROBES.map(async (probe) => ({ name: probe.name, serves: probe.serves, ...(await probe.run(context)) })),
  );
}
