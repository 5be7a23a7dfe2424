import { type Exec, PriomeshError } from '../core/index.ts';
import type { PortPlan } from './port-plan.ts';
import { readTc, type TcReadback } from './tc-readback.ts';

/** Counters of one class at a port since it was made. Bytes include the Ethernet header. */
export interface ClassStatistics {
  readonly className: string;
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  /** How often the class had to wait for its rate. */
  readonly overlimits: number;
  readonly backlogBytes: number;
  readonly backlogPackets: number;
}

/** Takes the counters of a plan's classes from what was read. Throws READBACK_MISMATCH when a class's queue is gone. */
export function statisticsOf(plan: PortPlan, readback: TcReadback): ClassStatistics[] {
  return plan.classes.map(({ className, classid, leafHandle }) => {
    const leaf = readback.qdiscs.find((each) => each.handle === leafHandle);
    if (leaf === undefined) {
      throw new PriomeshError(
        'READBACK_MISMATCH',
        `${plan.port.label}: the queue ${leafHandle} of class ${className} is gone`,
      );
    }
    const inner = readback.classes.find((each) => each.classid === classid);
    const { bytes, packets, drops, backlogBytes, backlogPackets } = leaf.counters;
    const overlimits = inner?.overlimits ?? leaf.counters.overlimits;
    return { className, bytes, packets, drops, overlimits, backlogBytes, backlogPackets };
  });
}

/** Reads the counters of a port in one process. */
export async function portStatistics(exec: Exec, plan: PortPlan): Promise<ClassStatistics[]> {
  const { device } = plan.port;
  const readback = await readTc(exec, [
    { list: 'qdisc', device },
    { list: 'class', device },
  ]);
  return statisticsOf(plan, readback);
}
