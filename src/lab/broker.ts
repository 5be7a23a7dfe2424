import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { abortError, type Logger, messageOf, PriomeshError } from '../core/index.ts';
import { BrokerControl, type DepthSample, readSample } from './broker-control.ts';
import {
  brokerCommand,
  brokerLogFile,
  removeBrokerData,
  requireRabbitmq,
  writeBrokerFiles,
} from './broker-files.ts';
import type { Lab, LabExit, LabProcess } from './types.ts';

const AMQP_PORT = 5672;
const MANAGEMENT_PORT = 15_672;
/** RabbitMQ starts within 6 s on an idle machine. */
const READY_TIMEOUT_MS = 120_000;
const LOG_TAIL_CHARACTERS = 1500;

/** How a broker is opened. */
export interface BrokerOptions {
  /** A folder for its files, created when it is missing: `log/` stays, its data go when it is closed. */
  readonly directory: string;
  readonly logger: Logger;
  /** Ends the opening; an open broker is ended by `close`. */
  readonly signal: AbortSignal;
}

/** A watch over the depths of queues. */
export interface DepthWatch {
  /** Ends it. Safe to call twice. */
  stop(): Promise<void>;
}

/** A RabbitMQ of the laboratory. */
export interface Broker {
  /** Where AMQP 0-9-1 clients connect. */
  readonly address: { readonly host: string; readonly port: number };
  /** Where its management API listens, on the same host. */
  readonly managementPort: number;
  /** The user that may do everything, everywhere. */
  readonly userName: string;
  readonly password: string;
  /** RabbitMQ's version, such as 3.10.8. */
  readonly version: string;
  readonly logFile: string;
  /** Whether its process runs. */
  readonly running: boolean;
  /** The end of the process that runs now; resolved already when none does. Never rejects. */
  readonly exited: Promise<LabExit>;
  /** Creates a virtual host that the user may use; one that exists stays as it is. */
  createVirtualHost(name: string): Promise<void>;
  /** Deletes a virtual host with all that is in it; connections to it are closed. */
  deleteVirtualHost(name: string): Promise<void>;
  /** What waits in the queues of a virtual host. Rejects with COMMAND_FAILED while the broker is away. */
  queueDepths(virtualHost: string): Promise<DepthSample>;
  /** Reads the depths again and again. A sample that fails is left out. */
  watchDepths(
    virtualHost: string,
    options: { intervalMs: number; onSample(sample: DepthSample): void },
  ): Promise<DepthWatch>;
  /** Ends the process and waits for its end; the data stay. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with the data that it has, ending it first (SIGKILL) if it runs, and resolves when it is ready. */
  restart(signal?: AbortSignal): Promise<void>;
  /** Ends it and removes its data. Its log stays. Safe to call twice. */
  close(): Promise<void>;
}

/** A port that nobody listens on now: the wanted one if that is free. */
async function freePort(host: string, wanted: number): Promise<number> {
  const attempt = (port: number): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
      );
      server.listen({ host, port, exclusive: true }, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
      });
    });
  return (await attempt(wanted)) ?? (await attempt(0)) ?? wanted;
}

class RabbitBroker implements Broker {
  readonly address: { readonly host: string; readonly port: number };
  readonly managementPort: number;
  readonly userName: string;
  readonly password: string;
  readonly logFile: string;
  version = 'unknown';
  readonly #lab: Lab;
  readonly #node: string;
  readonly #options: BrokerOptions;
  readonly #launcher: string;
  readonly #control: BrokerControl;
  #process: LabProcess | undefined;
  #running = false;
  #closing: Promise<void> | undefined;

  constructor(
    lab: Lab,
    node: string,
    options: BrokerOptions,
    parts: { launcher: string; control: BrokerControl },
  ) {
    this.#lab = lab;
    this.#node = node;
    this.#options = options;
    this.#launcher = parts.launcher;
    this.#control = parts.control;
    const { host, port, managementPort, userName, password } = parts.control.target;
    this.address = { host, port };
    this.managementPort = managementPort;
    this.userName = userName;
    this.password = password;
    this.logFile = brokerLogFile(options.directory);
  }

  get running(): boolean {
    return this.#running;
  }

  get exited(): Promise<LabExit> {
    return this.#process?.exited ?? Promise.resolve({});
  }

