import { abortError, type Exec, messageOf, PriomeshError, type Undo } from '../core/index.ts';
import { type Journal, runUndos } from './journal.ts';
import type { CommandStep } from './port-plan.ts';

/** The journal stays where something could not be taken back: it is then what {@link recoverJournal} starts from. */
async function takeBack(exec: Exec, done: readonly CommandStep[], journal: Journal): Promise<string[]> {
  const failures = await runUndos(
    exec,
    done.toReversed().map((step) => step.undo),
  );
  if (failures.length === 0) await journal.finish();
  return failures;
}

/**
 * Runs steps in order, each written to the journal before it is run. When one fails, what was done is undone and the
 * failure is thrown. Resolves to the undo of the whole, which does its work once however often it is called.
 */
export async function runSteps(
  exec: Exec,
  steps: readonly CommandStep[],
  journal: Journal,
  signal?: AbortSignal,
): Promise<Undo> {
  const done: CommandStep[] = [];
  for (const [index, step] of steps.entries()) {
    try {
      if (signal?.aborted === true) throw abortError(signal);
      await journal.write({ event: 'intend', step: index, command: step.command, undo: step.undo });
      done.push(step);
      const result = await exec.run(step.command, signal === undefined ? {} : { signal });
      if (result.exitCode !== 0) {
        // A tool that reports an error has changed nothing, and the undo could remove what somebody else put there.
        done.pop();
        await journal.write({ event: 'refused', step: index });
        throw new PriomeshError(
          'COMMAND_FAILED',
          `\`${step.command.join(' ')}\` ended with ${result.exitCode}: ${result.stderr.trim().slice(0, 2000)}`,
        );
      }
    } catch (error) {
      const failures = await takeBack(exec, done, journal);
      if (failures.length === 0) throw error;
      throw new PriomeshError(
        'COMMAND_FAILED',
        `${messageOf(error)}; and what was done could not all be taken back: ${failures.join('; ')}`,
        { cause: error },
      );
    }
  }
  let undoing: Promise<void> | undefined;
  return () => {
    undoing ??= takeBack(exec, done, journal).then((failures) => {
      if (failures.length === 0) return;
      throw new PriomeshError('COMMAND_FAILED', `could not be taken back: ${failures.join('; ')}`);
    });
    return undoing;
  };
}
