import { abortError, PriomeshError } from '../core/index.ts';
import type { LabExit, LabLine, LabProcess } from './types.ts';

const KEPT_LINES = 1000;

interface Waiter {
  readonly predicate: (line: LabLine) => boolean;
  readonly found: (line: LabLine) => void;
  readonly ended: (exit: LabExit) => void;
}

/** What a laboratory hands to the process that it tracks. */
export interface ProcessHooks {
  /** For messages: the program and its node. */
  readonly title: string;
  readonly stderrFile: string;
  sendSignal(name: NodeJS.Signals): Promise<void>;
  onLine?: ((line: LabLine) => void) | undefined;
}

/** The side of a {@link LabProcess} that is the same in every laboratory: lines, waiting, the end. */
export class TrackedProcess implements LabProcess {
  readonly id: number;
  readonly exited: Promise<LabExit>;
  readonly #hooks: ProcessHooks;
  readonly #waiters = new Set<Waiter>();
  readonly #resolveExited: (exit: LabExit) => void;
  #lines: LabLine[] = [];
  #exit: LabExit | undefined;

  constructor(id: number, hooks: ProcessHooks) {
    this.id = id;
    this.#hooks = hooks;
    const { promise, resolve } = Promise.withResolvers<LabExit>();
    this.exited = promise;
    this.#resolveExited = resolve;
  }

  /** The laboratory read a line. */
  deliver(line: LabLine): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
    for (const waiter of [...this.#waiters]) {
      if (waiter.predicate(line)) waiter.found(line);
    }
    this.#hooks.onLine?.(line);
  }

  /** The laboratory saw it end; a second call is ignored. */
  finish(exit: LabExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const waiter of [...this.#waiters]) waiter.ended(exit);
    this.#resolveExited(exit);
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    if (this.#exit !== undefined) return;
    try {
      await this.#hooks.sendSignal(name);
    } catch (error) {
      // It may have ended while the signal was on its way.
      if (this.#exit === undefined) throw error;
    }
  }

  waitForLine(
    predicate: (line: LabLine) => boolean,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<LabLine> {
    const known = this.#lines.slice(-KEPT_LINES).find(predicate);
    if (known !== undefined) return Promise.resolve(known);
    if (this.#exit !== undefined) return Promise.reject(this.#died(this.#exit));
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        predicate,
        found: (line) => settle(() => resolve(line)),
        ended: (exit) => settle(() => reject(this.#died(exit))),
      };
      const onAbort = (): void => settle(() => reject(abortError(signal as AbortSignal)));
      const timer = setTimeout(() => settle(() => reject(this.#silent(timeoutMs))), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #died(exit: LabExit): PriomeshError {
    const how = exit.signal ?? `exit status ${exit.exitCode}`;
    const message = `${this.#hooks.title} ended (${how}) before it printed what was waited for`;
    return new PriomeshError('LAB_PROCESS_DIED', message, { fix: `Read ${this.#hooks.stderrFile}.` });
  }

  #silent(timeoutMs: number): PriomeshError {
    const message = `${this.#hooks.title} did not print what was waited for within ${timeoutMs} ms`;
    return new PriomeshError('LAB_PROCESS_DIED', message, { fix: `Read ${this.#hooks.stderrFile}.` });
  }
}
