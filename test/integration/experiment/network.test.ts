import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLogger, systemClock } from '../../../src/core/index.ts';
import {
  type ExperimentPlan,
  loadExperimentSource,
  openExperimentLab,
  planExperiment,
  probePlatform,
} from '../../../src/experiment/index.ts';
import type { ArmPlan } from '../../../src/experiment/plan.ts';
import { runTrial } from '../../../src/experiment/trial.ts';
import { type Controller, type Lab, type LabProcess, openController } from '../../../src/lab/index.ts';
import { readSegments, type Segment } from '../../support/pcap.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';

const { signal } = new AbortController();
const READY_TIMEOUT_MS = 60_000;

let folder = '';
let lab: Lab;
let controller: Controller;
let plan: ExperimentPlan;
/** What runs, or ran last, by the name of its configuration. */
const processes = new Map<string, LabProcess>();

/** The same laboratory, in which it is remembered what was started. */
function remembering(open: Lab): Lab {
  return new Proxy(open, {
    get(target, key) {
      if (key === 'spawn') {
        return async (...call: Parameters<Lab['spawn']>) => {
          const started = await target.spawn(...call);
          processes.set(path.basename(call[1].at(-1) ?? '', '.json'), started);
          return started;
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function armOf(name: string): ArmPlan {
  const arm = plan.arms.find((one) => one.name === name);
  if (arm === undefined) throw new Error(`no arm ${name}`);
  return arm;
}

async function run(arm: ArmPlan, name: string) {
  const trial = plan.schedule.find((one) => one.arm === arm.name);
  if (trial === undefined) throw new Error(`${arm.name} is not scheduled`);
  const own = path.join(folder, name);
  processes.clear();
  const setting = { plan, lab: remembering(lab), controller, clock: systemClock, logger: silentLogger };
  const verdict = await runTrial({ ...setting, signal, folder: own }, arm, trial);
  const lines = (await readFile(path.join(own, 'counters.jsonl'), 'utf8')).trim().split('\n');
  const [head = '', ...rows] = gunzipSync(await readFile(path.join(own, 'requests.csv.gz')))
    .toString()
    .trim()
    .split('\n');
  const columns = head.split(',');
  const requests = rows.map((row) => {
    const cells = row.split(',');
    return { error: cells[columns.indexOf('error')], status: cells[columns.indexOf('status')] };
  });
  return {
    verdict,
    requests,
    events: lines.map((line) => JSON.parse(line)).filter(({ source }) => source === 'network'),
  };
}

/** Captures what crosses a wire until the returned function is called, which gives it. */
async function capture(wire: string): Promise<() => Promise<Segment[]>> {
  const { stdout } = await lab.execOn(wire).run(['ip', '-o', 'link', 'show', 'up']);
  const device = new RegExp(`^\\d+: (${wire}[^@: ]*)`, 'm').exec(stdout)?.[1];
  if (device === undefined) throw new Error(`${wire} has no interface: ${stdout}`);
  const file = path.join(folder, `${wire}.pcap`);
  const tcpdump = await lab.spawn(
    wire,
    ['tcpdump', '-i', device, '-s', '100', '-B', '16384', '-U', '-Z', 'root', '-w', file, 'tcp'],
    { stderrFile: path.join(folder, 'tcpdump.log') },
  );
  await vi.waitUntil(async () => ((await stat(file).catch(() => undefined))?.size ?? 0) >= 24, {
    timeout: READY_TIMEOUT_MS,
  });
  return async () => {
    await tcpdump.signal('SIGTERM');
    await tcpdump.exited;
    return readSegments(await readFile(file));
  };
}

beforeAll(async () => {
  folder = await writeSmallExperiment({
    of: 'reroute',
    arms: ['sidecars', 'both'],
    trials: 1,
    warmupMs: 1000,
    measureMs: 6000,
  });
  const logDirectory = path.join(folder, 'logs');
  await mkdir(logDirectory);
  const source = await loadExperimentSource(folder);
  const platform = await probePlatform('mininet');
  lab = await openExperimentLab(source, { lab: 'mininet', logDirectory, logger: silentLogger, signal });
  const classMarks = source.policy.classes.map(({ mark }) => mark.dscp);
  const directory = path.join(folder, 'controller');
  controller = await openController(lab, { directory, pollMs: 20, classMarks, signal, logger: silentLogger });
  plan = planExperiment(source, { formName: 'quick', lab: 'mininet', platform, ports: lab.ports });
});

afterAll(async () => {
  await controller?.close();
  await lab?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a trial in which the controller, the bridge and the control plane are killed', () => {
  it('loses no request, and is void', async () => {
    // Without cross traffic no request may be lost for another reason.
    const trial = run({ ...armOf('both'), crossTraffic: [] }, 'killed');
    const generator = await vi.waitUntil(() => processes.get('generator'), { timeout: READY_TIMEOUT_MS });
    await generator.waitForLine((line) => line['phase'] === 'measure', READY_TIMEOUT_MS);
    const [plane, bridge] = [processes.get('control-plane'), processes.get('bridge')];
    expect([plane, bridge]).not.toContain(undefined);
    await plane?.signal('SIGKILL');
    await bridge?.signal('SIGKILL');
    await controller.kill();
    const { verdict, requests } = await trial;
    expect(verdict.reasons.join()).toMatch(/ended before their time: .*control-plane/);
    expect(verdict.reasons.join()).toMatch(/ended before their time: .*bridge/);
    expect(verdict.reasons.join()).toMatch(/ended before their time: .*controller/);
    expect(requests.length).toBeGreaterThan(200);
    expect(requests.filter(({ error, status }) => error !== '' || status !== '200')).toEqual([]);
  });
});

describe('a trial in which the primary path is congested', () => {
  let seen: Awaited<ReturnType<typeof run>>;
  let primary: Segment[];
  let secondary: Segment[];

  beforeAll(async () => {
    const [endPrimary, endSecondary] = await Promise.all([capture('delay-s2'), capture('delay-s3')]);
    seen = await run(armOf('sidecars'), 'moved');
    [primary, secondary] = await Promise.all([endPrimary(), endSecondary()]);
  });

  it('starts the controller again that died in the trial before', () => {
    expect(controller.running).toBe(true);
    expect(seen.verdict.reasons.join()).not.toMatch(/ended before their time/);
  });

  it('tells of the congestion after the cross traffic began, and sidecars on both sides move both classes', () => {
    const { events } = seen;
    const hint = events.find(({ event, congested, t_ms: at }) => event === 'hint' && congested && at >= 4000);
    expect(hint).toMatchObject({ link: 's4>s2' });
    const movers = (name: string) =>
      new Set(events.filter((one) => one.event === 'move' && one.class === name).map((one) => one.name));
    expect(movers('batch')).toEqual(new Set(['frontend', 'catalog', 'reviews']));
    expect(movers('interactive')).toEqual(new Set(['frontend', 'catalog', 'reviews']));
  });

  it('moves no class more often than the policy lets it, while the cross traffic goes on', () => {
    const counts = new Map<string, number>();
    for (const { event, name, class: className, peer } of seen.events) {
      if (event !== 'move') continue;
      const mover = `${name} ${className} ${peer}`;
      counts.set(mover, (counts.get(mover) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(plan.source.policy.network.damping.maxPenalty);
  });

  it('carries each path only what is marked for it', () => {
    const { classes } = plan.source.policy;
    const own = new Set(classes.map(({ mark }) => mark.dscp));
    const alternate = new Set(classes.flatMap(({ network }) => network.alternateDscp));
    expect(secondary.length).toBeGreaterThan(100);
    expect(new Set(secondary.map(({ dscp }) => dscp))).toEqual(alternate);
    expect([...new Set(primary.map(({ dscp }) => dscp))].filter((dscp) => !own.has(dscp))).toEqual([]);
  });

  it('takes connections that live to the other path, in both directions', () => {
    const payloads = (segments: readonly Segment[], towards: 'left' | 'right') =>
      new Set(
        segments
          .filter(
            ({ from, payload }) => payload.length > 0 && from.endsWith(':15006') === (towards === 'left'),
          )
          .map(({ from, to }) => [from, to].sort().join(' ')),
      );
    for (const towards of ['left', 'right'] as const) {
      const before = payloads(primary, towards);
      const moved = [...payloads(secondary, towards)].filter((name) => before.has(name));
      expect(moved.length, `towards the ${towards}`).toBeGreaterThan(2);
    }
  });
});
