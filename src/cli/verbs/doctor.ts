import { abortError, hostExec, messageOf, type Platform } from '../../core/index.ts';
import type { Diagnosis } from '../../doctor/index.ts';
import type { CliContext } from '../context.ts';
import type { Verb } from '../verb.ts';

const SIGN = { ok: 'ok      ', degraded: 'degraded', missing: 'missing ' } as const;

/** The answers as a person reads them: a line each, and under what is not all right, what is lost and the fix. */
export function describeDiagnoses(diagnoses: readonly Diagnosis[]): string {
  const width = Math.max(...diagnoses.map((one) => one.name.length));
  const lines = diagnoses.flatMap((one) => {
    const line = `${SIGN[one.status]}  ${one.name.padEnd(width)}  ${one.detail}`;
    if (one.status === 'ok') return [line];
    const indent = ' '.repeat(SIGN.ok.length + width + 4);
    const lost = one.status === 'missing' ? [`${indent}without it: no ${one.serves}`] : [];
    return [line, ...lost, ...(one.fix === undefined ? [] : [`${indent}fix: ${one.fix}`])];
  });
  return `${lines.join('\n')}\n`;
}

async function platformHere(context: CliContext): Promise<Platform | string> {
  const { probePlatform } = await import('../../experiment/index.ts');
  try {
    return await probePlatform('mininet', context.signal);
  } catch (error) {
    if (context.signal.aborted) throw abortError(context.signal);
    return `could not be probed: ${messageOf(error).split('\n', 1)[0]}`;
  }
}

/** `priomesh doctor`: what this machine can do, and how to bring what it lacks. */
export const doctorVerb: Verb = {
  configure(command, context, finish) {
    command.option('--json', 'print the answers as JSON').action(async (flags: { json?: boolean }) => {
      const { examine } = await import('../../doctor/index.ts');
      const platform = await platformHere(context);
      const diagnoses = await examine({ exec: hostExec, platform, signal: context.signal });
      context.stdout(
        flags.json === true ? `${JSON.stringify(diagnoses, null, 2)}\n` : describeDiagnoses(diagnoses),
      );
      if (diagnoses.some((one) => one.status === 'missing')) finish('platform');
    });
  },
};
