import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { abortError, PriomeshError, systemClock } from '../src/core/index.ts';
import { childrenOf } from './proc.ts';
import { findTool } from './programs.ts';

const KEPT_CHARACTERS = 64 * 1024;
const TERM_TIMEOUT_MS = 3000;

/** How a process of the benchmark is started. */
export interface SpawnOptions {
  /** The core that it runs on, and nowhere else. */
  readonly core: number;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that the benchmark started. */
export class BenchProcess {
  readonly pid: number;
  readonly title: string;
  /** When it was started, by the clock of {@link systemClock}. */
  readonly spawnedMs = systemClock.nowMs();
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #readers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #ended = false;

  constructor(title: string, child: ChildProcess) {
    this.title = title;
    this.#child = child;
    this.pid = child.pid ?? 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-KEPT_CHARACTERS);
      this.#wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_CHARACTERS);
    });
    const end = (): void => {
      this.#ended = true;
      resolve();
      this.#wake();
    };
    child.once('error', (error) => {
      this.#stderr += error.message;
      end();
    });
    child.once('close', end);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The end of what it printed. */
  get stdout(): string {
    return this.#stdout;
  }

  /** An error about this process, with the end of what it wrote to standard error. */
  failure(what: string): PriomeshError {
    const said = this.#stderr.trim().slice(-2000);
    return new PriomeshError('COMMAND_FAILED', `${this.title} ${what}${said === '' ? '' : `: ${said}`}`);
  }

  /** Resolves with the first line that holds `text`; rejects when the process ends or is silent for too long. */
  async waitForLine(text: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    for (;;) {
      const complete = this.#stdout.slice(0, this.#stdout.lastIndexOf('\n') + 1);
      const line = complete.split('\n').find((one) => one.includes(text));
      if (line !== undefined) return line;
      if (this.#ended) throw this.failure(`ended before it printed ${text}`);
      if (signal.aborted) throw abortError(signal);
      if (deadline.aborted) throw this.failure(`did not print ${text} within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          deadline.removeEventListener('abort', done);
          this.#readers.delete(done);
          resolve();
        };
        deadline.addEventListener('abort', done, { once: true });
        this.#readers.add(done);
      });
    }
  }

  /** Resolves when it ended with status 0; rejects otherwise, or after `timeoutMs`. */
  async finished(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const aborted = deadline.aborted ? Promise.resolve() : once(deadline, 'abort');
    await Promise.race([this.exited, aborted]);
    if (signal.aborted) throw abortError(signal);
    if (!this.#ended) throw this.failure(`ran for more than ${timeoutMs} ms`);
    if (this.#child.exitCode !== 0) throw this.failure(`ended with status ${this.#child.exitCode}`);
  }

  /** Ends it, with force after a while, and then also what it had started. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#child.kill('SIGTERM');
    const enough = new AbortController();
    const forced = systemClock.sleep(TERM_TIMEOUT_MS, enough.signal).then(
      () => this.#kill(),
      () => undefined,
    );
    await this.exited;
    enough.abort();
    await forced;
  }

  async #kill(): Promise<void> {
    const children = await childrenOf(this.pid);
    this.#child.kill('SIGKILL');
    for (const pid of children) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
  }

  #wake(): void {
    for (const reader of [...this.#readers]) reader();
  }
}

/** All processes of a benchmark: what was started here is ended here. */
export class ProcessGroup {
  readonly signal: AbortSignal;
  readonly #setpriv: string;
  readonly #taskset: string;
  readonly #processes = new Set<BenchProcess>();

  private constructor(signal: AbortSignal, setpriv: string, taskset: string) {
    this.signal = signal;
    this.#setpriv = setpriv;
    this.#taskset = taskset;
  }

  /** @throws PriomeshError PLATFORM_MISSING without util-linux's programs */
  static async open(signal: AbortSignal): Promise<ProcessGroup> {
    return new ProcessGroup(signal, await findTool('setpriv'), await findTool('taskset'));
  }

  /** Starts a program on a core. setpriv and taskset become the program, so that its pid and its signals are the program's. */
  spawn(title: string, argv: readonly [string, ...string[]], { core, env = {} }: SpawnOptions): BenchProcess {
    if (this.signal.aborted) throw abortError(this.signal);
    // The kernel asks it to end when this process is gone, however it went.
    const args = ['--pdeathsig', 'TERM', this.#taskset, '--cpu-list', String(core), ...argv];
    const child = spawn(this.#setpriv, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C is for this process, which then ends the others.
      detached: true,
      env: { ...process.env, ...env },
    });
    const started = new BenchProcess(title, child);
    this.#processes.add(started);
    started.exited.then(() => this.#processes.delete(started));
    return started;
  }

  /** Ends everything that still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((one) => one.end()));
  }
}
