import type { Readable, Writable } from 'node:stream';
import { messageOf, PriomeshError } from '../core/index.ts';
import { LineSplitter } from './lines.ts';
import type { LabExit, LabLine, NetworkLayout } from './types.ts';

/** A command's two outputs of 16 MiB each, escaped as JSON at worst. */
const MESSAGE_LIMIT_BYTES = 256 * 1024 * 1024;

/** What the laboratory tells when its network stands (topologies/lab_network.py, `describe`). */
export interface LabDescription {
  readonly nodes: Readonly<Record<string, { address: string; address6: string }>>;
  readonly ports: readonly { label: string; node: string; device: string; rateMbit: number }[];
  readonly datapath: 'kernel' | 'user';
  readonly delay: 'netem' | 'bridge' | 'none';
  readonly limitations: readonly { what: string; why: string; instead: string }[];
  readonly switches: readonly string[];
  /** topologies/layout.py, `describe`. */
  readonly layout: NetworkLayout;
  readonly wires: readonly string[];
}

/** What reaches a process that was started with `spawn`. */
export interface ProcessEvents {
  deliver(line: LabLine): void;
  finish(exit: LabExit): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Message =
  | { event: 'ready' }
  | { event: 'failed'; what: string }
  | { event: 'line'; process: number; line: LabLine }
  | ({ event: 'exit'; process: number } & LabExit)
  | { event?: undefined; id: number; ok?: unknown; error?: string };

/** The runner's end of the JSON lines that topologies/lab.py speaks. */
export class LabChannel {
  readonly #input: Writable;
  readonly #pending = new Map<number, Pending>();
  readonly #processes = new Map<number, ProcessEvents>();
  readonly #ready = Promise.withResolvers<LabDescription>();
  readonly #onFailed: (error: Error) => void;
  #nextId = 1;
  #broken: Error | undefined;

  /** @param onFailed called once, when the laboratory says that it broke or what it says cannot be understood */
  constructor(input: Writable, output: Readable, onFailed: (error: Error) => void) {
    this.#input = input;
    this.#onFailed = onFailed;
    this.#ready.promise.catch(() => {});
    const splitter = new LineSplitter(MESSAGE_LIMIT_BYTES);
    output.on('data', (chunk: Buffer) => {
      for (const { text } of splitter.push(chunk)) this.#receive(text);
    });
    // The other end may close at any time; the process's exit tells it better.
    input.on('error', () => {});
    output.on('error', () => {});
  }

  /** Resolves when the network stands. */
  get ready(): Promise<LabDescription> {
    return this.#ready.promise;
  }

  /** Sends the order that opens the laboratory. */
  open(order: {
    topology: string;
    parameters: Record<string, number>;
    controller: boolean;
    logDirectory: string;
  }): void {
    this.#send(order);
  }

  /** Sends a request; `answer` resolves with what it returns, or rejects with an Error that says why not. */
  request(
    request: Record<string, unknown>,
    events?: ProcessEvents,
  ): { id: number; answer: Promise<unknown> } {
    const id = this.#nextId++;
    if (this.#broken !== undefined) return { id, answer: Promise.reject(this.#broken) };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    if (events !== undefined) this.#processes.set(id, events);
    this.#send({ ...request, id });
    return { id, answer: promise };
  }

  /** Kills a command that `request` started; its answer is an error. */
  cancel(command: number): void {
    if (this.#pending.has(command)) this.#send({ op: 'cancel', command });
  }

  /** Ends everything that waits: the laboratory is gone. */
  breakOff(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#ready.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    for (const one of this.#processes.values()) one.finish({ signal: 'SIGKILL' });
    this.#processes.clear();
  }

  #send(message: object): void {
    this.#input.write(`${JSON.stringify(message)}\n`);
  }

  #receive(text: string): void {
    try {
      this.#dispatch(JSON.parse(text) as Message);
    } catch (error) {
      this.#onFailed(
        new PriomeshError('LAB_FAILED', `the laboratory said '${text.slice(0, 200)}': ${messageOf(error)}`),
      );
    }
  }

  #dispatch(message: Message): void {
    switch (message.event) {
      case 'ready':
        this.#ready.resolve(message as unknown as LabDescription);
        return;
      case 'failed':
        this.#onFailed(new PriomeshError('LAB_FAILED', message.what));
        return;
      case 'line':
        this.#processes.get(message.process)?.deliver(message.line);
        return;
      case 'exit': {
        const { event: _event, process, ...exit } = message;
        this.#processes.get(process)?.finish(exit);
        this.#processes.delete(process);
        return;
      }
      default: {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.error === undefined) {
          pending?.resolve(message.ok);
        } else {
          this.#processes.delete(message.id);
          pending?.reject(new Error(message.error));
        }
      }
    }
  }
}
