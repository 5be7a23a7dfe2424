import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Exec, LayerPlan } from '../core/index.ts';
import type { TrialEntry } from './journal.ts';
import type { ExperimentPlan } from './plan.ts';

/** The machine and the software of a run: what somebody who repeats it has to compare. */
export interface Versions {
  readonly priomesh: string;
  readonly node: string;
  readonly npm: Readonly<Record<string, string>>;
  readonly debian: Readonly<Record<string, string>>;
  readonly kernel: string;
  readonly distribution: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEBIAN_PACKAGES = [
  'mininet',
  'openvswitch-switch',
  'rabbitmq-server',
  'erlang-base',
  'python3-os-ken',
  'iproute2',
  'python3',
];

async function textOf(exec: Exec, argv: readonly [string, ...string[]]): Promise<string | null> {
  try {
    const result = await exec.run(argv);
    return result.exitCode === 0 ? result.stdout.trim() : null;
  } catch {
    return null;
  }
}

/** Collects the versions of everything that a run rests on. What a machine does not have is left out, or null. */
export async function collectVersions(exec: Exec): Promise<Versions> {
  const own = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const [packages, release] = await Promise.all([
    textOf(exec, ['dpkg-query', '-W', '-f=${db:Status-Status} ${Package} ${Version}\\n', ...DEBIAN_PACKAGES]),
    readFile('/etc/os-release', 'utf8').catch(() => ''),
  ]);
  const installed = (packages ?? '')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([state]) => state === 'installed')
    .map(([, name, version]) => [name ?? '', version ?? '']);
  return {
    priomesh: own.version,
    node: process.version,
    npm: own.dependencies,
    debian: Object.fromEntries(installed),
    kernel: os.release(),
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? os.type(),
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    processors: os.cpus().length,
    memoryBytes: os.totalmem(),
  };
}

/** The commit of the sources, and whether they differ from it; nulls where there is no repository. */
export async function sourceRevision(exec: Exec): Promise<Pick<Manifest, 'commit' | 'dirty'>> {
  const [commit, status] = await Promise.all([
    textOf(exec, ['git', '-C', ROOT, 'rev-parse', 'HEAD']),
    textOf(exec, ['git', '-C', ROOT, 'status', '--porcelain']),
  ]);
  return { commit, dirty: status === null ? null : status !== '' };
}

/** A results folder's description of itself: enough to say what was run, on what, in which order, and what to make of it. */
export interface Manifest {
  readonly schema: 'priomesh/manifest/v1';
  readonly experiment: ExperimentPlan['source']['experiment'];
  readonly policy: ExperimentPlan['source']['policy'];
  readonly graph: ExperimentPlan['source']['graph'];
  readonly lab: ExperimentPlan['lab'];
  /** What the laboratory could not offer, in words. */
  readonly labLimitations: readonly string[];
  readonly formName: ExperimentPlan['formName'];
  readonly form: ExperimentPlan['form'];
  readonly platform: ExperimentPlan['platform'];
  readonly versions: Versions;
  /** What each layer of each arm did, with the exact commands. */
  readonly plans: Readonly<Record<string, readonly LayerPlan[]>>;
  readonly commit: string | null;
  /** Whether the sources differ from the commit; null where there is no repository. */
  readonly dirty: boolean | null;
  readonly schedule: ExperimentPlan['schedule'];
  readonly digest: string;
  /** Every trial that was run, in order, void ones included. */
  readonly trials: readonly TrialEntry[];
  readonly startedAt: string;
  /** Null while the run is going on, or when it was cut off. */
  readonly endedAt: string | null;
  /** SHA-256 of the raw files, by path relative to the folder; empty until the run has ended. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** What a manifest says beside its plan. */
export type RunFacts = Omit<
  Manifest,
  | 'schema'
  | 'plans'
  | keyof Pick<ExperimentPlan, 'lab' | 'formName' | 'form' | 'platform' | 'schedule' | 'digest'>
  | keyof Pick<ExperimentPlan['source'], 'experiment' | 'policy' | 'graph'>
>;

/** Puts a manifest together from a plan and what has happened so far. */
export function makeManifest(plan: ExperimentPlan, facts: RunFacts): Manifest {
  const { experiment, policy, graph } = plan.source;
  const { lab, formName, form, platform, schedule, digest } = plan;
  const plans = Object.fromEntries(plan.arms.map((arm) => [arm.name, arm.layerPlans]));
  return {
    schema: 'priomesh/manifest/v1',
    experiment,
    policy,
    graph,
    lab,
    formName,
    form,
    platform,
    plans,
    schedule,
    digest,
    ...facts,
  };
}