  /** Starts the process and waits until clients are greeted and the management API answers. */
  async start(signal: AbortSignal): Promise<void> {
    const { directory, logger } = this.#options;
    const command = brokerCommand(this.#launcher, directory, Object.keys(process.env));
    const started = await this.#lab.spawn(this.#node, command, { stderrFile: this.#outputFile });
    this.#process = started;
    this.#running = true;
    void started.exited.then((exit) => {
      if (this.#process !== started) return;
      this.#running = false;
      if (this.#closing === undefined) logger.log('info', 'the message broker ended', { ...exit });
    });
    const prober = await this.#control.start({ target: this.#control.target, operation: 'await-ready' });
    try {
      const died = started.exited.then(async (exit) => {
        throw await this.#failure(`RabbitMQ ended (${exit.signal ?? `exit status ${exit.exitCode}`})`);
      });
      const isReady = prober.waitForLine((line) => line['event'] === 'ready', READY_TIMEOUT_MS, signal);
      isReady.catch(() => {});
      const line = await Promise.race([isReady, died]);
      this.version = String(line['version']);
      logger.log('info', 'the message broker is ready', { ...this.address, version: this.version });
    } catch (error) {
      await this.kill();
      if (error instanceof PriomeshError && error.code !== 'LAB_PROCESS_DIED') throw error;
      throw await this.#failure(messageOf(error));
    } finally {
      await prober.signal('SIGKILL');
      await prober.exited;
    }
  }

  async createVirtualHost(name: string): Promise<void> {
    const { target } = this.#control;
    await this.#control.run({ target, operation: 'create-virtual-host', virtualHost: name });
  }

  async deleteVirtualHost(name: string): Promise<void> {
    const { target } = this.#control;
    await this.#control.run({ target, operation: 'delete-virtual-host', virtualHost: name });
  }

  queueDepths(virtualHost: string): Promise<DepthSample> {
    return this.#control.depths(virtualHost);
  }

  async watchDepths(
    virtualHost: string,
    { intervalMs, onSample }: { intervalMs: number; onSample(sample: DepthSample): void },
  ): Promise<DepthWatch> {
    const { target } = this.#control;
    const watcher = await this.#control.start(
      { target, operation: 'watch', virtualHost, intervalMs },
      (line) => {
        const sample = readSample(line);
        if (sample !== undefined) onSample(sample);
      },
    );
    return {
      stop: async () => {
        await watcher.signal('SIGTERM');
        await watcher.exited;
      },
    };
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process?.signal(signal);
    await this.exited;
  }

  async restart(signal: AbortSignal = new AbortController().signal): Promise<void> {
    if (signal.aborted) throw abortError(signal);
    if (this.#closing !== undefined) throw new PriomeshError('LAB_FAILED', 'the message broker is closed');
    await this.kill();
    await this.start(signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#takeDown();
    return this.#closing;
  }

  get #outputFile(): string {
    return path.join(path.dirname(this.logFile), 'output.log');
  }

  async #takeDown(): Promise<void> {
    // Nobody reads what it would save on an orderly end.
    await this.kill();
    await removeBrokerData(this.#options.directory);
  }

  async #failure(what: string): Promise<PriomeshError> {
    const texts = await Promise.all(
      [this.logFile, this.#outputFile].map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    const tail = texts.map((text) => text.trim().slice(-LOG_TAIL_CHARACTERS)).filter((text) => text !== '');
    return new PriomeshError(
      'LAB_FAILED',
      `the message broker did not become ready: ${what}\n${tail.join('\n')}`,
      {
        fix: `Read ${this.logFile} and what lies beside it.`,
      },
    );
  }
}

/**
 * Starts a RabbitMQ with its management plugin in a node of a laboratory, and resolves when it greets AMQP clients and its
 * management API answers (about 5 s). It listens on the node's address: AMQP on port 5672 and the management API on 15672, or on
 * free ports where those are taken. It dies with its laboratory; nothing runs beside it (no epmd).
 *
 * @throws PriomeshError PLATFORM_MISSING (naming the Debian package), LAB_FAILED (naming the log), ABORTED
 */
export async function openBroker(lab: Lab, node: string, options: BrokerOptions): Promise<Broker> {
  if (options.signal.aborted) throw abortError(options.signal);
  const host = lab.nodes[node]?.address;
  if (host === undefined) throw new RangeError(`the laboratory has no node ${node}`);
  const launcher = await requireRabbitmq();
  const directory = path.resolve(options.directory);
  await mkdir(directory, { recursive: true });
  // A Mininet host has all its ports to itself; on loopback a broker of the machine may hold the usual ones.
  const pick = (port: number): Promise<number> | number =>
    lab.kind === 'local' ? freePort(host, port) : port;
  const listen = { host, port: await pick(AMQP_PORT), managementPort: await pick(MANAGEMENT_PORT) };
  await writeBrokerFiles(directory, listen);
  const target = { ...listen, userName: 'guest', password: 'guest' };
  const control = new BrokerControl(lab, node, target, path.join(directory, 'log', 'control.log'));
  const broker = new RabbitBroker(lab, node, { ...options, directory }, { launcher, control });
  try {
    await broker.start(options.signal);
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}
