import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isTrusted } from '../analysis/index.ts';
import { BROKER, nodesOf } from '../config/index.ts';
import { abortError, type Clock, hostExec, type Logger, messageOf, PriomeshError } from '../core/index.ts';
import {
  type Broker,
  type Controller,
  type Lab,
  type LabKind,
  openBroker,
  openController,
  openLab,
} from '../lab/index.ts';
import { appendJournal, readJournal, repairJournal, type TrialEntry, type Verdict } from './journal.ts';
import { collectVersions, type Manifest, makeManifest, sourceRevision } from './manifest.ts';
import { type ExperimentPlan, type ExperimentSource, type FormName, planExperiment } from './plan.ts';
import { probePlatform } from './platform.ts';
import {
  checksums,
  lockFolder,
  makeFolder,
  type ResultsFolder,
  resultsFolder,
  writeJson,
} from './results-folder.ts';
import type { ScheduledTrial } from './schedule.ts';
import { runTrial } from './trial.ts';

/** What a run tells while it goes on. */
export interface RunEvents {
  /** The laboratory is being built. */
  preparing(text: string): void;
  /** The plan stands; `resumed` trials were found finished in the folder. `limitations` are the laboratory's, in sentences. */
  planned(plan: ExperimentPlan, resumed: number, limitations: readonly string[]): void;
  trialStarted(trial: ScheduledTrial, attempt: number): void;
  trialEnded(trial: ScheduledTrial, verdict: Verdict): void;
}

/** How an experiment is run. */
export interface RunOptions {
  readonly formName: FormName;
  readonly lab: LabKind;
  /** The results folder; created, or resumed when it holds an unfinished run of the same plan. */
  readonly out: string;
  /** Overrides the number of trials per arm. */
  readonly trials?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly events: RunEvents;
}

/** What a finished run leaves. */
export interface RunOutcome {
  readonly manifest: Manifest;
  /** False when so many trials were void that the run proves nothing. */
  readonly trusted: boolean;
}

/** Opens the laboratory that an experiment asks for. */
export async function openExperimentLab(
  source: ExperimentSource,
  options: { lab: LabKind; logDirectory: string; logger: Logger; signal: AbortSignal },
): Promise<Lab> {
  const { crossTraffic, controller } = source.experiment;
  const { name, rateBps, delayMs, queuePackets, placement } = source.experiment.topology;
  const ends = crossTraffic.flatMap(({ from, to }) => [from, to]);
  return openLab(
    {
      kind: options.lab,
      topology: {
        name,
        rateBps,
        delayMs,
        queuePackets,
        nodes: [...new Set([...Object.values(placement).flat(), ...ends])],
        controller: controller !== undefined,
      },
      logDirectory: options.logDirectory,
      logger: options.logger,
    },
    options.signal,
  );
}

/** Refuses a results folder that holds something other than a run. */
async function claimFolder(folder: ResultsFolder): Promise<void> {
  const { digest } = await readJournal(folder.journal);
  if (digest === undefined && (await readdir(folder.root)).some((name) => name !== 'logs')) {
    throw new PriomeshError('RESULTS_EXIST', `${folder.root} is not empty and holds no run of priomesh`);
  }
}

/** Refuses a folder that holds another run, and gives the trials that a run of this plan has finished in it. */
async function resumeFrom(folder: ResultsFolder, plan: ExperimentPlan): Promise<readonly TrialEntry[]> {
  const journal = await readJournal(folder.journal);
  if (journal.digest === undefined) {
    await appendJournal(folder.journal, { kind: 'plan', digest: plan.digest });
    return [];
  }
  if (journal.digest !== plan.digest) {
    throw new PriomeshError('RESULTS_EXIST', `${folder.root} holds a run of another plan`);
  }
  await repairJournal(folder.journal);
  return journal.trials;
}

type Software = Pick<Manifest, 'commit' | 'dirty' | 'versions'>;

