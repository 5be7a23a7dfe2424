import { type Exec, PriomeshError, type Undo } from '../core/index.ts';
import { clearRootSteps } from './existing-root.ts';
import { openJournal } from './journal.ts';
import type { PortPlan } from './port-plan.ts';
import { runSteps } from './run-steps.ts';
import { type ClassStatistics, portStatistics } from './statistics.ts';
import { verifyPort } from './verify.ts';

/** How a plan is applied. */
export interface ApplyOptions {
  /** A file that says what to take back after a crash ({@link recoverJournal}). It must not exist, and is removed by the undo. */
  readonly journalFile?: string;
  /** Removes a root qdisc that stands there even where it cannot be put back. Default false. */
  readonly replace?: boolean;
  readonly signal?: AbortSignal;
}

/** A plan that stands. */
export interface AppliedPort {
  readonly plan: PortPlan;
  /** Reads back from the kernel; rejects with READBACK_MISMATCH, naming what differs from the plan. */
  verify(): Promise<void>;
  /** Counters of each class since it was made, in the plan's order. */
  statistics(): Promise<ClassStatistics[]>;
  /** Puts back what stood before. Safe to call twice; never cancelled. */
  readonly undo: Undo;
}

/**
 * Makes a plan stand, through the Exec of the node that has the port. All or nothing: on a failure or an abort
 * everything done so far is undone before it rejects.
 * Rejects with PLATFORM_MISSING for a plan that is not served, QDISC_PRESENT where something foreign stands, and
 * COMMAND_FAILED.
 */
export async function applyPort(
  exec: Exec,
  plan: PortPlan,
  options: ApplyOptions = {},
): Promise<AppliedPort> {
  if (!plan.served) {
    const why = plan.limitations.map((each) => each.why).join('; ');
    throw new PriomeshError('PLATFORM_MISSING', `${plan.port.label} cannot be shaped: ${why}`);
  }
  const clearing = await clearRootSteps(exec, plan.port, options.replace ?? false);
  const journal = await openJournal(options.journalFile);
  const undo = await runSteps(exec, [...clearing, ...plan.steps], journal, options.signal);
  return {
    plan,
    verify: () => verifyPort(exec, plan),
    statistics: () => portStatistics(exec, plan),
    undo,
  };
}
