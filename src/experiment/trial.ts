import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BROKER } from '../config/index.ts';
import {
  type Clock,
  type LayerContext,
  type Logger,
  messageOf,
  PriomeshError,
  type Undo,
} from '../core/index.ts';
import { type AppliedPort, applyPort, isKernelLayerPlan, planBaselinePort } from '../kernel-qos/index.ts';
import type { Broker, Lab, LabProcess } from '../lab/index.ts';
import { SIDECAR_MAIN } from '../sidecar/index.ts';
import { APPLICATION_MAIN, GENERATOR_MAIN, type GeneratorReport } from '../workload/index.ts';
import { auditTrial, type TrialObservation } from './audit.ts';
import { type QueueWatch, watchQueues } from './broker-watch.ts';
import type { Verdict } from './journal.ts';
import { LAYERS } from './layers.ts';
import type { ArmPlan, ExperimentPlan } from './plan.ts';
import { watchPorts } from './port-watch.ts';
import { processorShares, readProcessorTime } from './processor-time.ts';
import { makeTrialFolder, writeJson } from './results-folder.ts';
import type { ScheduledTrial } from './schedule.ts';
import { chooseTapSockets } from './tap-sockets.ts';
import {
  configureTrial,
  type ProcessConfiguration,
  type TrialBroker,
  type TrialConfiguration,
} from './trial-configuration.ts';

/** What a trial needs of the run around it. */
export interface TrialSetting {
  readonly plan: ExperimentPlan;
  readonly lab: Lab;
  /** The run's message broker; absent where no arm needs one. */
  readonly broker?: Broker | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The trial's own folder, absolute. */
  readonly folder: string;
}

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;
/** How much longer than its schedule the generator may take before the trial is given up. */
const GENERATOR_GRACE_MS = 15_000;

interface Running {
  readonly name: string;
  readonly process: LabProcess;
}

/**
 * Runs one trial: layers on, processes up, load, processes down, layers off; then judges it. Everything that it started
 * has ended and everything that it set is undone when it returns or throws. Throws LAB_PROCESS_DIED when a process
 * cannot start; a process that ends during the load makes the trial void instead.
 */
export async function runTrial(setting: TrialSetting, arm: ArmPlan, trial: ScheduledTrial): Promise<Verdict> {
  const { folder, signal } = setting;
  const died: string[] = [];
  try {
    return await runWatched(setting, arm, trial, died);
  } catch (error) {
    // Processes that are starting fail when the broker dies; that is its fault and not theirs.
    if (signal.aborted || !died.includes(BROKER)) throw error;
    const verdict: Verdict = { valid: false, reasons: [`ended before their time: ${died.join(', ')}`] };
    await writeJson(path.join(folder, 'audit.json'), { verdict, error: messageOf(error) });
    return verdict;
  }
}

