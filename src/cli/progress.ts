import type { CliContext } from './context.ts';

/** Tells a person how far a long command is: redrawn in place on a terminal, plain lines elsewhere. */
export interface Progress {
  /** A step of the work, with how much of it is done (0 to 1) and the time that is left. */
  update(text: string, done: number, leftMs: number): void;
  /** A line that stays. */
  line(text: string): void;
  /** Removes the line that is redrawn. */
  end(): void;
}

/** Writes a duration as people say it: `45 s`, `3 min 20 s`, `1 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const BAR_CELLS = 24;

/** Makes the progress display of a command on standard error. */
export function createProgress(context: CliContext): Progress {
  let drawn = false;
  const erase = (): void => {
    if (drawn) context.stderr('\r\u001b[K');
    drawn = false;
  };
  return {
    update(text, done, leftMs) {
      const share = Math.min(1, Math.max(0, done));
      const left = `${formatDuration(leftMs)} left`;
      if (!context.terminal) {
        context.stderr(`[${String(Math.round(share * 100)).padStart(3)} %] ${text}, ${left}\n`);
        return;
      }
      erase();
      const cells = Math.round(share * BAR_CELLS);
      const bar = '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells);
      context.stderr(`${bar} ${text}, ${left}`.slice(0, context.columns - 1));
      drawn = true;
    },
    line(text) {
      erase();
      context.stderr(`${text}\n`);
    },
    end: erase,
  };
}
