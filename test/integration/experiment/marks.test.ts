import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLogger, systemClock } from '../../../src/core/index.ts';
import {
  type ExperimentPlan,
  loadExperimentSource,
  openExperimentLab,
  planExperiment,
  probePlatform,
} from '../../../src/experiment/index.ts';
import { runTrial } from '../../../src/experiment/trial.ts';
import type { Lab, LabProcess } from '../../../src/lab/index.ts';
import { readSegments, type Segment } from '../../support/pcap.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';

const EF = 46;
const LE = 1;
const { signal } = new AbortController();

interface PortLine {
  readonly source: string;
  readonly name: string;
  readonly classes: readonly { className: string; bytes: number; packets: number }[];
}

interface SidecarLine {
  readonly source: string;
  readonly name: string;
  readonly inbound: {
    readonly classes: Readonly<Record<string, { transport: { congestionControl: string | null } }>>;
  };
}

/** The congestion controls that a sidecar's callers' sockets reported during a trial, by class. */
function congestionControls(counters: readonly unknown[], service: string, className: string): Set<string> {
  const lines = (counters as SidecarLine[]).filter(
    (line) => line.source === 'sidecar' && line.name === service,
  );
  const values = lines.map((line) => line.inbound.classes[className]?.transport.congestionControl);
  return new Set(values.filter((one) => typeof one === 'string'));
}

let folder = '';
let opened: Lab | undefined;

function theLab(): Lab {
  if (opened === undefined) throw new Error('the laboratory is not open');
  return opened;
}

let plan: ExperimentPlan;

/** Runs one trial of an arm while everything that crosses the bottleneck is captured, and gives what was seen. */
async function capture(armName: string): Promise<{ segments: Segment[]; counters: unknown[] }> {
  const arm = plan.arms.find((one) => one.name === armName);
  const trial = plan.schedule.find((one) => one.arm === armName);
  if (arm === undefined || trial === undefined) throw new Error(`no arm ${armName}`);
  const own = path.join(folder, armName);
  const file = path.join(folder, `${armName}.pcap`);
  const device = await bottleneckDevice();
  const tcpdump: LabProcess = await theLab().spawn(
    'delay',
    ['tcpdump', '-i', device, '-s', '256', '-B', '16384', '-U', '-Z', 'root', '-w', file, 'tcp'],
    { stderrFile: path.join(folder, 'tcpdump.log') },
  );
  await vi.waitUntil(async () => ((await stat(file).catch(() => undefined))?.size ?? 0) >= 24, {
    timeout: 10_000,
  });
  await runTrial(
    { plan, lab: theLab(), clock: systemClock, logger: silentLogger, signal, folder: own },
    arm,
    trial,
  );
  await tcpdump.signal('SIGTERM');
  await tcpdump.exited;
  const counters = (await readFile(path.join(own, 'counters.jsonl'), 'utf8')).trim().split('\n');
  return { segments: readSegments(await readFile(file)), counters: counters.map((line) => JSON.parse(line)) };
}

async function bottleneckDevice(): Promise<string> {
  const { stdout } = await theLab().execOn('delay').run(['ip', '-o', 'link', 'show', 'up']);
  const device = /^\d+: (delay[^@: ]*)/m.exec(stdout)?.[1];
  if (device === undefined) throw new Error(`the wire has no interface: ${stdout}`);
  return device;
}

/** Segments by connection (both directions together), with the class that the first request line tells. */
function connections(segments: readonly Segment[]): { batch: boolean; segments: Segment[] }[] {
  const byName = new Map<string, Segment[]>();
  for (const segment of segments) {
    const name = [segment.from, segment.to].sort().join(' ');
    byName.set(name, [...(byName.get(name) ?? []), segment]);
  }
  return [...byName.values()].map((own) => {
    const request = own.find((one) => one.payload.subarray(0, 4).toString('latin1') === 'GET ');
    return { batch: request?.payload.toString('latin1').startsWith('GET /export/') ?? false, segments: own };
  });
}

beforeAll(async () => {
  folder = await writeSmallExperiment({ arms: ['mesh', 'all'], trials: 1, warmupMs: 500, measureMs: 3000 });
  await mkdir(path.join(folder, 'logs'));
  const source = await loadExperimentSource(folder);
  const platform = await probePlatform('mininet');
  const logDirectory = path.join(folder, 'logs');
  opened = await openExperimentLab(source, { lab: 'mininet', logDirectory, logger: silentLogger, signal });
  plan = planExperiment(source, { formName: 'quick', lab: 'mininet', platform, ports: opened.ports });
});

afterAll(async () => {
  await opened?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('with every layer on', () => {
  let seen: Awaited<ReturnType<typeof capture>>;
  beforeAll(async () => {
    seen = await capture('all');
  });

  it('carries the mark of its class in each segment of a connection, both ways, from SYN and SYN-ACK on', () => {
    const flows = connections(seen.segments);
    for (const batch of [true, false]) {
      const own = flows.filter((flow) => flow.batch === batch).flatMap((flow) => flow.segments);
      expect(own.filter((one) => one.syn && !one.ack).length).toBeGreaterThan(0);
      expect(own.filter((one) => one.syn && one.ack).length).toBeGreaterThan(0);
      const towardsLeft = own.filter((one) => one.from.endsWith(':15006') && one.payload.length > 0);
      expect(towardsLeft.length).toBeGreaterThan(50);
      const marks = new Map<number, number>();
      for (const one of own) marks.set(one.dscp, (marks.get(one.dscp) ?? 0) + 1);
      expect([...marks.keys()]).toEqual([batch ? LE : EF]);
    }
  });

  it('puts interactive and batch packets into their own classes at the port, and none into the rest', () => {
    const lines = (seen.counters as PortLine[]).filter((line) => line.source === 'port');
    const last = lines.filter((line) => line.name.endsWith('right to left')).at(-1);
    const bytes = Object.fromEntries(last?.classes.map((one) => [one.className, one.bytes]) ?? []);
    expect(bytes['batch']).toBeGreaterThan(1_000_000);
    expect(bytes['interactive']).toBeGreaterThan(100_000);
    expect(bytes['unmarked']).toBeLessThan(10_000);
  });

  it('gives each class its congestion control, as the sockets themselves report it', () => {
    expect(congestionControls(seen.counters, 'reviews', 'interactive')).toEqual(new Set(['bbr']));
    expect(congestionControls(seen.counters, 'reviews', 'batch')).toEqual(new Set(['cubic']));
  });
});

describe('with every layer off', () => {
  let seen: Awaited<ReturnType<typeof capture>>;
  beforeAll(async () => {
    seen = await capture('mesh');
  });

  it('marks nothing', () => {
    expect(seen.segments.length).toBeGreaterThan(500);
    expect(new Set(seen.segments.map((one) => one.dscp))).toEqual(new Set([0]));
  });

  it('has one queue at the port and one congestion control for all', () => {
    const port = (seen.counters as PortLine[]).filter((line) => line.source === 'port').at(-1);
    expect(port?.classes.map((one) => one.className)).toEqual(['all']);
    for (const name of ['interactive', 'batch']) {
      expect(congestionControls(seen.counters, 'reviews', name)).toEqual(new Set(['cubic']));
    }
  });
});
