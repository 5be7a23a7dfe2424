import { readFile } from 'node:fs/promises';

/** Processor time of the whole machine since it started, in clock ticks, summed over processors. */
export interface ProcessorTime {
  readonly total: number;
  readonly idle: number;
  readonly steal: number;
}

/** Reads the first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal guest guest_nice. */
export async function readProcessorTime(): Promise<ProcessorTime> {
  return parseProcessorTime(await readFile('/proc/stat', 'utf8'));
}

/** Parses the text of /proc/stat; guest time is already counted in user time. */
export function parseProcessorTime(text: string): ProcessorTime {
  const fields = (text.split('\n', 1)[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, value) => sum + value, 0);
  return { total, idle: (fields[3] ?? 0) + (fields[4] ?? 0), steal: fields[7] ?? 0 };
}

/** The shares of idle and stolen time between two readings, 0 to 1. */
export function processorShares(from: ProcessorTime, to: ProcessorTime): { idle: number; steal: number } {
  const total = Math.max(1, to.total - from.total);
  return { idle: (to.idle - from.idle) / total, steal: (to.steal - from.steal) / total };
}
