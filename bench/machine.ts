import os from 'node:os';
import { type Exec, hostExec } from '../src/core/index.ts';
import { findTool } from './programs.ts';

type Program = Parameters<typeof findTool>[0];

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

/** What a program says its version is; nothing where it is not installed. */
async function versionOf(program: Program, pattern: RegExp, flag = '-v'): Promise<Record<string, string>> {
  let file: string;
  try {
    file = await findTool(program);
  } catch {
    return {};
  }
  return { [program]: await firstMatch(hostExec, [file, flag], pattern) };
}

/** Asks the machine and the programs what they are. */
export async function describeMachine(): Promise<Machine> {
  return {
    processor: os.cpus()[0]?.model.trim() ?? '',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    versions: {
      node: process.versions.node,
      ...(await versionOf('haproxy', /version (\S+)/)),
      ...(await versionOf('nginx', /nginx\/(\S+)/)),
      ...(await versionOf('nghttpx', /nghttp2\/(\S+)/)),
      ...(await versionOf('h2load', /nghttp2\/(\S+)/, '--version')),
      ...(await versionOf('wrk', /^wrk (\S+)/m)),
    },
    commit: await firstMatch(
      hostExec,
      ['git', '-C', import.meta.dirname, 'describe', '--always', '--dirty'],
      /^(\S+)$/m,
    ),
  };
}
