import { describe, expect, it } from 'vitest';
import type { AuditLimits } from '../../../src/config/index.ts';
import { auditTrial, type TrialObservation } from '../../../src/experiment/audit.ts';
import { parseProcessorTime, processorShares } from '../../../src/experiment/processor-time.ts';

const limits: AuditLimits = {
  maxLateSendRatio: 0.01,
  lateAfterMs: 5,
  maxP99LatenessMs: 5,
  maxStealRatio: 0.05,
  minIdleRatio: 0.1,
  maxClockStepMs: 50,
  maxLinkRateError: 0.03,
  maxMissingCrossTrafficRatio: 0.05,
  maxVoidRatio: 0.25,
  maxRetries: 2,
};
const clean: TrialObservation = {
  sent: 400,
  late: 1,
  p99LatenessMs: 1.5,
  stealRatio: 0.001,
  idleRatio: 0.5,
  clockStepMs: 0.2,
  ports: [{ label: 'bottleneck', bytes: 2_400_000, rateBps: 20_000_000, watchedMs: 1000 }],
  died: [],
};

describe('auditTrial', () => {
  it('finds nothing in a clean trial', () => {
    expect(auditTrial(clean, limits)).toEqual({ valid: true, reasons: [] });
  });

  const faults: [string, Partial<TrialObservation>, string][] = [
    ['late sends', { late: 5 }, '1.3 % of the sends were late'],
    ['a slow tail of sends', { p99LatenessMs: 7 }, '7.0 ms late'],
    ['no sends', { sent: 0, late: 0 }, 'sent nothing'],
    ['stolen processor time', { stealRatio: 0.2 }, 'hypervisor'],
    ['a busy machine', { idleRatio: 0.02 }, 'the machine was the bottleneck'],
    ['a clock that was set', { clockStepMs: 900 }, 'clock was set'],
    ['a process that died', { died: ['sidecar-reviews'] }, 'sidecar-reviews'],
    [
      'a link faster than it should be',
      { ports: [{ label: 'b', bytes: 2_700_000, rateBps: 20_000_000, watchedMs: 1000 }] },
      'b carried 21.60 Mbit/s',
    ],
  ];
  it.each(faults)('voids a trial with %s, and says so', (_, change, said) => {
    const verdict = auditTrial({ ...clean, ...change }, limits);
    expect(verdict.valid).toBe(false);
    expect(verdict.reasons.join('; ')).toContain(said);
  });
});

describe('processor time', () => {
  it('reads the fields of proc(5)', () => {
    const from = parseProcessorTime('cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2\n');
    expect(from).toEqual({ total: 1000, idle: 810, steal: 35 });
    const to = parseProcessorTime('cpu  150 0 50 840 10 0 5 45 0 0\n');
    expect(processorShares(from, to)).toEqual({ idle: 0.4, steal: 0.1 });
  });
});
