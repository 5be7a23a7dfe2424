import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { messageOf, PriomeshError } from '../../core/index.ts';

/** Longer than any honest answer: some 10,000 queueing disciplines. */
const LINE_LIMIT_BYTES = 4 * 1024 * 1024;
const STDERR_LIMIT_CHARACTERS = 500;

/**
 * The question, twice: tc flushes its output after each queueing discipline, but not after the bracket that ends the
 * list, and that comes out with the next list. (Asking for one interface is no way out: in a batch, tc before 6.9 goes on showing only
 * that one.) Starting a tc for each question instead takes 2.4 ms of processor time, this 0.1 ms (iproute2 6.1, 30 interfaces).
 */
const QUESTION = 'qdisc show\nqdisc show\n';

interface Waiter {
  readonly resolve: (line: string) => void;
  readonly reject: (error: unknown) => void;
}

/** A tc(8) that runs as long as somebody asks it: `tc -s -j -batch -`. Ends with {@link close}; one question at a time. */
export class TcSession {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Lines of the output that answer nothing: the second of each pair. */
  #skip = 0;
  #waiter: Waiter | undefined;
  #said = '';
  #fault: PriomeshError | undefined;

  constructor(argv: readonly [string, ...string[]] = ['tc']) {
    const [file, ...before] = argv;
    const child = spawn(file, [...before, '-s', '-j', '-batch', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(0, STDERR_LIMIT_CHARACTERS);
    });
    child.stdin.on('error', () => {}); // Its exit says more.
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#fail(`tc cannot be started: ${messageOf(error)}`);
        resolve();
      });
      child.once('close', (code, signal) => {
        this.#fail(`tc ended (${signal ?? `exit status ${code}`}): ${this.#said.trim()}`);
        resolve();
      });
    });
  }

  /** All queueing disciplines now, as one line of JSON. @throws PriomeshError COMMAND_FAILED when tc has ended or the signal fires first */
  ask(signal: AbortSignal): Promise<string> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    if (this.#waiter !== undefined) throw new RangeError('one question at a time');
    return new Promise((resolve, reject) => {
      const give = (act: () => void): void => {
        signal.removeEventListener('abort', abort);
        this.#waiter = undefined;
        act();
      };
      const abort = (): void => {
        this.#fail('tc does not answer');
      };
      this.#waiter = {
        resolve: (line) => give(() => resolve(line)),
        reject: (error) => give(() => reject(error)),
      };
      if (signal.aborted) {
        abort();
        return;
      }
      signal.addEventListener('abort', abort, { once: true });
      this.#child.stdin.write(QUESTION);
    });
  }

  /** Ends the process; resolves when it is gone. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #fail(why: string): void {
    this.#fault ??= new PriomeshError('COMMAND_FAILED', why);
    this.#waiter?.reject(this.#fault);
  }

  #read(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      this.#parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
      if (line === '') continue;
      if (this.#skip > 0) this.#skip -= 1;
      else {
        this.#skip = 1;
        this.#waiter?.resolve(line);
      }
    }
    const rest = chunk.subarray(start);
    this.#parts.push(rest);
    this.#bytes += rest.length;
    if (this.#bytes > LINE_LIMIT_BYTES) this.#fail('tc printed a line without end');
  }
}
