import os from 'node:os';
import { type Exec, hostExec } from '../src/core/index.ts';
import { findTool } from './programs.ts';

/** Where and with what a benchmark ran. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly versions: Readonly<Record<string, string>>;
  /** uncommitted changes are marked with `-dirty`; empty outside a repository. */
  readonly commit: string;
}

async function firstMatch(
  exec: Exec,
  argv: readonly [string, ...string[]],
  pattern: RegExp,
): Promise<string> {
  // nginx and wrk print their version to standard error, and wrk ends with status 1.
  const { stdout, stderr } = await exec.run(argv);
  return pattern.exec(`${stdout}\n${stderr}`)?.[1] ?? '';
}

/** Asks the machine and the programs what they are. */
export async function describeMachine(): Promise<Machine> {
  const version = (argv: readonly [string, ...string[]], pattern: RegExp) =>
    firstMatch(hostExec, argv, pattern);
  return {
    processor: os.cpus()[0]?.model.trim() ?? '',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    versions: {
      node: process.versions.node,
      haproxy: await version([await findTool('haproxy'), '-v'], /version (\S+)/),
      nginx: await version([await findTool('nginx'), '-v'], /nginx\/(\S+)/),
      wrk: await version([await findTool('wrk'), '-v'], /^wrk (\S+)/m),
    },
    commit: await version(['git', '-C', import.meta.dirname, 'describe', '--always', '--dirty'], /^(\S+)$/m),
  };
}
