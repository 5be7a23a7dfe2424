import type { Exec, Platform } from '../core/index.ts';
import type { LabCapabilities } from '../lab/index.ts';

/** What a probe found. */
export interface ProbeResult {
  /** `ok`: all of it is there; `degraded`: something else is used instead; `missing`: what it serves is switched off. */
  readonly status: 'ok' | 'degraded' | 'missing';
  /** What was found, in a few words. */
  readonly detail: string;
  /** The exact command or step that would bring what is missing. */
  readonly fix?: string;
}

/** What probes look with. */
export interface ProbeContext {
  readonly exec: Exec;
  /** What processes can do where an experiment runs, or why that could not be found out. */
  readonly platform: Platform | string;
  /** What the Mininet laboratory would find here. */
  readonly lab: LabCapabilities;
  readonly signal: AbortSignal;
}

/** One question to the machine, in a file of its own under `probes/`. */
export interface Probe {
  /** A short stable name: `openvswitch`. */
  readonly name: string;
  /** What is lost without it: a column of the policy, or a part of the laboratory. */
  readonly serves: string;
  run(context: ProbeContext): Promise<ProbeResult>;
}
