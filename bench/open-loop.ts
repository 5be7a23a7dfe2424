import { PriomeshError } from '../src/core/index.ts';
import type { OpenLoopResult, OpenLoopTask } from './open-loop/run.ts';
import type { ProcessGroup } from './processes.ts';

export type { OpenLoopResult, OpenLoopTask } from './open-loop/run.ts';

const MAIN = new URL('./open-loop-main.ts', import.meta.url).pathname;
const SPARE_MS = 15_000;

/** Runs the open-loop generator in a process of its own, with arrivals of a Poisson process. @throws PriomeshError COMMAND_FAILED */
export async function runOpenLoop(
  processes: ProcessGroup,
  task: OpenLoopTask,
  core: number,
): Promise<OpenLoopResult> {
  const argv = [process.execPath, MAIN, JSON.stringify(task)] as const;
  const child = processes.spawn('generator', argv, { core });
  await child.finished(task.warmupMs + task.measureMs + SPARE_MS, processes.signal);
  const result = JSON.parse(child.stdout) as { [Name in keyof OpenLoopResult]: number | null };
  if (result.p50Ms === null)
    throw new PriomeshError('COMMAND_FAILED', 'no request of the open loop was answered');
  return result as OpenLoopResult;
}