/** @param died filled with the names of what ended before its time */
async function runWatched(
  setting: TrialSetting,
  arm: ArmPlan,
  trial: ScheduledTrial,
  died: string[],
): Promise<Verdict> {
  const { plan, lab, clock, folder, signal } = setting;
  await makeTrialFolder(folder);
  const file = (name: string): string => path.join(folder, name);
  await using cleanup = new AsyncDisposableStack();
  const stopped = { value: false };
  const onBrokerEnd = (): void => {
    if (!stopped.value) died.push(BROKER);
  };
  const broker = arm.usesBroker ? await enterBroker(setting, cleanup, onBrokerEnd) : undefined;
  const sidecars = arm.sidecars ? Object.keys(plan.source.graph.services).map((one) => `sidecar-${one}`) : [];
  const sockets = cleanup.use(await chooseTapSockets(folder, sidecars));
  const configuration = configureTrial(plan, arm, trial, lab, {
    file,
    tapSocket: (sidecar) => sockets.socketOf(sidecar),
    ...(broker === undefined ? {} : { broker }),
  });
  await writeConfigurations(configuration, folder);

  const ports = await applyLayers(setting, arm, cleanup);
  const start = async (main: string, one: ProcessConfiguration<unknown>): Promise<Running> => {
    const process = await startProcess(setting, main, one);
    cleanup.defer(() => stopProcess(process));
    void process.exited.then(() => {
      if (!stopped.value) died.push(one.name);
    });
    return { name: one.name, process };
  };
  const services = await Promise.all([
    ...configuration.applications.map((one) => start(APPLICATION_MAIN, one)),
    ...configuration.sidecars.map((one) => start(SIDECAR_MAIN, one)),
  ]);
  await Promise.all(services.map((one) => awaitReady(one, folder, signal)));

  const before = { processor: await readProcessorTime(), offsetMs: clock.wallMs() - clock.nowMs() };
  const generator = await startProcess(setting, GENERATOR_MAIN, configuration.generator);
  cleanup.defer(() => stopProcess(generator));
  const started = await generator.waitForLine(
    (line) => line['event'] === 'started',
    READY_TIMEOUT_MS,
    signal,
  );
  const originMs = typeof started['monotonicMs'] === 'number' ? started['monotonicMs'] : clock.nowMs();
  const watch = watchPorts(ports, { clock, originMs, file: file('counters.jsonl'), signal });
  cleanup.defer(() => watch.stop());
  const queues = broker === undefined ? undefined : await watchTrialQueues(setting, broker, originMs);
  cleanup.defer(async () => queues?.stop());
  const scheduleMs = plan.form.warmupMs + plan.form.measureMs + plan.form.drainMs;
  const done = (await generator.waitForLine(
    (line) => line['event'] === 'done',
    scheduleMs + GENERATOR_GRACE_MS,
    signal,
  )) as unknown as GeneratorReport;
  await watch.stop();
  await queues?.stop();
  stopped.value = true;
  const after = { processor: await readProcessorTime(), offsetMs: clock.wallMs() - clock.nowMs() };
  await cleanup.disposeAsync();
  await joinSidecarCounters(configuration, file('counters.jsonl'), originMs);

  const shares = processorShares(before.processor, after.processor);
  const seen: TrialObservation = {
    sent: done.sent,
    late: done.late,
    p99LatenessMs: done.p99LatenessMs,
    stealRatio: shares.steal,
    idleRatio: shares.idle,
    clockStepMs: Math.abs(after.offsetMs - before.offsetMs),
    ports: watch.totals(),
    died,
  };
  const verdict = auditTrial(seen, plan.source.experiment.audit);
  await writeJson(file('audit.json'), { verdict, seen, generator: done });
  return verdict;
}

/** Gives a trial a virtual host of its own, and the next one a broker that runs, whatever happened in this one. */
async function enterBroker(
  { broker, folder, signal }: TrialSetting,
  cleanup: AsyncDisposableStack,
  onEnd: () => void,
): Promise<TrialBroker> {
  if (broker === undefined) throw new RangeError('the arm sends messages, and there is no broker');
  const virtualHost = path.basename(folder);
  if (!broker.running) await broker.restart(signal);
  void broker.exited.then(onEnd);
  await broker.createVirtualHost(virtualHost);
  cleanup.defer(async () => {
    if (signal.aborted) return;
    if (!broker.running) await broker.restart(signal);
    await broker.deleteVirtualHost(virtualHost);
  });
  const { address, userName } = broker;
  return { address, virtualHost, userName };
}

function watchTrialQueues(
  { broker, plan, folder }: TrialSetting,
  { virtualHost }: TrialBroker,
  originMs: number,
): Promise<QueueWatch> | undefined {
  const intervalMs = plan.source.experiment.broker?.sampleMs;
  if (broker === undefined || intervalMs === undefined) return undefined;
  const file = path.join(folder, 'counters.jsonl');
  return watchQueues(broker, { virtualHost, intervalMs, originMs, file });
}

