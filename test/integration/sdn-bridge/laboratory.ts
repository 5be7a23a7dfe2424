import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadPolicy } from '../../../src/config/index.ts';
import {
  type BottleneckPort,
  mustRun,
  type Policy,
  PriomeshError,
  type Reaction,
  silentLogger,
  systemClock,
} from '../../../src/core/index.ts';
import {
  type AppliedPort,
  applyPort,
  type PortPlan,
  planBaselinePort,
} from '../../../src/kernel-qos/index.ts';
import {
  type Controller,
  type Lab,
  type LabProcess,
  openController,
  openLab,
} from '../../../src/lab/index.ts';
import { BRIDGE_MAIN } from '../../../src/sdn-bridge/index.ts';

export const RATE_BPS = 10_000_000;

/** A line of a bridge's log. */
export type Line = Readonly<Record<string, unknown>>;

/** The case study's policy with these reactions and short times. */
export async function policyWith(reactions: readonly Partial<Reaction>[]): Promise<Policy> {
  const policy = await loadPolicy('policies/case-study.yaml');
  const { network } = policy;
  return {
    ...policy,
    network: {
      ...network,
      reactions: reactions.map((one) => ({
        decide: 'path',
        owner: 'controller',
        classes: policy.classes.map(({ name }) => name),
        sharePercent: 25,
        maxDurationMs: 2000,
        place: { file: 'test', line: 1, column: 1 },
        ...one,
      })),
      damping: { ...network.damping, minHoldMs: 300, escalateMs: 100, returnAfterMs: 1000 },
    },
  };
}

/** A dual path with a controller, its ports shaped, and bridges. */
export class Laboratory {
  readonly directory: string;
  readonly lab: Lab;
  readonly controller: Controller;
  readonly #ports: readonly AppliedPort[];
  #bridges = 0;

  private constructor(directory: string, lab: Lab, controller: Controller, ports: readonly AppliedPort[]) {
    this.directory = directory;
    this.lab = lab;
    this.controller = controller;
    this.#ports = ports;
  }

  /** @param planOf what stands at a port; one queue for all where nothing is said */
  static async open(
    classMarks: readonly number[],
    planOf: (port: BottleneckPort) => PortPlan = planBaselinePort,
  ): Promise<Laboratory> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bridge-'));
    const { signal } = new AbortController();
    const lab = await openLab(
      {
        kind: 'mininet',
        topology: {
          name: 'dual-path',
          rateBps: RATE_BPS,
          delayMs: 2,
          queuePackets: 100,
          nodes: ['left1', 'right1'],
          controller: true,
        },
        logDirectory: directory,
        logger: silentLogger,
      },
      signal,
    );
    const ports: AppliedPort[] = [];
    for (const port of lab.ports) {
      ports.push(await applyPort(lab.execOn(port.node), planOf(port), { replace: true }));
    }
    const controller = await openController(lab, {
      directory: path.join(directory, 'controller'),
      pollMs: 20,
      classMarks,
      logger: silentLogger,
      signal,
    });
    return new Laboratory(directory, lab, controller, ports);
  }

  /** Starts a bridge in the root of the laboratory, where the ports are. */
  async bridge(policy: Policy, more: object = {}): Promise<{ process: LabProcess; log: NetworkLogReader }> {
    this.#bridges += 1;
    const name = `bridge-${this.#bridges}`;
    const log = path.join(this.directory, `${name}.jsonl`);
    const file = path.join(this.directory, `${name}.json`);
    const ports = this.lab.links.flatMap(({ id, device, rateBps, portLabel }) => {
      const applied = this.#ports.find(({ plan }) => plan.port.label === portLabel);
      if (rateBps === null || applied === undefined) return [];
      const classes = applied.plan.classes.filter(({ dscp }) => dscp !== undefined);
      return [
        {
          link: id,
          device,
          rateBps,
          ...(classes.length === 0
            ? {}
            : { classes: Object.fromEntries(classes.map(({ className, classid }) => [className, classid])) }),
        },
      ];
    });
    const config = {
      northbound: { kind: 'priomesh', url: this.controller.url },
      policy,
      ports,
      log,
      ...more,
    };
    await writeFile(file, JSON.stringify(config));
    const process_ = await this.lab.spawn('s1', [process.execPath, BRIDGE_MAIN, '--config', file], {
      stderrFile: path.join(this.directory, `${name}.log`),
    });
    await process_.waitForLine((line) => line['event'] === 'ready', 60_000);
    return { process: process_, log: new NetworkLogReader(log) };
  }

  /** Sends datagrams from one host to the other at a rate, until `stop`. */
  async flood(from: string, to: string, rateBps: number, dscp: number): Promise<{ stop(): Promise<void> }> {
    const address = this.lab.nodes[to]?.address ?? '';
    const program = [
      'import socket,sys,time',
      's=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)',
      's.setsockopt(socket.IPPROTO_IP,socket.IP_TOS,int(sys.argv[3])<<2)',
      'gap=1250*8/float(sys.argv[2])',
      'print("{}",flush=True)',
      'due=time.monotonic()',
      'while True:',
      '  s.sendto(bytes(1208),(sys.argv[1],9))',
      '  due+=gap',
      '  time.sleep(max(0,due-time.monotonic()))',
    ].join('\n');
    const sender = await this.lab.spawn(
      from,
      ['/usr/bin/python3', '-c', program, address, String(rateBps), String(dscp)],
      { stderrFile: path.join(this.directory, 'flood.log') },
    );
    await sender.waitForLine(() => true, 30_000);
    return {
      async stop() {
        await sender.signal('SIGKILL');
        await sender.exited;
      },
    };
  }

  /** Bytes with a mark that have crossed a link. */
  async marked(link: string, dscp: number): Promise<number> {
    const { links } = await this.controller.statistics();
    return links.find(({ id }) => id === link)?.marks[String(dscp)]?.bytes ?? 0;
  }

  async run(node: string, ...argv: [string, ...string[]]): Promise<string> {
    return (await mustRun(this.lab.execOn(node), argv)).stdout;
  }

  async close(): Promise<void> {
    await this.controller.close();
    await Promise.all(this.#ports.map((port) => port.undo()));
    await this.lab.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Reads a bridge's log as it grows. */
export class NetworkLogReader {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  async lines(): Promise<Line[]> {
    const text = await readFile(this.file, 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  /** The first line that fits, once there is one. A test that waits in vain fails by its own time limit. */
  async until(fits: (line: Line) => boolean, afterMs = 0): Promise<Line & { readonly timeMs: number }> {
    for (;;) {
      const found = (await this.lines()).find((line) => Number(line['timeMs']) >= afterMs && fits(line));
      if (found !== undefined) return found as Line & { readonly timeMs: number };
      await systemClock.sleep(20);
    }
  }
}

/** Waits for something that a poll finds. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look().catch((error: unknown) => {
      if (error instanceof PriomeshError) return undefined;
      throw error;
    });
    if (found !== undefined) return found;
    await systemClock.sleep(20);
  }
}
