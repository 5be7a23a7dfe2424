import type { AuditLimits } from '../config/index.ts';
import type { Verdict } from './journal.ts';
import type { FlowReport } from './trial-cross-traffic.ts';

/** What was seen of a trial beside its requests: enough to say whether its numbers can be trusted. */
export interface TrialObservation {
  readonly sent: number;
  /** Requests that left later than the generator's own tolerance after their intended time. */
  readonly late: number;
  /** How far behind its intended time the 99th percentile of the sends was. */
  readonly p99LatenessMs: number;
  /** Share of processor time that the hypervisor gave to others, 0 to 1 (field `steal` of proc(5)). */
  readonly stealRatio: number;
  /** Share of processor time that was idle, 0 to 1: near zero, the machine itself was the bottleneck. */
  readonly idleRatio: number;
  /** Jumps of the wall clock against the monotonic one, milliseconds, absolute. */
  readonly clockStepMs: number;
  /** Bytes that left each bottleneck port, with the rate it is held to and for how long it was watched. */
  readonly ports: readonly {
    readonly label: string;
    readonly bytes: number;
    readonly rateBps: number;
    readonly watchedMs: number;
  }[];
  /** Processes that ended before they were told to. */
  readonly died: readonly string[];
  /** What became of each flow of cross traffic. */
  readonly crossTraffic?: readonly FlowReport[];
}

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

/** One thing that the audit looks at: gives the reason why a trial can't be trusted, or nothing. */
type Check = (seen: TrialObservation, limits: AuditLimits) => string | undefined;

const CHECKS: readonly Check[] = [
  (seen) => (seen.died.length > 0 ? `ended before their time: ${seen.died.join(', ')}` : undefined),
  (seen) => (seen.sent === 0 ? 'the generator sent nothing' : undefined),
  (seen, limits) => {
    const ratio = seen.sent === 0 ? 0 : seen.late / seen.sent;
    if (ratio <= limits.maxLateSendRatio) return undefined;
    return `${percent(ratio)} of the sends were late (at most ${percent(limits.maxLateSendRatio)})`;
  },
  (seen, limits) =>
    seen.p99LatenessMs > limits.maxP99LatenessMs
      ? `the 99th percentile of the sends was ${seen.p99LatenessMs.toFixed(1)} ms late (at most ${limits.maxP99LatenessMs} ms)`
      : undefined,
  (seen, limits) =>
    seen.stealRatio > limits.maxStealRatio
      ? `${percent(seen.stealRatio)} of the processor time was taken by the hypervisor (at most ${percent(limits.maxStealRatio)})`
      : undefined,
  (seen, limits) =>
    seen.idleRatio < limits.minIdleRatio
      ? `the processors were idle for only ${percent(seen.idleRatio)} of the time (at least ${percent(limits.minIdleRatio)}): the machine was the bottleneck`
      : undefined,
  (seen, limits) =>
    seen.clockStepMs > limits.maxClockStepMs
      ? `the clock was set by ${seen.clockStepMs.toFixed(0)} ms during the trial`
      : undefined,
  (seen, limits) => {
    for (const port of seen.ports) {
      const achieved = (port.bytes * 8000) / port.watchedMs;
      if (achieved > port.rateBps * (1 + limits.maxLinkRateError)) {
        return `${port.label} carried ${(achieved / 1e6).toFixed(2)} Mbit/s, more than its ${(port.rateBps / 1e6).toFixed(2)} Mbit/s`;
      }
    }
    return undefined;
  },
  ({ crossTraffic = [] }, limits) => {
    for (const { name, sent } of crossTraffic) {
      if (sent === undefined) return `the cross traffic ${name} did not come to its end`;
      const missing = (sent.skipped + sent.refused) / Math.max(1, sent.packets + sent.skipped);
      if (missing > limits.maxMissingCrossTrafficRatio)
        return `${percent(missing)} of the cross traffic ${name} was not sent in time`;
      if (sent.lateMs > limits.maxP99LatenessMs)
        return `the cross traffic ${name} began ${sent.lateMs.toFixed(0)} ms late`;
    }
    return undefined;
  },
];

/** Judges a trial: valid when no check objects, else void with every objection. Pure. */
export function auditTrial(seen: TrialObservation, limits: AuditLimits): Verdict {
  const reasons = CHECKS.map((check) => check(seen, limits)).filter((reason) => reason !== undefined);
  return { valid: reasons.length === 0, reasons };
}
