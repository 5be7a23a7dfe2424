import { stat } from 'node:fs/promises';
import path from 'node:path';
import { PriomeshError } from '../../core/index.ts';
import type { LiveView } from '../../telemetry/index.ts';
import type { CliContext } from '../context.ts';
import type { Screen } from '../screen.ts';
import { describeRun, watchRun } from '../top-follow.ts';
import { frameLines } from '../top-text.ts';
import type { Verb } from '../verb.ts';

interface TopFlags {
  once?: boolean;
  taps: boolean;
}

/** How often a frame is drawn on a terminal, and how often one is printed elsewhere. */
const DRAW_MS = 250;
const PRINT_MS = 2000;
/** Where `priomesh run` puts its results when it is not told. */
const RESULTS = 'results';
/** What ends it: `q`, `Q`, Ctrl-C. */
const END_KEYS: readonly string[] = ['q', 'Q', '\u0003'];

/** The results folder that is named, or the newest one below `results` that a run is writing into. @throws PriomeshError NO_RUN */
async function folderOf(where: string | undefined, { cwd }: CliContext): Promise<string> {
  if (where !== undefined) {
    const folder = path.resolve(cwd, where);
    const about = await stat(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      return undefined;
    });
    if (about?.isDirectory() !== true) throw new PriomeshError('NO_RUN', `${where}: there is no such folder`);
    return folder;
  }
  const { findNewestRun } = await import('../../experiment/index.ts');
  const parent = path.join(cwd, RESULTS);
  const found = await findNewestRun(parent);
  if (found === undefined) throw new PriomeshError('NO_RUN', `no run is in progress below ${parent}`);
  return found;
}

/** Draws what the view has to show until the signal fires: on a screen in place, elsewhere one frame under the other. */
async function drawFrames(
  view: LiveView,
  context: CliContext,
  { once, signal, leave }: { once: boolean; signal: AbortSignal; leave: () => void },
): Promise<void> {
  const { clock, colour } = context;
  if (once || context.openScreen === undefined) {
    const columns = context.openScreen === undefined ? Number.POSITIVE_INFINITY : context.columns;
    const paper = { columns, rows: Number.POSITIVE_INFINITY, colour };
    for (;;) {
      await clock.sleep(PRINT_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      context.stdout(`${frameLines(view.frame(), paper).join('\n')}\n\n`);
      if (once) return leave();
    }
  }
  const draw = (): void => screen.draw(frameLines(view.frame(), { ...sizeOf(screen), colour }));
  using screen = await context.openScreen({
    key: (text) => {
      if (END_KEYS.some((one) => text.includes(one))) leave();
    },
    resized: () => draw(),
  });
  while (!signal.aborted) {
    draw();
    await clock.sleep(DRAW_MS, signal).catch(() => undefined);
  }
}

const sizeOf = ({ columns, rows }: Screen): { columns: number; rows: number } => ({ columns, rows });

/** `priomesh top [FOLDER]`: a run in progress at a glance, until it ends, or q or Ctrl-C. */
export const topVerb: Verb = {
  configure(command, context) {
    command
      .argument(
        '[folder]',
        'the results folder of a run in progress; the newest one below `results` when it is left out',
      )
      .option('--once', `watch for ${PRINT_MS / 1000} seconds, print one frame, and end`)
      .option('--no-taps', 'leave the sidecars alone: only what files tell, without latencies')
      .action(async (where: string | undefined, { once = false, taps }: TopFlags) => {
        const left = new AbortController();
        const ended = new AbortController();
        const leaving = AbortSignal.any([context.signal, left.signal]);
        const { clock, colour } = context;
        const note = (text: string): void => context.stderr(`priomesh: ${text}\n`);
        try {
          const folder = await folderOf(where, context);
          const run = await describeRun(folder, { clock, signal: leaving, note });
          const { LiveView } = await import('../../telemetry/index.ts');
          const view = new LiveView(run, clock);
          const watched = watchRun(folder, view, { clock, signal: leaving, taps });
          await Promise.all([
            watched.finally(() => ended.abort()),
            drawFrames(view, context, {
              once,
              signal: AbortSignal.any([leaving, ended.signal]),
              leave: () => left.abort(),
            }),
          ]);
          if (leaving.aborted) return;
          if (context.openScreen !== undefined) {
            const paper = { columns: context.columns, rows: Number.POSITIVE_INFINITY, colour };
            context.stdout(`${frameLines(view.frame(), paper).join('\n')}\n`);
          }
          note('the run has ended');
        } catch (error) {
          // Ctrl-C is how this command is meant to end.
          if (!leaving.aborted) throw error;
        }
      });
  },
};