async function writeConfigurations(configuration: TrialConfiguration, folder: string): Promise<void> {
  const all = [...configuration.applications, ...configuration.sidecars, configuration.generator];
  await Promise.all(
    all.map((one) => writeFile(configFile(folder, one.name), JSON.stringify(one.config, null, 2))),
  );
}

const configFile = (folder: string, name: string): string => path.join(folder, 'config', `${name}.json`);
const logFile = (folder: string, name: string): string => path.join(folder, 'logs', `${name}.log`);

/**
 * Puts the arm's layers in force, and on every bottleneck port either the classes that the kernel layer planned or, where it is off or
 * cannot be served, one plain queue.
 */
async function applyLayers(
  { lab, signal }: TrialSetting,
  arm: ArmPlan,
  cleanup: AsyncDisposableStack,
): Promise<AppliedPort[]> {
  const context: LayerContext = { execOn: (node) => lab.execOn(node), signal };
  for (const layerPlan of arm.layerPlans) {
    const layer = LAYERS.find((one) => one.name === layerPlan.layer);
    if (layer === undefined || layer.name === 'kernel') continue;
    const undo: Undo = await layer.apply(layerPlan, context);
    cleanup.defer(undo);
  }
  const classes = arm.layerPlans.find(isKernelLayerPlan)?.ports.filter((one) => one.served) ?? [];
  const applied: AppliedPort[] = [];
  for (const port of lab.ports) {
    const portPlan = classes.find((one) => one.port.label === port.label) ?? planBaselinePort(port);
    const one = await applyPort(lab.execOn(port.node), portPlan);
    cleanup.defer(() => one.undo());
    await one.verify();
    applied.push(one);
  }
  return applied;
}

async function startProcess(
  { lab, folder }: TrialSetting,
  main: string,
  one: ProcessConfiguration<unknown>,
): Promise<LabProcess> {
  return lab.spawn(one.node, [process.execPath, main, '--config', configFile(folder, one.name)], {
    stderrFile: logFile(folder, one.name),
  });
}

async function awaitReady(one: Running, folder: string, signal: AbortSignal): Promise<void> {
  try {
    await one.process.waitForLine((line) => line['event'] === 'ready', READY_TIMEOUT_MS, signal);
  } catch (error) {
    if (error instanceof PriomeshError && error.code === 'ABORTED') throw error;
    const log = await readFile(logFile(folder, one.name), 'utf8').catch(() => '');
    throw new PriomeshError(
      'LAB_PROCESS_DIED',
      `${one.name} did not become ready: ${messageOf(error)}\n${log.slice(-1500)}`,
      { cause: error, fix: `read ${logFile(folder, one.name)}` },
    );
  }
}

/** Asks a process to end, and ends it after a while if it does not listen. */
async function stopProcess(one: LabProcess): Promise<void> {
  const gone = one.exited.then(() => true);
  await one.signal('SIGTERM');
  const timer = AbortSignal.timeout(STOP_TIMEOUT_MS);
  const late = new Promise<false>((resolve) =>
    timer.addEventListener('abort', () => resolve(false), { once: true }),
  );
  if (!(await Promise.race([gone, late]))) {
    await one.signal('SIGKILL');
    await gone;
  }
}

/** Brings the counters that sidecars wrote to their own files into the trial's one file, on the trial's time scale. */
async function joinSidecarCounters(
  configuration: TrialConfiguration,
  into: string,
  originMs: number,
): Promise<void> {
  for (const one of configuration.sidecars) {
    const own = one.config.statistics?.file;
    if (own === undefined) continue;
    // What follows the last line end was cut off when the sidecar ended; a sidecar that died early wrote nothing.
    const lines = (await readFile(own, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    const joined = lines.map((line) => {
      const sample = JSON.parse(line) as { timeMs: number };
      const tMs = Math.round(sample.timeMs - originMs);
      return `${JSON.stringify({ t_ms: tMs, source: 'sidecar', name: one.config.service, ...sample })}\n`;
    });
    await appendFile(into, joined.join(''));
    await rm(own, { force: true });
  }
}
