import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { quantileSorted } from '../src/analysis/index.ts';
import type { Address } from '../src/config/index.ts';
import { PriomeshError } from '../src/core/index.ts';
import { GENERATOR_MAIN, type GeneratorConfig } from '../src/workload/index.ts';
import { pathOf, SERVICE } from './load.ts';
import type { ProcessGroup } from './processes.ts';

/** Latencies of an open loop, each from the intended send time to the last byte. */
export interface OpenLoopResult {
  readonly requests: number;
  /** Requests without a complete 200. */
  readonly errors: number;
  /** Requests that the generator sent more than 1 ms after their time. */
  readonly late: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Reads the generator's table of requests (CSV with a header line); only those of the measured phase count. */
export function parseRequests(csv: string): OpenLoopResult {
  const [header = '', ...rows] = csv.trimEnd().split('\n');
  const names = header.split(',');
  const columnOf = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw new PriomeshError('INTERNAL', `the table of requests has no column ${name}`);
    return index;
  };
  const [phase, intended, end] = [columnOf('phase'), columnOf('intended_ms'), columnOf('end_ms')];
  const [status, error, lateColumn] = [columnOf('status'), columnOf('error'), columnOf('late')];
  const latencies: number[] = [];
  let requests = 0;
  let late = 0;
  for (const row of rows) {
    const cells = row.split(',');
    if (cells[phase] !== 'measure') continue;
    requests += 1;
    if (cells[lateColumn] === '1') late += 1;
    if (cells[status] === '200' && cells[error] === '') {
      latencies.push(Number(cells[end]) - Number(cells[intended]));
    }
  }
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (p: number): number => (sorted.length === 0 ? Number.NaN : quantileSorted(sorted, p));
  return { requests, errors: requests - sorted.length, late, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

/** An open loop: requests leave at given times, whatever became of the ones before. */
export interface OpenLoop {
  readonly target: Address;
  readonly rateRps: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly seed: number;
  readonly core: number;
}

const DRAIN_MS = 1000;
const SPARE_MS = 15_000;

/** Runs the open-loop generator of the experiments, with arrivals of a Poisson process. */
export async function runOpenLoop(
  processes: ProcessGroup,
  folder: string,
  loop: OpenLoop,
): Promise<OpenLoopResult> {
  const { target, rateRps, warmupMs, measureMs, seed, core } = loop;
  const requestsFile = path.join(folder, 'requests.csv.gz');
  const throughputFile = path.join(folder, 'throughput.csv');
  const config: GeneratorConfig = {
    target,
    host: SERVICE,
    workloads: [
      {
        name: 'steady',
        class: 'interactive',
        method: 'GET',
        path: pathOf('small'),
        arrivals: 'poisson',
        rateRps,
        timeoutMs: DRAIN_MS,
      },
    ],
    seed,
    warmupMs,
    measureMs,
    drainMs: DRAIN_MS,
    lateMs: 1,
    requestsFile,
    throughputFile,
  };
  const configFile = path.join(folder, 'generator.json');
  await writeFile(configFile, JSON.stringify(config));
  try {
    const child = processes.spawn('generator', [process.execPath, GENERATOR_MAIN, '--config', configFile], {
      core,
    });
    await child.finished(warmupMs + measureMs + DRAIN_MS + SPARE_MS, processes.signal);
    const csv = await promisify(gunzip)(await readFile(requestsFile));
    return parseRequests(csv.toString('utf8'));
  } finally {
    await rm(requestsFile, { force: true });
    await rm(throughputFile, { force: true });
  }
}
