import { systemClock } from './clock.ts';

/** How much a log line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts beside a log line; values are printed as JSON. Never put a secret or a header value of a request here. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** The one logger of priomesh: lines with a level, a short message and facts. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** A logger that adds these facts to every line. */
  with(fields: LogFields): Logger;
}

/** A logger of which somebody may say, while it is used, what is too little to be written. */
export interface LeveledLogger extends Logger {
  /** The least that is written; it holds for all loggers made from this one by `with`. */
  level: LogLevel;
}

/** From the least to the most important. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes one JSON object a line: `{time, level, message, ...fields}`. */
export function jsonLogger(
  write: (line: string) => void,
  least: LogLevel = 'info',
  base: LogFields = {},
): LeveledLogger {
  return leveled(write, { least }, base);
}

function leveled(write: (line: string) => void, shared: { least: LogLevel }, base: LogFields): LeveledLogger {
  return {
    get level() {
      return shared.least;
    },
    set level(level) {
      shared.least = level;
    },
    log(level, message, fields = {}) {
      if (ORDER[level] < ORDER[shared.least]) return;
      const time = new Date(systemClock.wallMs()).toISOString();
      write(`${JSON.stringify({ time, level, message, ...base, ...fields })}\n`);
    },
    with: (fields) => leveled(write, shared, { ...base, ...fields }),
  };
}

/** A logger that keeps nothing. */
export const silentLogger: Logger = { log() {}, with: () => silentLogger };
