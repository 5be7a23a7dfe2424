import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ControlPlaneConfig } from '../../../src/config/index.ts';
import {
  CONTROL_PLANE_MAIN,
  openReport,
  type Report,
  startControlPlane,
} from '../../../src/control-plane/index.ts';
import {
  type Hint,
  type NetworkPath,
  seededRandom,
  silentLogger,
  systemClock,
} from '../../../src/core/index.ts';
import {
  type ControlStream,
  type ControlStreamOptions,
  openControlStream,
  type RegistryEndpoint,
} from '../../../src/sidecar/control/index.ts';

/** What a test has opened, closed in reverse order when it ends. */
export class Opened {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add<One extends { close(): Promise<unknown> }>(one: One): One {
    this.#closers.push(() => one.close());
    return one;
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'pm-cp-'));
    this.#closers.push(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export function planeConfig(listen: string, more: Partial<ControlPlaneConfig> = {}): ControlPlaneConfig {
  return { listen, services: {}, keepaliveMs: 300, graceMs: 300, maxSidecars: 64, maxReports: 4, ...more };
}

/** A control plane inside the test's process. */
export async function planeInside(opened: Opened, more: Partial<ControlPlaneConfig> = {}) {
  const listen = more.listen ?? `unix:${path.join(await opened.folder(), 'plane.sock')}`;
  const config = planeConfig(listen, more);
  return opened.add(await startControlPlane(config, { clock: systemClock, logger: silentLogger }));
}

/** A control plane in a process of its own. */
export class PlaneProcess {
  readonly lines: Record<string, unknown>[] = [];
  readonly target: string;
  readonly #file: string;
  #child: ChildProcess | undefined;
  exited: Promise<number | null> = Promise.resolve(null);

  static async start(opened: Opened, more: Partial<ControlPlaneConfig> = {}): Promise<PlaneProcess> {
    const folder = await opened.folder();
    const target = `unix:${path.join(folder, 'plane.sock')}`;
    const file = path.join(folder, 'config.json');
    await writeFile(file, JSON.stringify(planeConfig(target, more)));
    const started = opened.add(new PlaneProcess(target, file));
    await started.start();
    return started;
  }

  private constructor(target: string, file: string) {
    this.target = target;
    this.#file = file;
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [CONTROL_PLANE_MAIN, '--config', this.#file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.exited = new Promise((resolve) => child.once('close', resolve));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as Record<string, unknown>;
        this.lines.push(line);
        if (line['event'] === 'ready') resolve();
      });
      child.once('close', () => reject(new Error('it ended before it served')));
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async close(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }
}

/** What a sidecar was told, in the order in which it came. */
export class Told {
  paths: ReadonlyMap<string, readonly NetworkPath[]> = new Map();
  readonly hints: Hint[] = [];
  registry: readonly RegistryEndpoint[] = [];
  losses = 0;
  readonly #waiting = new Set<() => void>();

  readonly events = {
    paths: (peers: ReadonlyMap<string, readonly NetworkPath[]>) => this.#take(() => (this.paths = peers)),
    hints: (hints: readonly Hint[]) => this.#take(() => this.hints.push(...hints)),
    registry: (all: readonly RegistryEndpoint[]) => this.#take(() => (this.registry = all)),
    lost: () => this.#take(() => (this.losses += 1)),
  };

  /** Resolves as soon as a condition holds; looked at after each event. */
  until(condition: (told: Told) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The newest hint about a link. */
  newest(link: string): Hint | undefined {
    return this.hints.findLast((hint) => hint.link === link);
  }

  #take(change: () => unknown): void {
    change();
    for (const look of [...this.#waiting]) look();
  }
}

let seed = 1;

/** A sidecar's stream, and what it is told. */
export function sidecar(
  opened: Opened,
  target: string,
  more: Partial<ControlStreamOptions> = {},
): { readonly told: Told; readonly stream: ControlStream } {
  const told = new Told();
  seed += 1;
  const stream = openControlStream({
    target,
    node: '10.0.0.1',
    service: 'shop',
    endpoint: undefined,
    events: told.events,
    clock: systemClock,
    random: seededRandom(seed),
    logger: silentLogger,
    ...more,
  });
  return { told, stream: opened.add(stream) };
}

/** A bridge's stream. */
export function bridge(opened: Opened, target: string, onState?: (connected: boolean) => void): Report {
  const options = { target, clock: systemClock, random: seededRandom(7), logger: silentLogger };
  return opened.add(openReport({ ...options, ...(onState === undefined ? {} : { onState }) }));
}

/** Resolves when a condition holds, which is looked at after each few turns of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  do await systemClock.sleep(2);
  while (!condition());
}
