import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { abortError, type Exec, messageOf, mustRun, PriomeshError } from '../core/index.ts';

const TIMEOUT_MS = 120_000;
const RUNNER = fileURLToPath(new URL('./run-notebook.py', import.meta.url));

const outputSchema = z.looseObject({ output_type: z.string() });
const answerSchema = z.object({ version: z.string(), outputs: z.array(z.array(outputSchema)) });

/** An output of a cell, as nbformat 4.5 has it. */
export type CellOutput = z.infer<typeof outputSchema>;

/** What running the cells gave. A cell that raised is the last with outputs. */
export interface CellRun {
  readonly pythonVersion: string;
  readonly outputs: readonly (readonly CellOutput[])[];
}

/**
 * Runs code cells with the system's Python in the results folder and gives their real outputs; undefined when there is no
 * `python3`. Rejects with COMMAND_FAILED when Python itself breaks, ABORTED when the signal fires.
 */
export async function runCells(
  exec: Exec,
  folder: string,
  cells: readonly string[],
  signal?: AbortSignal,
): Promise<CellRun | undefined> {
  const options = signal === undefined ? {} : { signal };
  try {
    await mustRun(exec, ['python3', '-c', 'import gzip, statistics; statistics.quantiles'], options);
  } catch (error) {
    if (signal?.aborted === true) throw abortError(signal);
    if (error instanceof PriomeshError && error.code === 'COMMAND_FAILED') return undefined;
    throw error;
  }
  const { stdout } = await mustRun(exec, ['python3', RUNNER], {
    ...options,
    input: JSON.stringify({ folder, cells }),
    timeoutMs: TIMEOUT_MS,
  });
  try {
    const answer = answerSchema.parse(JSON.parse(stdout));
    return { pythonVersion: answer.version, outputs: answer.outputs };
  } catch (error) {
    throw new PriomeshError('COMMAND_FAILED', `the notebook's cells gave no answer: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
