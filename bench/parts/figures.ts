import type { OpenLoopResult } from '../open-loop.ts';
import type { Memory } from '../proc.ts';
import type { Figure } from '../summary.ts';

/** What is measured, of whom and when. */
export interface Occasion {
  readonly case: string;
  readonly peer: string;
  readonly round: number;
}

/** One closed-loop measurement. */
export interface ThroughputSample {
  readonly requests: number;
  readonly errors: number;
  readonly durationMs: number;
  /** Processor time of the peer. */
  readonly cpuMs: number;
  /** Processor time of the upstream. */
  readonly upstreamCpuMs: number;
}

function figuresOf(occasion: Occasion, values: Readonly<Record<string, number>>): Figure[] {
  return Object.entries(values).map(([measure, value]) => ({ ...occasion, measure, value }));
}

/** The figures of a closed loop; the direct way has no processor time of its own. */
export function throughputFigures(occasion: Occasion, sample: ThroughputSample): Figure[] {
  const { requests, durationMs, cpuMs, upstreamCpuMs, errors } = sample;
  const own: Record<string, number> =
    occasion.peer === 'direct'
      ? {}
      : { cpuPerRequestUs: (cpuMs * 1000) / requests, ownCorePercent: (100 * cpuMs) / durationMs };
  return figuresOf(occasion, {
    throughputRps: (requests * 1000) / durationMs,
    ...own,
    upstreamCorePercent: (100 * upstreamCpuMs) / durationMs,
    errors,
  });
}

/** The figures of an open loop; what was added is the difference to the direct way, measured in the same round at the same rate. */
export function latencyFigures(
  occasion: Occasion,
  rateRps: number,
  result: OpenLoopResult,
  direct: OpenLoopResult | undefined,
): Figure[] {
  const { p50Ms, p99Ms, p999Ms, late, errors, generatorPercent } = result;
  const added: Record<string, number> =
    direct === undefined
      ? {}
      : {
          addedP50Ms: p50Ms - direct.p50Ms,
          addedP99Ms: p99Ms - direct.p99Ms,
          addedP999Ms: p999Ms - direct.p999Ms,
        };
  return figuresOf(occasion, {
    rateRps,
    p50Ms,
    p99Ms,
    p999Ms,
    ...added,
    lateSends: late,
    generatorPercent,
    errors,
  });
}

/** The figures of a look at memory. */
export function memoryFigures(occasion: Occasion, { rssBytes, anonymousBytes }: Memory): Figure[] {
  return figuresOf(occasion, { rssBytes, anonymousBytes });
}
