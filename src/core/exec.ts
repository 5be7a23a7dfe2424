import { abortError, messageOf, PriomeshError } from './errors.ts';

/** How one command is run. */
export interface ExecOptions {
  readonly signal?: AbortSignal;
  /** Kills the command after this time. Default 30,000. */
  readonly timeoutMs?: number;
  /** What the command reads from standard input. Default: nothing. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command that ran to its end left. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The one way to run a system command: an argument array, never a shell. A laboratory hands out one for each of its
 * nodes, so that the same planning code works on this machine and inside an emulated host.
 */
export interface Exec {
  /** Runs to the end and reports, whatever the exit status. Rejects with COMMAND_FAILED when the command cannot be started or times out, with ABORTED when the signal fires first. */
  run(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ExecResult>;
}

const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;

/** Runs commands on this machine, in the namespaces of this process, through execa. */
export const hostExec: Exec = {
  async run([file, ...args], options = {}) {
    const { signal } = options;
    const { execa } = await import('execa');
    try {
      const result = await execa(file, args, {
        reject: false,
        stdin: options.input === undefined ? 'ignore' : 'pipe',
        ...(options.input === undefined ? {} : { input: options.input }),
        ...(signal === undefined ? {} : { cancelSignal: signal }),
        ...(options.env === undefined ? {} : { env: { ...options.env } }),
        timeout: options.timeoutMs ?? 30_000,
        maxBuffer: OUTPUT_LIMIT_BYTES,
        stripFinalNewline: false,
      });
      if (result.isCanceled && signal !== undefined) throw abortError(signal);
      if (result.exitCode === undefined) {
        throw new PriomeshError('COMMAND_FAILED', `${file}: ${result.shortMessage ?? 'did not run'}`, {
          cause: result,
        });
      }
      return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
    } catch (error) {
      if (error instanceof PriomeshError) throw error;
      throw new PriomeshError('COMMAND_FAILED', `${file}: ${messageOf(error)}`, { cause: error });
    }
  },
};

/** Runs a command that must succeed; rejects with COMMAND_FAILED, quoting what it printed, when it does not. */
export async function mustRun(
  exec: Exec,
  argv: readonly [string, ...string[]],
  options?: ExecOptions,
): Promise<ExecResult> {
  const result = await exec.run(argv, options);
  if (result.exitCode !== 0) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(0, 2000);
    throw new PriomeshError('COMMAND_FAILED', `\`${argv.join(' ')}\` ended with ${result.exitCode}: ${said}`);
  }
  return result;
}
