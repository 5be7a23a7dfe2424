import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { LabKind } from '../../../src/lab/index.ts';
import { LineSplitter } from '../../../src/lab/lines.ts';

const HOLDER = fileURLToPath(new URL('fixtures/holder.ts', import.meta.url));
const MARK = 'PRIOMESH_TEST_MARK';

/** What a runner prints. */
export type Said = Readonly<Record<string, unknown>> & { readonly event: string };

/** A process found in /proc by the mark in its environment. */
export interface Marked {
  readonly pid: number;
  readonly command: string;
}

/** What a laboratory could leave on a machine, apart from processes. */
export interface Inventory {
  readonly interfaces: string[];
  readonly mounts: string[];
  readonly files: Record<string, string[]>;
}

/** A runner in a process of its own, whose processes are found by a mark in their environment. */
export class Runner {
  readonly scratch: string;
  readonly logDirectory: string;
  readonly child: ChildProcess;
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>;
  readonly said: Said[] = [];
  readonly #mark: string;

  private constructor(scratch: string, mark: string, child: ChildProcess) {
    this.scratch = scratch;
    this.logDirectory = path.join(scratch, 'logs');
    this.#mark = mark;
    this.child = child;
    this.exited = new Promise((resolve) =>
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })),
    );
    const splitter = new LineSplitter(1 << 20);
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const { text } of splitter.push(chunk)) this.said.push(JSON.parse(text));
    });
  }

  /** Starts one. Its temporary files and its home are folders of its own, so that a file it leaves is found. */
  static async start(
    kind: LabKind,
    prefix: readonly string[] = [],
    holder = HOLDER,
    node = process.execPath,
  ) {
    const scratch = await mkdtemp(path.join(os.tmpdir(), 'priomesh-lab-'));
    const mark = randomUUID();
    await chmod(scratch, 0o755);
    for (const folder of ['logs', 'tmp', 'home']) {
      await mkdir(path.join(scratch, folder));
      // A runner may belong to another user; the umask must not shut it out.
      await chmod(path.join(scratch, folder), 0o777);
    }
    const [file = node, ...args] = [...prefix, node, holder, kind, path.join(scratch, 'logs')];
    const stderr = await open(path.join(scratch, 'runner.log'), 'a');
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', stderr.fd],
      cwd: '/',
      env: {
        PATH: process.env['PATH'],
        HOME: path.join(scratch, 'home'),
        TMPDIR: path.join(scratch, 'tmp'),
        [MARK]: mark,
      },
    });
    await stderr.close();
    return new Runner(scratch, mark, child);
  }

  /** Waits until the runner has said something of a kind. */
  async heard(event: string): Promise<Said> {
    return vi.waitUntil(() => this.said.find((one) => one.event === event), WAIT);
  }

  /** Its living processes, itself included. */
  async processes(): Promise<Marked[]> {
    const found: Marked[] = [];
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      try {
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
        if (!environment.includes(`${MARK}=${this.#mark}`)) continue;
        const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
        found.push({ pid, command });
      } catch {
        // It ended meanwhile, or belongs to somebody else.
      }
    }
    return found;
  }

  /** The PID, as seen from here, of a process whose command line matches. */
  async find(pattern: RegExp): Promise<number> {
    return vi.waitUntil(
      async () => (await this.processes()).find(({ command }) => pattern.test(command))?.pid,
      WAIT,
    );
  }

  /** Waits until every process is gone. */
  async nobodyLeft(): Promise<void> {
    await vi.waitUntil(async () => (await this.processes()).length === 0, WAIT);
  }

  /** Ends what a failed test may have left, and removes its folders. */
  async dispose(): Promise<void> {
    for (const { pid } of await this.processes()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    await rm(this.scratch, { recursive: true, force: true });
  }
}

const WAIT = { timeout: 60_000, interval: 20 } as const;

/** What is on this machine now that a laboratory might have put there. */
export async function inventory(runner: Runner): Promise<Inventory> {
  const list = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).sort();
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  const files: Record<string, string[]> = {};
  const own = ['tmp', 'home'].map((folder) => path.join(runner.scratch, folder));
  for (const folder of [
    ...own,
    '/etc/openvswitch',
    '/var/log/openvswitch',
    '/run/openvswitch',
    '/run/netns',
  ]) {
    files[folder] = await list(folder);
  }
  return {
    interfaces: (await list('/sys/class/net')).filter((name) => /^(s\d|left|right|delay|ovs)/.test(name)),
    mounts: mounts.filter((line) => /openvswitch|priomesh|netns/.test(line)),
    files,
  };
}
