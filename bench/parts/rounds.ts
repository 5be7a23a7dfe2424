import { PriomeshError, systemClock } from '../../src/core/index.ts';
import { LOADS, type Load, type LoadResult, type Pull, type Wire } from '../loads/index.ts';
import { type OpenLoopResult, runOpenLoop } from '../open-loop.ts';
import { peersOf } from '../peers/index.ts';
import { cpuMs } from '../proc.ts';
import type { ProcessGroup } from '../processes.ts';
import type { PartName, Settings } from '../settings.ts';
import type { Figure } from '../summary.ts';
import type { TableShape } from '../table.ts';
import { latencyFigures, throughputFigures } from './figures.ts';
import type { PartContext, PartResult, Skip } from './part.ts';
import { reasonOf, type Subject, startSubjects } from './subjects.ts';
import { latencyTable, throughputTable } from './tables.ts';

/** What is measured of each subject in each round, in this order. */
interface Measurement {
  /** Its case in the result. */
  readonly case: string;
  readonly load: Load;
  readonly table: (peers: readonly string[]) => TableShape;
  measure(subject: Subject, round: number): Promise<Figure[]>;
}

/** A row is left out from its second failed measurement on. */
const MOST_FAILURES = 2;

const noun = (count: number): string => `${count} connection${count === 1 ? '' : 's'}`;

/** Runs a closed loop. @throws PriomeshError COMMAND_FAILED also when nothing succeeded: what is fast then is a refusal */
async function pulled(load: Load, processes: ProcessGroup, pull: Pull): Promise<LoadResult> {
  const result = await load.run(processes, pull);
  if (result.requests > result.errors) return result;
  throw new PriomeshError('COMMAND_FAILED', `of ${result.requests} requests ${result.errors} failed`);
}

/** The closed loops of one load, one for each number of connections. */
function closedLoops(context: PartContext, part: PartName, load: Load): Measurement[] {
  const { processes, upstreams, settings, folder } = context;
  const { seconds, restCore } = settings;
  return connectionsOf(load, part, settings).map((connections) => {
    const name = `${part}: ${load.name}, ${noun(connections)}`;
    return {
      case: name,
      load,
      table: (peers) =>
        throughputTable(
          `${load.title}; ${noun(connections)}, closed loop of ${seconds} s, the row alone on core ${settings.proxyCore}`,
          name,
          peers,
        ),
      async measure({ peer, running }, round) {
        const before = { own: await cpuMs(running.pids), upstream: await cpuMs(upstreams.pids) };
        const target = running.address;
        const pull = { target, connections, seconds, core: restCore, folder };
        const result = await pulled(load, processes, pull);
        return throughputFigures(
          { case: name, peer: peer.name, round },
          {
            ...result,
            cpuMs: (await cpuMs(running.pids)) - before.own,
            upstreamCpuMs: (await cpuMs(upstreams.pids)) - before.upstream,
          },
        );
      },
    };
  });
}

/** The connections of a load's closed loops. What layers cost is measured at one number. */
function connectionsOf(load: Load, part: PartName, settings: Settings): readonly number[] {
  if (load.connections !== undefined) return load.connections;
  if (part !== 'layers') return settings.connections;
  return settings.connections.includes(64) ? [64] : settings.connections.slice(0, 1);
}

/** Open loops of one load: at a rate that is the same for all rows, and at half of what the row could do in the same round. */
function openLoops(
  context: PartContext,
  part: PartName,
  load: Load,
  capacityRps: (peer: string, round: number) => number | undefined,
  direct: () => Subject | undefined,
): Measurement[] {
  const { processes, settings } = context;
  const { latencyRateRps, latencyMs, latencyWarmupMs, restCore } = settings;
  const asked = load.openLoopPath;
  if (asked === undefined || part === 'layers' || (settings.quick && load.wire !== 'http1')) return [];
  const loop = ({ running }: Subject, rateRps: number, round: number): Promise<OpenLoopResult> => {
    const protocol = load.wire === 'http2' ? 'http2' : 'http1';
    const times = { rateRps, warmupMs: latencyWarmupMs, measureMs: latencyMs };
    // The same arrivals for every row of a round.
    return runOpenLoop(
      processes,
      { protocol, ...running.address, path: asked, ...times, seed: round },
      restCore,
    );
  };
  const fixed = `${part}: ${load.name}, latency at ${latencyRateRps}/s`;
  const half = `${part}: ${load.name}, latency at half of the capacity`;
  let directFixed: OpenLoopResult | undefined;
  const how = 'open loop, from the intended send time to the last byte; added: less the direct way';
  return [
    {
      case: fixed,
      load,
      table: (peers) => latencyTable(`${load.title}; ${latencyRateRps} requests/s, ${how}`, fixed, peers),
      async measure(subject, round) {
        const { name } = subject.peer;
        const result = await loop(subject, latencyRateRps, round);
        if (name === 'direct') directFixed = result;
        const other = name === 'direct' ? undefined : directFixed;
        return latencyFigures({ case: fixed, peer: name, round }, latencyRateRps, result, other);
      },
    },
    {
      case: half,
      load,
      table: (peers) =>
        latencyTable(`${load.title}; half of what the row could do in this round, ${how}`, half, peers),
      async measure(subject, round) {
        const { name } = subject.peer;
        const capacity = capacityRps(name, round);
        if (name === 'direct' || capacity === undefined) return [];
        const rateRps = Math.round(capacity / 2);
        const without = direct();
        const other = without === undefined ? undefined : await loop(without, rateRps, round);
        const result = await loop(subject, rateRps, round);
        return latencyFigures({ case: half, peer: name, round }, rateRps, result, other);
      },
    },
  ];
}

