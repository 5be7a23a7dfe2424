import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, PriomeshError, programOf } from '../core/index.ts';
import type { Lab, LabProcess } from '../lab/index.ts';
import type { ProcessConfiguration } from './trial-configuration.ts';

/** Where the processes of a trial run, and where they leave their traces. */
export interface ProcessPlace {
  readonly lab: Lab;
  /** The trial's own folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A process of a trial. */
export interface Running {
  readonly name: string;
  readonly process: LabProcess;
}

/** How long a process may take until it serves, or has begun. */
export const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;
const LOG_TAIL_CHARACTERS = 1500;

const configFile = (folder: string, name: string): string => path.join(folder, 'config', `${name}.json`);
const logFile = (folder: string, name: string): string => path.join(folder, 'logs', `${name}.log`);

/** Writes what a process is told, where it and everybody else can read it. */
export async function writeConfiguration(
  folder: string,
  { name, config }: ProcessConfiguration<unknown>,
): Promise<void> {
  await writeFile(configFile(folder, name), JSON.stringify(config, null, 2));
}

/** Starts a process whose configuration has been written. */
export async function startProcess(
  { lab, folder }: ProcessPlace,
  main: string,
  { name, node }: Pick<ProcessConfiguration<unknown>, 'name' | 'node'>,
): Promise<Running> {
  const { argv } = await programOf(main);
  const process_ = await lab.spawn(node, [...argv, '--config', configFile(folder, name)], {
    stderrFile: logFile(folder, name),
  });
  return { name, process: process_ };
}

/** Resolves when a process says that it serves. Rejects with LAB_PROCESS_DIED, showing the end of its log, and with ABORTED. */
export async function awaitReady(one: Running, { folder, signal }: ProcessPlace): Promise<void> {
  try {
    await one.process.waitForLine((line) => line['event'] === 'ready', READY_TIMEOUT_MS, signal);
  } catch (error) {
    if (error instanceof PriomeshError && error.code === 'ABORTED') throw error;
    const log = await readFile(logFile(folder, one.name), 'utf8').catch(() => '');
    throw new PriomeshError(
      'LAB_PROCESS_DIED',
      `${one.name} did not become ready: ${messageOf(error)}\n${log.slice(-LOG_TAIL_CHARACTERS)}`,
      { cause: error, fix: `read ${logFile(folder, one.name)}` },
    );
  }
}

/** Asks a process to end, and ends it after a while if it does not listen. */
export async function stopProcess({ process: one }: Running): Promise<void> {
  const gone = one.exited.then(() => true);
  await one.signal('SIGTERM');
  const timer = AbortSignal.timeout(STOP_TIMEOUT_MS);
  const late = new Promise<false>((resolve) =>
    timer.addEventListener('abort', () => resolve(false), { once: true }),
  );
  if (!(await Promise.race([gone, late]))) {
    await one.signal('SIGKILL');
    await gone;
  }
}
