/** What can be measured by itself, in the order in which it is. */
export const PARTS = ['http1', 'http2', 'grpc', 'tcp', 'chain', 'layers', 'memory', 'start'] as const;

/** The name of a part of the comparison. */
export type PartName = (typeof PARTS)[number];

/** What is measured, how long and how often. */
export interface Settings {
  readonly parts: readonly PartName[];
  /** The only rows that are measured; all of them without it. */
  readonly rows?: readonly string[] | undefined;
  /** Leaves out the loads that say little more than the others. */
  readonly quick: boolean;
  readonly rounds: number;
  /** Length of each closed-loop measurement. */
  readonly seconds: number;
  /** Length of the closed loop with which a row is warmed up for a load, which is not counted. */
  readonly warmupSeconds: number;
  /** How many connections the closed loops of HTTP/1.1 and TCP have, each a case of its own. */
  readonly connections: readonly number[];
  readonly latencyRateRps: number;
  readonly latencyMs: number;
  readonly latencyWarmupMs: number;
  /** How often each program is started to time it. */
  readonly starts: number;
  /** The core of the peer that is measured. */
  readonly proxyCore: number;
  /** The core of load and upstream. */
  readonly restCore: number;
}

/** Whether a row is wanted. */
export function wanted(settings: Settings, row: string): boolean {
  return settings.rows === undefined || settings.rows.includes(row);
}
