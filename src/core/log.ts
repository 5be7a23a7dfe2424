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

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes one JSON object a line: `{time, level, message, ...fields}`. */
export function jsonLogger(
  write: (line: string) => void,
  least: LogLevel = 'info',
  base: LogFields = {},
): Logger {
  return {
    log(level, message, fields = {}) {
      if (ORDER[level] < ORDER[least]) return;
      const time = new Date(systemClock.wallMs()).toISOString();
      write(`${JSON.stringify({ time, level, message, ...base, ...fields })}\n`);
    },
    with: (fields) => jsonLogger(write, least, { ...base, ...fields }),
  };
}

/** A logger that keeps nothing. */
export const silentLogger: Logger = { log() {}, with: () => silentLogger };
