import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** What a small experiment differs in from the one that it is made of. */
export interface SmallExperiment {
  /** An experiment of the repository with a policy of the same name. Default: the case study. */
  readonly of?: 'case-study' | 'broker' | 'reroute';
  readonly arms: readonly string[];
  readonly trials: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** How often a void trial is repeated. Default: never. */
  readonly maxRetries?: number;
}

/**
 * Writes an experiment with fewer arms and shorter trials into a temporary folder, and gives the folder. Its audit lets
 * everything pass: such a run is about what happens, and not about how fast.
 */
export async function writeSmallExperiment(wanted: SmallExperiment): Promise<string> {
  const { of = 'case-study' } = wanted;
  const original = path.join(ROOT, 'experiments', of);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-small-'));
  const experiment = parse(await readFile(path.join(original, 'experiment.yaml'), 'utf8')) as {
    arms: Record<string, unknown>;
  };
  const form = {
    trials: wanted.trials,
    warmupMs: wanted.warmupMs,
    measureMs: wanted.measureMs,
    drainMs: 3000,
  };
  const { control: _, ...rest } = experiment as { control?: unknown; arms: Record<string, unknown> };
  const small = {
    ...rest,
    policy: 'policy.yaml',
    application: 'application.yaml',
    arms: Object.fromEntries(Object.entries(experiment.arms).filter(([name]) => wanted.arms.includes(name))),
    comparisons: [],
    forms: { quick: form, full: form },
    audit: {
      maxLateSendRatio: 1,
      maxP99LatenessMs: 60_000,
      maxStealRatio: 1,
      minIdleRatio: 0,
      maxClockStepMs: 60_000,
      maxLinkRateError: 1,
      maxMissingCrossTrafficRatio: 1,
      maxRetries: wanted.maxRetries ?? 0,
    },
  };
  await writeFile(path.join(folder, 'experiment.yaml'), stringify(small));
  await copyFile(path.join(ROOT, `policies/${of}.yaml`), path.join(folder, 'policy.yaml'));
  await copyFile(path.join(original, 'application.yaml'), path.join(folder, 'application.yaml'));
  return folder;
}
