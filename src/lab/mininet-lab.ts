import path from 'node:path';
import {
  abortError,
  type BottleneckPort,
  type Exec,
  type ExecOptions,
  type ExecResult,
  messageOf,
  PriomeshError,
} from '../core/index.ts';
import { LabChannel, type LabDescription } from './mininet-channel.ts';
import { explainEnd, type LaunchedLab, launch } from './mininet-launch.ts';
import { TrackedProcess } from './process.ts';
import { topologyParameters } from './topology.ts';
import type { Lab, LabLink, LabNode, LabOptions, LabProcess, NetworkLayout, SpawnOptions } from './types.ts';

const CLOSE_TIMEOUT_MS = 5000;
const EXEC_TIMEOUT_MS = 30_000;

/** The real laboratory: a Mininet network with Open vSwitch, in namespaces of its own. */
class MininetLab implements Lab {
  readonly kind = 'mininet';
  readonly nodes: Readonly<Record<string, LabNode>>;
  readonly ports: readonly BottleneckPort[];
  readonly layout: NetworkLayout;
  readonly links: readonly LabLink[];
  readonly limitations: readonly string[];
  readonly failed: AbortSignal;
  readonly #known: ReadonlySet<string>;
  readonly #channel: LabChannel;
  readonly #close: () => Promise<void>;

  constructor(
    description: LabDescription,
    options: LabOptions,
    parts: { channel: LabChannel; failed: AbortSignal; close: () => Promise<void> },
  ) {
    this.nodes = description.nodes;
    this.#known = new Set([...Object.keys(this.nodes), ...description.switches, ...description.wires]);
    this.ports = description.ports.map(({ label, node, device, rateMbit }) => ({
      label,
      node,
      device,
      rateBps: Math.round(rateMbit * 1e6),
      queuePackets: options.topology.queuePackets,
    }));
    this.layout = description.layout;
    this.links = this.layout.links.map(({ id, from, device, rateBps, portLabel }) => ({
      id,
      node: from,
      device,
      rateBps,
      portLabel,
    }));
    this.limitations = description.limitations.map((one) => `${one.what}: ${one.why}; ${one.instead}`);
    this.#channel = parts.channel;
    this.failed = parts.failed;
    this.#close = parts.close;
  }

  execOn(node: string): Exec {
    this.#check(node);
    return { run: (argv, options) => this.#run(node, argv, options) };
  }

  async spawn(
    node: string,
    argv: readonly [string, ...string[]],
    options: SpawnOptions,
  ): Promise<LabProcess> {
    this.#check(node);
    const stderrFile = path.resolve(options.stderrFile);
    const title = `${path.basename(argv[0])} in ${node}`;
    const request = { op: 'spawn', node, argv, stderrFile, env: options.env ?? {} };
    // Lines may follow the answer at once, so their receiver has to stand before it.
    const hooks = {
      title,
      stderrFile,
      onLine: options.onLine,
      sendSignal: async (name: NodeJS.Signals) => {
        await this.#channel.request({ op: 'signal', process: id, name }).answer;
      },
    };
    let tracked: TrackedProcess | undefined;
    const { id, answer } = this.#channel.request(request, {
      deliver: (line) => tracked?.deliver(line),
      finish: (exit) => tracked?.finish(exit),
    });
    tracked = new TrackedProcess(id, hooks);
    try {
      await answer;
    } catch (error) {
      if (error instanceof PriomeshError) throw error;
      throw new PriomeshError('COMMAND_FAILED', `${title}: ${messageOf(error)}`, { cause: error });
    }
    return tracked;
  }

  close(): Promise<void> {
    return this.#close();
  }

  #check(node: string): void {
    if (!this.#known.has(node)) throw new RangeError(`the laboratory has no node ${node}`);
  }

  async #run(
    node: string,
    argv: readonly [string, ...string[]],
    options: ExecOptions = {},
  ): Promise<ExecResult> {
    const { signal, timeoutMs = EXEC_TIMEOUT_MS, input, env = {} } = options;
    if (signal?.aborted === true) throw abortError(signal);
    const request = { op: 'exec', node, argv, env, ...(input === undefined ? {} : { input }) };
    const { id, answer } = this.#channel.request(request);
    let aborted = false;
    let late = false;
    const onAbort = (): void => {
      aborted = true;
      this.#channel.cancel(id);
    };
    const timer = setTimeout(() => {
      late = true;
      this.#channel.cancel(id);
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return (await answer) as ExecResult;
    } catch (error) {
      if (error instanceof PriomeshError) throw error;
      if (signal !== undefined && aborted) throw abortError(signal);
      const why = late ? `still ran after ${timeoutMs} ms` : messageOf(error);
      throw new PriomeshError('COMMAND_FAILED', `${argv[0]} in ${node}: ${why}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

const wasAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Ends the laboratory's process and waits until everything in its namespaces is gone. */
async function takeDown({ child, gone }: LaunchedLab): Promise<void> {
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/**
 * Builds the network and resolves when traffic can flow. Rejects with PLATFORM_MISSING, PLATFORM_FORBIDDEN, LAB_FAILED
 * or ABORTED; nothing is left then. The signal ends the opening, not the open laboratory.
 */
export async function openMininetLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  if (signal.aborted) throw abortError(signal);
  const { topology, logger } = options;
  const parameters = topologyParameters(topology);
  const launched = await launch(options.logDirectory);
  const { child, gone, logFile } = launched;
  const broken = new AbortController();
  let closing: Promise<void> | undefined;
  let whole = true;

  const fail = (error: Error): void => {
    if (!whole) return;
    whole = false;
    channel.breakOff(error);
    if (closing === undefined) broken.abort(error);
  };
  const failNamed = (error: Error): void => {
    const fix = `Read ${logFile} and the other logs beside it.`;
    fail(new PriomeshError('LAB_FAILED', messageOf(error), { cause: error, fix }));
  };
  if (child.stdin === null || child.stdout === null)
    throw new Error('the laboratory was started without pipes');
  const channel = new LabChannel(child.stdin, child.stdout, failNamed);
  child.once('error', failNamed);
  void gone.then(() => failNamed(new Error('the process at the root of the laboratory ended')));

  const close = (): Promise<void> => {
    closing ??= takeDown(launched);
    return closing;
  };
  const onAbort = (): void => fail(abortError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  // It may have fired while the process was being started.
  if (wasAborted(signal)) onAbort();
  try {
    channel.open({
      topology: topology.name,
      parameters,
      controller: topology.controller === true,
      logDirectory: path.resolve(options.logDirectory),
    });
    const description = await channel.ready;
    const { datapath, delay } = description;
    logger.log('info', 'the laboratory stands', { topology: topology.name, datapath, delay });
    for (const { what, why, instead } of description.limitations) logger.log('info', what, { why, instead });
    return new MininetLab(description, options, { channel, failed: broken.signal, close });
  } catch (error) {
    await close();
    if (error instanceof PriomeshError && error.code === 'ABORTED') throw error;
    throw await explainEnd(logFile, messageOf(error));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