/** Measures the loads of one wire: every subject in every round, one after the other, so that a drift of the machine meets all alike. */
async function measureWire(
  context: PartContext,
  part: PartName,
  wire: Wire,
  loads: readonly Load[],
): Promise<PartResult> {
  const { settings, progress, processes, folder } = context;
  const { rounds, restCore, warmupSeconds } = settings;
  const started = await startSubjects(context, part, wire, peersOf(part));
  let { subjects } = started;
  const skipped: Skip[] = [...started.skipped];
  for (const { row, reason } of skipped) progress(`${part}: ${wire}: ${row} is left out: ${reason}`);
  const all = [...subjects];
  const figures: Figure[] = [];
  const capacityRps = (load: Load) => (peer: string, round: number) => {
    const own = figures.filter((one) => one.measure === 'throughputRps' && one.peer === peer);
    const found = own.filter((one) => one.round === round && one.case.includes(`: ${load.name}, `));
    return found.length === 0 ? undefined : Math.max(...found.map(({ value }) => value));
  };
  const direct = (): Subject | undefined => subjects.find(({ peer }) => peer.name === 'direct');
  const measurements = loads.flatMap((load) => [
    ...closedLoops(context, part, load),
    ...openLoops(context, part, load, capacityRps(load), direct),
  ]);
  const failures = new Map<Subject, number>();
  const attempt = async (subject: Subject, what: string, act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      const reason = reasonOf(error);
      const row = subject.peer.name;
      skipped.push({ part, what, row, reason });
      // On a machine that is busy a measurement may fail; a row that fails again is not asked any more.
      const count = (failures.get(subject) ?? 0) + 1;
      failures.set(subject, count);
      progress(
        `${what}: ${row} failed${count < MOST_FAILURES ? '' : ', and is left out from here on'}: ${reason}`,
      );
      if (count >= MOST_FAILURES) subjects = subjects.filter((one) => one !== subject);
    }
  };
  try {
    for (const load of settings.quick ? loads.slice(0, 1) : loads) {
      const connections = Math.max(...connectionsOf(load, part, settings));
      for (const subject of subjects) {
        progress(`${part}: warming ${subject.peer.name} up for ${load.name}`);
        await attempt(subject, load.name, async () => {
          const target = subject.running.address;
          const pull = { target, connections, seconds: warmupSeconds, core: restCore, folder };
          await pulled(load, processes, pull);
        });
      }
    }
    const startedMs = systemClock.nowMs();
    for (let round = 1; round <= rounds; round += 1) {
      for (const measurement of measurements) {
        const seconds = Math.round((systemClock.nowMs() - startedMs) / 1000);
        progress(`${seconds} s: round ${round} of ${rounds}, ${measurement.case}`);
        for (const subject of subjects) {
          await attempt(subject, measurement.case, async () => {
            figures.push(...(await measurement.measure(subject, round)));
          });
        }
      }
    }
  } finally {
    for (const { running } of all) await running.end();
  }
  const names = all.map(({ peer }) => peer.name);
  return { figures, skipped, tables: measurements.map((one) => one.table(names)) };
}

/** Measures one part of the comparison that consists of loads. */
export async function measureLoads(context: PartContext, part: PartName): Promise<PartResult> {
  const { quick } = context.settings;
  const loads = LOADS.filter((load) => load.parts.includes(part) && (load.quick || !quick));
  const results: PartResult[] = [];
  for (const wire of new Set(loads.map((load) => load.wire))) {
    const own = loads.filter((load) => load.wire === wire);
    results.push(await measureWire(context, part, wire, own));
  }
  return {
    figures: results.flatMap((one) => one.figures),
    skipped: results.flatMap((one) => one.skipped),
    tables: results.flatMap((one) => one.tables),
  };
}
