import { InvalidArgumentError } from 'commander';
import { PriomeshError } from '../../core/index.ts';
import type { TapLine } from '../../sidecar/index.ts';
import { follow } from '../tap-follow.ts';
import { alignedText, jsonText } from '../tap-text.ts';
import type { Verb } from '../verb.ts';

interface TapFlags {
  json?: boolean;
  class?: string;
  service?: string;
  count?: number;
}

const MAX_COUNT = 1_000_000_000;

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new InvalidArgumentError(`a whole number from 1 to ${MAX_COUNT}`);
  }
  return count;
}

/** Whether the flags ask for an event. What is no event (that some are missing) is always shown. */
function isWanted(line: TapLine, { class: className, service }: TapFlags): boolean {
  if (line.event !== 'request' && line.event !== 'message' && line.event !== 'move') return true;
  if (className !== undefined && line.class !== className) return false;
  if (service === undefined || line.service === service) return true;
  return line.event === 'request' && line.to === service;
}

/** `priomesh tap WHERE`: what one sidecar does, or all of a run, until it ends or Ctrl-C. */
export const tapVerb: Verb = {
  configure(command, context) {
    command
      .argument(
        '<where>',
        "a tap's socket, a sidecar configuration with a tap, or the results folder of a run in progress",
      )
      .option('--json', 'print the events as JSON, one a line')
      .option('--class <name>', 'only requests and messages of this class')
      .option('--service <name>', 'only what the sidecar beside this service does, and calls of it')
      .option('--count <n>', 'end after so many events', parseCount)
      .action(async (where: string, flags: TapFlags) => {
        const enough = new AbortController();
        const signal = AbortSignal.any([context.signal, enough.signal]);
        const text = flags.json === true ? jsonText() : alignedText(context.colour);
        let shown = 0;
        const line = (one: TapLine): void => {
          if (signal.aborted || !isWanted(one, flags)) return;
          if (one.event === 'hello' && flags.class !== undefined && !one.classes.includes(flags.class)) {
            throw new PriomeshError('USAGE', `the sidecar of ${one.service} knows no class ${flags.class}`, {
              fix: `Its classes are ${one.classes.join(', ')}.`,
            });
          }
          context.stdout(text(one));
          if (one.event === 'request' || one.event === 'message') shown += 1;
          if (shown === flags.count) enough.abort();
        };
        const note = (words: string): void => context.stderr(`priomesh: ${words}\n`);
        try {
          await follow(where, context.cwd, { clock: context.clock, signal, line, note });
        } catch (error) {
          // Ctrl-C is how this command is meant to end.
          if (!signal.aborted) throw error;
        }
      });
  },
};
