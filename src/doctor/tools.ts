import { abortError } from '../core/index.ts';
import type { ProbeContext, ProbeResult } from './probe.ts';

/** The first line that a command prints when it ends well, or undefined when it is not there or fails. */
export async function firstLine(
  { exec, signal }: ProbeContext,
  argv: readonly [string, ...string[]],
): Promise<string | undefined> {
  try {
    const result = await exec.run(argv, { signal, timeoutMs: 20_000 });
    if (result.exitCode !== 0) return undefined;
    return (result.stdout || result.stderr).trim().split('\n', 1)[0] ?? '';
  } catch {
    if (signal.aborted) throw abortError(signal);
    return undefined;
  }
}

/** A result for a program that a Debian package brings. */
export function installed(version: string | undefined, debianPackage: string): ProbeResult {
  if (version === undefined) {
    return { status: 'missing', detail: 'not installed', fix: `apt-get install ${debianPackage}` };
  }
  return { status: 'ok', detail: version };
}
