import { readdir, readFile } from 'node:fs/promises';
import { hostExec, mustRun, PriomeshError } from '../src/core/index.ts';

/** What proc_pid_stat(5) says of a process, as far as the benchmark asks. */
export interface ProcessStat {
  readonly parentPid: number;
  /** Processor time of all its threads, user and system, in clock ticks. */
  readonly cpuTicks: number;
}

/** Parses a line of `/proc/PID/stat`. The command in parentheses may hold anything, so fields count from the last parenthesis. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const parentPid = Number(fields[1]);
  const cpuTicks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isInteger(parentPid) || !Number.isInteger(cpuTicks)) {
    throw new PriomeshError('INTERNAL', `not a line of /proc/PID/stat: ${text.slice(0, 200)}`);
  }
  return { parentPid, cpuTicks };
}

/** Memory of a process or of several, in bytes. */
export interface Memory {
  /** Resident, shared pages included. */
  readonly rssBytes: number;
  /** Resident and backed by no file: what the process itself filled. */
  readonly anonymousBytes: number;
}

/** Parses `/proc/PID/smaps_rollup` (proc_pid_smaps(5)). */
export function parseSmapsRollup(text: string): Memory {
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new PriomeshError('INTERNAL', `smaps_rollup has no ${name}`);
    return Number(found) * 1024;
  };
  return { rssBytes: bytes('Rss'), anonymousBytes: bytes('Anonymous') };
}

let ticksPerSecond: Promise<number> | undefined;

/** The kernel's clock ticks a second, in which it accounts processor time. */
function clockTicks(): Promise<number> {
  ticksPerSecond ??= mustRun(hostExec, ['getconf', 'CLK_TCK']).then(({ stdout }) => Number(stdout));
  return ticksPerSecond;
}

/** Processor time of processes up to now, milliseconds. Resolution: a clock tick, which is 10 ms on Linux. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(
    pids.map(async (pid) => parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'))),
  );
  return (stats.reduce((sum, stat) => sum + stat.cpuTicks, 0) * 1000) / (await clockTicks());
}

/** Memory of processes, added up; pages that they share are counted in each. */
export async function memoryOf(pids: readonly number[]): Promise<Memory> {
  const all = await Promise.all(
    pids.map(async (pid) => parseSmapsRollup(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))),
  );
  return {
    rssBytes: all.reduce((sum, one) => sum + one.rssBytes, 0),
    anonymousBytes: all.reduce((sum, one) => sum + one.anonymousBytes, 0),
  };
}

/** The processes whose parent is `pid`. */
export async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let text: string;
    try {
      text = await readFile(`/proc/${name}/stat`, 'utf8');
    } catch {
      continue; // It ended between the two reads.
    }
    if (parseStat(text).parentPid === pid) children.push(Number(name));
  }
  return children;
}
