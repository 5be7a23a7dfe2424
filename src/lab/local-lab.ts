import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { abortError, type BottleneckPort, type Exec, hostExec, PriomeshError } from '../core/index.ts';
import { LineSplitter, toLabLine } from './lines.ts';
import { type LoopbackNetwork, reserveLoopback } from './loopback.ts';
import { TrackedProcess } from './process.ts';
import { findProgram } from './programs.ts';
import { hostNames } from './topology.ts';
import type { Lab, LabLink, LabNode, LabOptions, LabProcess, SpawnOptions } from './types.ts';

const LINE_LIMIT_BYTES = 256 * 1024;
const CLOSE_TIMEOUT_MS = 2000;

const LIMITATIONS = [
  'kernel layer: off, because the local laboratory has no network interfaces of its own to put traffic classes on',
  'network layer: off, because the local laboratory has no switches and no second path',
  'mark layer: sockets are marked, but nothing on the loopback interface reads the marks',
  'transport layer: congestion control is set, but there is no bottleneck and no delay for it to meet',
];

/** The laboratory without a network: every node is an address on the loopback interface of this machine. */
class LocalLab implements Lab {
  readonly kind = 'local';
  readonly nodes: Readonly<Record<string, LabNode>>;
  readonly ports: readonly BottleneckPort[] = [];
  readonly links: readonly LabLink[] = [];
  readonly layout = undefined;
  readonly limitations: readonly string[] = LIMITATIONS;
  /** Never fires: there is nothing beside the experiment's own processes that could break. */
  readonly failed: AbortSignal = new AbortController().signal;
  readonly #network: LoopbackNetwork;
  readonly #setpriv: string | undefined;
  readonly #running = new Map<ChildProcess, TrackedProcess>();
  #nextId = 1;
  #closing: Promise<void> | undefined;

  constructor(names: readonly string[], network: LoopbackNetwork, setpriv: string | undefined) {
    this.#network = network;
    this.#setpriv = setpriv;
    this.nodes = Object.fromEntries(
      names.map((name, index) => [name, { address: network.address(index + 1) }]),
    );
  }

  execOn(node: string): Exec {
    this.#check(node);
    return hostExec;
  }

  async spawn(
    node: string,
    argv: readonly [string, ...string[]],
    options: SpawnOptions,
  ): Promise<LabProcess> {
    this.#check(node);
    const program = await findProgram(argv[0]);
    const title = `${path.basename(argv[0])} in ${node}`;
    if (program === undefined) throw new PriomeshError('COMMAND_FAILED', `${title}: command not found`);
    const command: [string, ...string[]] = [program, ...argv.slice(1)];
    // setpriv becomes the program, so signals reach it; the kernel ends it when this process ends.
    const [file, ...args]: [string, ...string[]] =
      this.#setpriv === undefined ? command : [this.#setpriv, '--pdeathsig', 'KILL', ...command];
    const stderr = await open(options.stderrFile, 'a');
    try {
      if (this.#closing !== undefined) throw new PriomeshError('LAB_FAILED', 'the laboratory is closed');
      const child = spawn(file, args, {
        // Standard input stays open: its end tells the process that this one is gone.
        stdio: ['pipe', 'pipe', stderr.fd],
        // A session of its own: Ctrl-C is for this process, which then ends the others in order.
        detached: true,
        env: { ...process.env, ...options.env },
      });
      return this.#track(child, title, options);
    } finally {
      await stderr.close();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#takeDown();
    return this.#closing;
  }

  #track(child: ChildProcess, title: string, options: SpawnOptions): TrackedProcess {
    const tracked = new TrackedProcess(this.#nextId++, {
      title,
      stderrFile: options.stderrFile,
      onLine: options.onLine,
      sendSignal: async (name) => {
        child.kill(name);
      },
    });
    this.#running.set(child, tracked);
    const splitter = new LineSplitter(LINE_LIMIT_BYTES);
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) tracked.deliver(toLabLine(line));
    });
    child.stdout?.on('end', () => {
      for (const line of splitter.end()) tracked.deliver(toLabLine(line));
    });
    child.stdin?.on('error', () => {});
    const finish = (exitCode: number | null, signal: string | null): void => {
      this.#running.delete(child);
      tracked.finish(signal === null ? { exitCode: exitCode ?? 127 } : { signal });
    };
    child.once('error', () => finish(127, null));
    child.once('close', finish);
    return tracked;
  }

  async #takeDown(): Promise<void> {
    const children = [...this.#running];
    for (const [child] of children) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const [child] of this.#running) child.kill('SIGKILL');
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(children.map(([, tracked]) => tracked.exited));
    clearTimeout(timer);
    await this.#network.release();
  }

  #check(node: string): void {
    if (!Object.hasOwn(this.nodes, node)) throw new RangeError(`the laboratory has no node ${node}`);
  }
}

/** Opens a laboratory on loopback. Needs no privileges and no installed packages. */
export async function openLocalLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  if (signal.aborted) throw abortError(signal);
  const names = hostNames(options.topology.nodes);
  const setpriv = await findProgram('setpriv');
  const network = await reserveLoopback(process.pid);
  for (const limitation of LIMITATIONS) options.logger.log('info', limitation);
  return new LocalLab(names, network, setpriv);
}
