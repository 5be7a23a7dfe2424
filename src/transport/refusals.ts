import type { Logger } from '../core/index.ts';
import { errnoName, type OptionName } from './socket-options.ts';

/** A socket option that the kernel did not accept; the connection goes on without it. */
export interface Refusal {
  readonly option: OptionName;
  readonly value: string | number;
  /** `EPERM`, `ENOENT`, ... (errno(3)). */
  readonly errno: string;
}

/** How many kinds are told apart; the rest is counted together. */
const KINDS_MAX = 64;
const OTHER = 'other';

/** Counts refused socket options by kind, and logs the first of each kind. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #counts = new Map<string, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Notes that setting `option` to `value` ended with `result`, a negated errno. */
  record(option: OptionName, value: string | number, result: number): Refusal {
    const errno = errnoName(result);
    let kind = `${option}=${value}: ${errno}`;
    let count = this.#counts.get(kind);
    if (count === undefined && this.#counts.size >= KINDS_MAX) {
      kind = OTHER;
      count = this.#counts.get(kind);
    }
    this.#counts.set(kind, (count ?? 0) + 1);
    if (count === undefined) {
      this.#logger.log('warn', 'the kernel refused a socket option; the connection goes on without it', {
        code: 'SOCKET_OPTION',
        option,
        value,
        errno,
      });
    }
    return { option, value, errno };
  }

  /** How often each kind was refused: `TCP_CONGESTION=cubic: EPERM` -> 3. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