/** What an earlier start left of its manifest; undefined where it did not come so far. */
async function earlierManifest(folder: ResultsFolder): Promise<Manifest | undefined> {
  let text: string;
  try {
    text = await readFile(folder.manifest, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Manifest;
  } catch (error) {
    throw new PriomeshError('RESULTS_INVALID', `${folder.manifest} cannot be read: ${messageOf(error)}`);
  }
}

/** Refuses to join trials of different software or machines under one manifest; trials of changed sources stay marked as such. */
export function joinSoftware(earlier: Software | undefined, now: Software, where: string): Software {
  if (earlier === undefined) return now;
  const differing = [
    ...(earlier.commit === now.commit ? [] : ['commit']),
    ...Object.keys({ ...earlier.versions, ...now.versions }).filter(
      (key) => !isDeepStrictEqual(Reflect.get(earlier.versions, key), Reflect.get(now.versions, key)),
    ),
  ];
  if (differing.length > 0) {
    throw new PriomeshError(
      'RESULTS_EXIST',
      `${where} holds trials that were run with another ${differing.join(', ')} (commit ${earlier.commit ?? 'unknown'})`,
      { fix: 'Go back to what it was started with, or name another folder with --out.' },
    );
  }
  return { ...now, dirty: earlier.dirty === true ? true : now.dirty };
}

/**
 * Runs an experiment from laboratory up to laboratory down and writes its results folder. A run that was cut off goes on
 * where it stopped when it is started again with the same folder. Rejects with ABORTED when the signal fires; the
 * laboratory is down then, too.
 */
export async function runExperiment(source: ExperimentSource, options: RunOptions): Promise<RunOutcome> {
  const { clock, logger, events } = options;
  const folder = resultsFolder(path.resolve(options.out));
  await makeFolder(folder.root);
  await using _lock = await lockFolder(folder.root);
  await claimFolder(folder);
  events.preparing('probing this machine');
  const platform = await probePlatform(options.lab, options.signal);
  events.preparing(`building the ${options.lab} laboratory`);
  await using lab = await openedLab(source, options, folder);
  const signal = AbortSignal.any([options.signal, lab.value.failed]);
  const plan = planExperiment(source, {
    formName: options.formName,
    lab: options.lab,
    platform,
    ports: lab.value.ports,
    ...(options.trials === undefined ? {} : { trials: options.trials }),
  });
  const trials = [...(await resumeFrom(folder, plan))];
  const [versions, revision, earlier] = await Promise.all([
    collectVersions(hostExec),
    sourceRevision(hostExec),
    earlierManifest(folder),
  ]);
  await using broker = await openedBroker(plan, { ...options, signal }, lab.value, folder);
  await using controller = await openedController(plan, { ...options, signal }, lab.value, folder);
  const software = joinSoftware(earlier, { ...revision, versions }, folder.root);
  const startedAt = earlier?.startedAt ?? new Date(clock.wallMs()).toISOString();
  const writeManifest = async (endedAt: string | null, sums: Record<string, string>): Promise<Manifest> => {
    const { limitations } = lab.value;
    const facts = {
      ...software,
      labLimitations: limitations,
      trials,
      startedAt,
      endedAt,
      checksums: sums,
    };
    const manifest = makeManifest(plan, facts);
    await writeJson(folder.manifest, manifest);
    return manifest;
  };
  await writeManifest(null, {});
  events.planned(plan, trials.filter((one) => one.verdict.valid).length, lab.value.limitations);

  try {
    for (const scheduled of plan.schedule) {
      await runScheduled(scheduled, trials, {
        plan,
        lab: lab.value,
        broker: broker.value,
        controller: controller.value,
        clock,
        logger,
        signal,
        folder,
        events,
      });
      if (options.signal.aborted) throw abortError(options.signal);
    }
  } catch (error) {
    const { failed } = lab.value;
    // A laboratory that broke makes everything in it fail; its own reason is the one to tell.
    if (failed.aborted && !options.signal.aborted) throw failed.reason;
    throw error;
  }
  const sums = await checksums(folder.root, ['trials']);
  const manifest = await writeManifest(new Date(clock.wallMs()).toISOString(), sums);
  const valid = trials.filter((one) => one.verdict.valid);
  return { manifest, trusted: isTrusted(plan.schedule, valid, source.experiment.audit.maxVoidRatio) };
}

async function openedLab(
  source: ExperimentSource,
  options: RunOptions,
  folder: ResultsFolder,
): Promise<{ value: Lab } & AsyncDisposable> {
  const logDirectory = path.join(folder.root, 'logs');
  await mkdir(logDirectory, { recursive: true });
  const { lab, logger, signal } = options;
  const value = await openExperimentLab(source, { lab, logDirectory, logger, signal });
  return { value, [Symbol.asyncDispose]: () => value.close() };
}

/** Starts the run's message broker where an arm sends messages. */
async function openedBroker(
  plan: ExperimentPlan,
  { logger, signal, events }: RunOptions,
  lab: Lab,
  folder: ResultsFolder,
): Promise<{ value: Broker | undefined } & AsyncDisposable> {
  const [node] = nodesOf(plan.source.experiment, BROKER);
  if (node === undefined || !plan.arms.some((arm) => arm.usesBroker)) {
    return { value: undefined, [Symbol.asyncDispose]: async () => {} };
  }
  events.preparing('starting the message broker');
  const directory = path.join(folder.root, 'logs', 'broker');
  const value = await openBroker(lab, node, { directory, logger, signal });
  return { value, [Symbol.asyncDispose]: () => value.close() };
}

/** Starts the run's SDN controller where the experiment has one and the laboratory has switches. */
async function openedController(
  plan: ExperimentPlan,
  { logger, signal, events }: RunOptions,
  lab: Lab,
  folder: ResultsFolder,
): Promise<{ value: Controller | undefined } & AsyncDisposable> {
  const { controller } = plan.source.experiment;
  if (controller === undefined || lab.kind === 'local') {
    return { value: undefined, [Symbol.asyncDispose]: async () => {} };
  }
  events.preparing('starting the controller');
  const directory = path.join(folder.root, 'logs', 'controller');
  await mkdir(directory, { recursive: true });
  const classMarks = plan.source.policy.classes.map(({ mark }) => mark.dscp);
  const value = await openController(lab, {
    directory,
    pollMs: controller.pollMs,
    classMarks,
    signal,
    logger,
  });
  return { value, [Symbol.asyncDispose]: () => value.close() };
}

/** Runs one place of the schedule until it has a valid trial, or until the repeats that the audit allows are used up. */
async function runScheduled(
  scheduled: ScheduledTrial,
  trials: TrialEntry[],
  run: {
    plan: ExperimentPlan;
    lab: Lab;
    broker: Broker | undefined;
    controller: Controller | undefined;
    clock: Clock;
    logger: Logger;
    signal: AbortSignal;
    folder: ResultsFolder;
    events: RunEvents;
  },
): Promise<void> {
  const { plan, folder, events } = run;
  const arm = plan.arms.find((one) => one.name === scheduled.arm);
  if (arm === undefined)
    throw new RangeError(`the schedule names the arm ${scheduled.arm}, which the plan lacks`);
  const earlier = trials.filter((one) => one.index === scheduled.index);
  if (earlier.some((one) => one.verdict.valid)) return;
  for (let attempt = earlier.length; attempt <= plan.source.experiment.audit.maxRetries; attempt += 1) {
    const relative = folder.trial(scheduled.index, arm.name, scheduled.block, attempt);
    const absolute = path.join(folder.root, relative);
    await rm(absolute, { recursive: true, force: true });
    events.trialStarted(scheduled, attempt);
    const verdict = await runTrial({ ...run, folder: absolute }, arm, scheduled);
    const { index, block } = scheduled;
    const entry: TrialEntry = {
      kind: 'trial',
      index,
      block,
      arm: arm.name,
      attempt,
      folder: relative,
      verdict,
    };
    await appendJournal(folder.journal, entry);
    trials.push(entry);
    events.trialEnded(scheduled, verdict);
    if (verdict.valid) return;
  }
}
