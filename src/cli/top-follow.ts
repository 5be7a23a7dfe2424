import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, messageOf, PriomeshError } from '../core/index.ts';
import type { RunningTrial } from '../experiment/index.ts';
import type { LiveView, WatchedRun } from '../telemetry/index.ts';

/** What watching acts through. */
export interface Watching {
  readonly clock: Clock;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  /** Whether the taps are listened to; without them there are no latencies, and the sidecars are left alone. */
  readonly taps: boolean;
}

/** How often the run is asked whether it has ended, and which trial is running. */
const LOOK_MS = 250;
/** How often files are looked at for what has been added. */
const READ_MS = 50;
/** What the bridge to the network's controller writes in a trial's folder. */
const NETWORK_FILE = 'network.jsonl';

/** What a folder says about the run that writes into it now, as soon as it does. @throws PriomeshError NO_RUN, RESULTS_INVALID */
export async function describeRun(
  folder: string,
  { clock, signal, note }: Pick<Watching, 'clock' | 'signal'> & { readonly note: (text: string) => void },
): Promise<WatchedRun> {
  const { isLocked, readRunningManifest } = await import('../experiment/index.ts');
  let said = false;
  for (;;) {
    if (!(await isLocked(folder))) {
      throw new PriomeshError('NO_RUN', `${folder}: no run is writing into this folder now`);
    }
    const manifest = await readRunningManifest(folder);
    if (manifest !== undefined) {
      const { experiment, formName, schedule, policy, graph } = manifest;
      const classes = policy.classes.toSorted((a, b) => a.rank - b.rank).map((one) => one.name);
      return {
        experiment: experiment.name,
        form: formName,
        trials: schedule.length,
        services: Object.keys(graph.services),
        classes,
        congestedLevel: policy.network.damping.congestedLevel,
        calmLevel: policy.network.damping.calmLevel,
      };
    }
    if (!said) note('the laboratory is being built');
    said = true;
    await clock.sleep(LOOK_MS, signal);
  }
}

/** The sidecars of a trial, by their configurations. */
async function sidecarsOf(folder: string): Promise<string[]> {
  const names = await readdir(path.join(folder, 'config')).catch(() => []);
  return names.flatMap((name) => /^(sidecar-.*)\.json$/.exec(name)?.[1] ?? []);
}

/** One trial that is being watched. */
class TrialWatch {
  readonly #view: LiveView;
  readonly #watching: Watching;
  readonly #root: string;
  readonly #trial: RunningTrial;
  readonly #ended = new AbortController();
  readonly #tails = new Map<string, AsyncDisposable & { read(): Promise<string[]> }>();
  readonly #taps = new Map<string, Promise<void>>();

  constructor(root: string, trial: RunningTrial, view: LiveView, watching: Watching) {
    this.#root = root;
    this.#trial = trial;
    this.#view = view;
    this.#watching = watching;
  }

  /** Looks for sidecars that have been configured or started. */
  async look(): Promise<void> {
    const { name, folder, index, arm, block, attempt, beganMs } = this.#trial;
    const sidecars = await sidecarsOf(folder);
    this.#view.enter({
      name,
      number: index + 1,
      arm,
      block: block + 1,
      attempt: attempt + 1,
      beganMs,
      sidecars,
    });
    if (this.#watching.taps) await this.#listen();
    const { LineTail } = await import('../telemetry/index.ts');
    for (const one of [...sidecars.map((sidecar) => `${sidecar}.jsonl`), NETWORK_FILE]) {
      if (!this.#tails.has(one)) this.#tails.set(one, new LineTail(path.join(folder, one)));
    }
  }

  /** Takes what has been added to the files. */
  async read(): Promise<void> {
    const { parseFileLine } = await import('../telemetry/index.ts');
    for (const [file, tail] of this.#tails) {
      const source = file === NETWORK_FILE ? undefined : path.basename(file, '.jsonl');
      for (const text of await tail.read()) {
        const line = parseFileLine(text);
        if (line !== undefined) this.#view.fileLine(source, line);
      }
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#taps.values());
    await Promise.all([...this.#tails.values()].map((one) => one[Symbol.asyncDispose]()));
  }

  async #listen(): Promise<void> {
    const { tapsOfRun } = await import('../experiment/index.ts');
    for (const { trial, sidecar, socket } of await tapsOfRun(this.#root)) {
      if (trial !== this.#trial.name || this.#taps.has(sidecar)) continue;
      this.#taps.set(sidecar, this.#follow(sidecar, socket));
    }
  }

  /** Follows one tap to its end. What may pass is tried again at the next look; what does not is said once. */
  async #follow(sidecar: string, socket: string): Promise<void> {
    const { isPassing, readTap } = await import('../sidecar/index.ts');
    const signal = AbortSignal.any([this.#watching.signal, this.#ended.signal]);
    try {
      const { lines, close } = await readTap(socket, { clock: this.#watching.clock, signal });
      try {
        this.#view.listening(sidecar, true);
        for await (const line of lines) this.#view.tapLine(sidecar, line);
      } finally {
        close();
        this.#view.listening(sidecar, false);
      }
      this.#taps.delete(sidecar);
    } catch (error) {
      if (signal.aborted) return;
      if (isPassing(error)) this.#taps.delete(sidecar);
      else this.#view.note(sidecar.replace(/^sidecar-/, ''), messageOf(error));
    }
  }
}

/**
 * Feeds a view with what a run in progress tells, from trial to trial, until the run ends or the signal fires.
 * @throws PriomeshError RESULTS_INVALID
 */
export async function watchRun(folder: string, view: LiveView, watching: Watching): Promise<void> {
  const { findRunningTrial, isLocked } = await import('../experiment/index.ts');
  const { clock, signal } = watching;
  let current: { readonly name: string; readonly watch: TrialWatch } | undefined;
  let lookAtMs = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted) {
      if (clock.nowMs() >= lookAtMs) {
        lookAtMs = clock.nowMs() + LOOK_MS;
        if (!(await isLocked(folder))) return;
        const trial = await findRunningTrial(folder);
        if (trial?.name !== current?.name) {
          await current?.watch.close();
          current =
            trial === undefined
              ? undefined
              : { name: trial.name, watch: new TrialWatch(folder, trial, view, watching) };
          if (trial === undefined) view.enter(undefined);
        }
        await current?.watch.look();
      }
      await current?.watch.read();
      await clock.sleep(READ_MS, signal).catch(() => undefined);
    }
  } finally {
    await current?.watch.close();
  }
}
