import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { abortError, type Logger, messageOf, mustRun, PriomeshError } from '../core/index.ts';
import {
  askNorthbound,
  type NetworkRoutes,
  type NetworkStatistics,
  type NetworkTopology,
} from './controller-client.ts';
import { findProgram } from './programs.ts';
import type { Lab, LabExit, LabProcess, NetworkLayout } from './types.ts';

const PROGRAM = fileURLToPath(new URL('../../topologies/controller.py', import.meta.url));
const MANAGER = 'osken-manager';
/** Where the switches of a laboratory look for it (topologies/lab_network.py). */
const OPENFLOW = { host: '127.0.0.1', port: 6653 } as const;
/** An address of the loopback at which nobody listens. */
const NOWHERE = '127.0.1.1';
/** It starts within 2 s on an idle machine; a switch tries again each second. */
const READY_TIMEOUT_MS = 60_000;
/** A path of a Unix socket has at most 107 bytes (unix(7)); clients of it allow 100. */
const SOCKET_LIMIT_BYTES = 100;
const LOG_TAIL_CHARACTERS = 1500;

/** How a controller is opened. */
export interface ControllerOptions {
  /** A folder for its configuration and its log, created when it is missing. */
  readonly directory: string;
  /** How often it reads the switches' counters. */
  readonly pollMs: number;
  /** The DSCPs whose packets it counts on the links that begin where paths part. */
  readonly classMarks: readonly number[];
  readonly logger: Logger;
  /** Ends the opening; an open controller is ended by `close`. */
  readonly signal: AbortSignal;
}

/** The OpenFlow controller of a laboratory. */
export interface Controller {
  /** The Unix socket of its northbound; reachable from every node and from here. */
  readonly socket: string;
  /** The same as `unix:PATH`. */
  readonly url: string;
  readonly logFile: string;
  /** Whether its process runs. */
  readonly running: boolean;
  /** The end of the process that runs now; resolved already when none does. Never rejects. */
  readonly exited: Promise<LabExit>;
  /** The process that was started last. */
  readonly process: LabProcess;
  /** Rejects, as what follows, with COMMAND_FAILED while the controller is away. */
  topology(): Promise<NetworkTopology>;
  statistics(): Promise<NetworkStatistics>;
  routes(): Promise<NetworkRoutes>;
  /** Resolves when packets take these paths. */
  setRoutes(routes: NetworkRoutes): Promise<void>;
  /** Ends the process and waits for its end; the switches go on as they were told. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, ending it first (SIGKILL) if it runs, and resolves when every switch is connected. */
  restart(signal?: AbortSignal): Promise<void>;
  /** Ends it. Its log stays. Safe to call twice. */
  close(): Promise<void>;
}

/** A place for the socket: in the folder, or in a short one of the system's temporary folders. */
async function chooseSocket(directory: string): Promise<{ socket: string; scratch: string | undefined }> {
  const socket = path.join(directory, 'northbound.sock');
  if (Buffer.byteLength(socket) <= SOCKET_LIMIT_BYTES) return { socket, scratch: undefined };
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'priomesh-net-'));
  return { socket: path.join(scratch, 'n.sock'), scratch };
}

class OsKenController implements Controller {
  readonly socket: string;
  readonly url: string;
  readonly logFile: string;
  readonly #lab: Lab;
  readonly #node: string;
  readonly #options: ControllerOptions;
  readonly #scratch: string | undefined;
  readonly #configFile: string;
  #process: LabProcess | undefined;
  #running = false;
  #closing: Promise<void> | undefined;

  constructor(
    lab: Lab,
    node: string,
    options: ControllerOptions,
    files: { socket: string; scratch: string | undefined; configFile: string },
  ) {
    this.#lab = lab;
    this.#node = node;
    this.#options = options;
    this.socket = files.socket;
    this.url = `unix:${files.socket}`;
    this.#scratch = files.scratch;
    this.#configFile = files.configFile;
    this.logFile = path.join(options.directory, 'controller.log');
  }

  get running(): boolean {
    return this.#running;
  }

  get exited(): Promise<LabExit> {
    return this.#process?.exited ?? Promise.resolve({});
  }

