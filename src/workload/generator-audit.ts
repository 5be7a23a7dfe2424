import type { RequestError } from './http-client.ts';
import type { RequestLog } from './request-log.ts';

/** How punctually requests were sent. */
export interface Punctuality {
  readonly sent: number;
  /** Sent later than the limit after their intended time. */
  readonly late: number;
  readonly p50LatenessMs: number;
  readonly p99LatenessMs: number;
  readonly maxLatenessMs: number;
}

/** What the generator says of itself when it is done. Without another word, figures are of the measured phase. */
export interface GeneratorReport extends Punctuality {
  readonly warmup: Punctuality;
  /** How much later than asked a timer of the process fired; a value near 1 ms is the timers' grain. */
  readonly loopLagP99Ms: number;
  readonly loopLagMaxMs: number;
  /** Processor time of the process from the schedule's start to the last response, milliseconds. */
  readonly cpuMs: number;
  /** From the schedule's start to the last response. */
  readonly elapsedMs: number;
  /** Over the whole schedule. */
  readonly connectionsOpened: number;
  /** Failed requests by kind. */
  readonly errors: Readonly<Partial<Record<RequestError, number>>>;
  /** Complete responses by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** The `q`-quantile of ascending values, the nearest rank; 0 for none. */
function quantile(ascending: Float64Array, q: number): number {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? 0;
}

function punctuality(latenessMs: readonly number[], late: number): Punctuality {
  const ascending = Float64Array.from(latenessMs).sort();
  return {
    sent: ascending.length,
    late,
    p50LatenessMs: quantile(ascending, 0.5),
    p99LatenessMs: quantile(ascending, 0.99),
    maxLatenessMs: quantile(ascending, 1),
  };
}

/** Sums up a log: punctuality of both phases, errors and statuses of the measured one. */
export function auditRequests(
  log: RequestLog,
  warmupMs: number,
): Pick<GeneratorReport, keyof Punctuality | 'warmup' | 'errors' | 'statuses'> {
  const phases = {
    warmup: { lateness: [] as number[], late: 0 },
    measure: { lateness: [] as number[], late: 0 },
  };
  const errors: Partial<Record<RequestError, number>> = {};
  const statuses: Record<string, number> = {};
  for (const record of log) {
    const measured = record.intendedMs >= warmupMs;
    const phase = measured ? phases.measure : phases.warmup;
    if (!Number.isNaN(record.sentMs)) phase.lateness.push(record.sentMs - record.intendedMs);
    if (record.late) phase.late += 1;
    if (!measured) continue;
    if (record.error !== undefined) errors[record.error] = (errors[record.error] ?? 0) + 1;
    else if (record.status !== 0) statuses[record.status] = (statuses[record.status] ?? 0) + 1;
  }
  return {
    ...punctuality(phases.measure.lateness, phases.measure.late),
    warmup: punctuality(phases.warmup.lateness, phases.warmup.late),
    errors,
    statuses,
  };
}