  get process(): LabProcess {
    if (this.#process === undefined) throw new PriomeshError('LAB_FAILED', 'the controller never ran');
    return this.#process;
  }

  /** Starts the process and waits until every switch is connected. */
  async start(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { host, port } = OPENFLOW;
    const listen = ['--ofp-listen-host', host, '--ofp-tcp-listen-port', String(port)] as const;
    const started = await this.#lab.spawn(this.#node, [MANAGER, ...listen, PROGRAM], {
      stderrFile: this.logFile,
      env: { PRIOMESH_CONTROLLER: this.#configFile, PYTHONDONTWRITEBYTECODE: '1' },
    });
    this.#process = started;
    this.#running = true;
    void started.exited.then((exit) => {
      if (this.#process !== started) return;
      this.#running = false;
      if (this.#closing === undefined) logger.log('info', 'the controller ended', { ...exit });
    });
    try {
      await started.waitForLine((line) => line['event'] === 'listening', READY_TIMEOUT_MS, signal);
      await this.#wakeSwitches();
      await started.waitForLine((line) => line['event'] === 'ready', READY_TIMEOUT_MS, signal);
      logger.log('info', 'the controller is ready', { northbound: this.url });
    } catch (error) {
      await this.kill();
      if (error instanceof PriomeshError && error.code !== 'LAB_PROCESS_DIED') throw error;
      const said = (await readFile(this.logFile, 'utf8').catch(() => '')).trim().slice(-LOG_TAIL_CHARACTERS);
      throw new PriomeshError(
        'LAB_FAILED',
        `the controller did not become ready: ${messageOf(error)}\n${said}`,
        {
          cause: error,
          fix: `Read ${this.logFile}.`,
        },
      );
    }
  }

  async topology(): Promise<NetworkTopology> {
    return (await askNorthbound(this.socket, 'GET', '/v1/topology')) as NetworkTopology;
  }

  async statistics(): Promise<NetworkStatistics> {
    return (await askNorthbound(this.socket, 'GET', '/v1/statistics')) as NetworkStatistics;
  }

  async routes(): Promise<NetworkRoutes> {
    return (await askNorthbound(this.socket, 'GET', '/v1/routes')) as NetworkRoutes;
  }

  async setRoutes(routes: NetworkRoutes): Promise<void> {
    await askNorthbound(this.socket, 'PUT', '/v1/routes', routes);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process?.signal(signal);
    await this.exited;
  }

  async restart(signal: AbortSignal = new AbortController().signal): Promise<void> {
    if (signal.aborted) throw abortError(signal);
    if (this.#closing !== undefined) throw new PriomeshError('LAB_FAILED', 'the controller is closed');
    await this.kill();
    await this.start(signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#takeDown();
    return this.#closing;
  }

  /**
   * Has the switches connect now. A switch that found nobody waits for up to 8 s (Open vSwitch 3.1 heeds no `max_backoff`), and
   * tries at once where it is told another place; one that has no controller for a moment would forget its flows.
   */
  async #wakeSwitches(): Promise<void> {
    const switches = this.#lab.layout?.switches ?? [];
    for (const host of [NOWHERE, OPENFLOW.host]) {
      const target = `target="tcp:${host}:${OPENFLOW.port}"`;
      const words = switches.flatMap(({ name }) => ['--', 'set', 'Controller', name, target]);
      await mustRun(this.#lab.execOn(this.#node), ['ovs-vsctl', ...words]);
    }
  }

  async #takeDown(): Promise<void> {
    await this.kill();
    await rm(this.socket, { force: true });
    if (this.#scratch !== undefined) await rm(this.#scratch, { recursive: true, force: true });
  }
}

/** What topologies/controller_config.py reads. */
function configuration(layout: NetworkLayout, options: ControllerOptions, socket: string): string {
  const { pollMs, classMarks } = options;
  return `${JSON.stringify({ pollMs, classMarks, listen: { socket }, ...layout }, null, 2)}\n`;
}

/**
 * Starts the controller of a laboratory that was opened with `topology.controller`, and resolves when its northbound answers
 * and every switch is connected (about 2 s). It runs where the switches are, and dies with the laboratory.
 *
 * @throws PriomeshError PLATFORM_MISSING (naming the Debian package), LAB_FAILED (naming the log), ABORTED
 */
export async function openController(lab: Lab, options: ControllerOptions): Promise<Controller> {
  if (options.signal.aborted) throw abortError(options.signal);
  const node = lab.layout?.switches[0]?.name;
  if (lab.layout === undefined || node === undefined) {
    throw new PriomeshError('CONFIG_INVALID', `the ${lab.kind} laboratory has no switches`, {
      fix: 'Run it in the Mininet laboratory, or leave out `controller`.',
    });
  }
  if ((await findProgram(MANAGER)) === undefined) {
    throw new PriomeshError('PLATFORM_MISSING', `the controller needs ${MANAGER}`, {
      fix: 'apt-get install python3-os-ken',
    });
  }
  const directory = path.resolve(options.directory);
  await mkdir(directory, { recursive: true });
  const { socket, scratch } = await chooseSocket(directory);
  const configFile = path.join(directory, 'controller.json');
  await writeFile(configFile, configuration(lab.layout, options, socket));
  const controller = new OsKenController(
    lab,
    node,
    { ...options, directory },
    { socket, scratch, configFile },
  );
  try {
    await controller.start(options.signal);
    return controller;
  } catch (error) {
    await controller.close();
    throw error;
  }
}
