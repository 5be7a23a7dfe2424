import path from 'node:path';
import { BROKER } from '../config/index.ts';
import {
  type Clock,
  type LayerContext,
  type Logger,
  messageOf,
  type NetworkPath,
  type Undo,
} from '../core/index.ts';
import { type AppliedPort, applyPort, isKernelLayerPlan, planBaselinePort } from '../kernel-qos/index.ts';
import type { Broker, Controller, Lab } from '../lab/index.ts';
import { SIDECAR_MAIN } from '../sidecar/index.ts';
import {
  APPLICATION_MAIN,
  CROSS_TRAFFIC_MAIN,
  GENERATOR_MAIN,
  type GeneratorReport,
} from '../workload/index.ts';
import { auditTrial, type TrialObservation } from './audit.ts';
import { type QueueWatch, watchQueues } from './broker-watch.ts';
import { joinCounters } from './join-counters.ts';
import type { Verdict } from './journal.ts';
import { LAYERS } from './layers.ts';
import type { ArmPlan, ExperimentPlan } from './plan.ts';
import { watchPorts } from './port-watch.ts';
import { processorShares, readProcessorTime } from './processor-time.ts';
import { makeTrialFolder, writeJson } from './results-folder.ts';
import type { ScheduledTrial } from './schedule.ts';
import {
  configureTrial,
  type ProcessConfiguration,
  sidecarNames,
  type TrialBroker,
  type TrialConfiguration,
} from './trial-configuration.ts';
import { runSenders, stopSinks } from './trial-cross-traffic.ts';
import { CONTROL_PLANE, CONTROLLER, configureNetwork, NETWORK_LOG, setRoutes } from './trial-network.ts';
import {
  awaitReady,
  READY_TIMEOUT_MS,
  type Running,
  startProcess,
  stopProcess,
  writeConfiguration,
} from './trial-processes.ts';
import { chooseSockets } from './trial-sockets.ts';

/** What a trial needs of the run around it. */
export interface TrialSetting {
  readonly plan: ExperimentPlan;
  readonly lab: Lab;
  /** The run's message broker; absent where no arm needs one. */
  readonly broker?: Broker | undefined;
  /** The run's SDN controller; absent where the experiment has none. */
  readonly controller?: Controller | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The trial's own folder, absolute. */
  readonly folder: string;
}

/** How much longer than its schedule the generator may take before the trial is given up. */
const GENERATOR_GRACE_MS = 15_000;

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
  const onEnd = (name: string) => (): void => {
    if (!stopped.value) died.push(name);
  };
  const broker = arm.usesBroker ? await enterBroker(setting, cleanup, onEnd(BROKER)) : undefined;
  const sockets = cleanup.use(
    await chooseSockets(folder, [...sidecarNames(plan, arm), ...(arm.usesHints ? [CONTROL_PLANE] : [])]),
  );
  const controlPlane = arm.usesHints ? `unix:${sockets.socketOf(CONTROL_PLANE)}` : undefined;
  const configuration = configureTrial(plan, arm, trial, lab, {
    file,
    tapSocket: (sidecar) => sockets.socketOf(sidecar),
    ...(broker === undefined ? {} : { broker }),
    ...(controlPlane === undefined ? {} : { controlPlane }),
  });
  await writeConfigurations(configuration, folder);

  const ports = await applyLayers(setting, arm, cleanup);
  const start = async (main: string, one: ProcessConfiguration<unknown>): Promise<Running> => {
    const running = await startProcess(setting, main, one);
    cleanup.defer(() => stopProcess(running));
    void running.process.exited.then(onEnd(one.name));
    return running;
  };
  const { controller } = setting;
  const paths: NetworkPath[] = [];
  if (controller !== undefined) {
    paths.push(...(await setRoutes(controller, arm, signal)));
    void controller.exited.then(onEnd(CONTROLLER));
    const network = configureNetwork(plan, arm, { lab, ports, controller, controlPlane, file });
    for (const { main, process } of network) {
      await writeConfiguration(folder, process);
      await awaitReady(await start(main, process), setting);
    }
  }
  const services = await Promise.all([
    ...configuration.applications.map((one) => start(APPLICATION_MAIN, one)),
    ...configuration.sidecars.map((one) => start(SIDECAR_MAIN, one)),
    ...configuration.sinks.map((one) => start(CROSS_TRAFFIC_MAIN, one)),
  ]);
  await Promise.all(services.map((one) => awaitReady(one, setting)));

  const before = { processor: await readProcessorTime(), offsetMs: clock.wallMs() - clock.nowMs() };
  const generator = await startProcess(setting, GENERATOR_MAIN, configuration.generator);
  cleanup.defer(() => stopProcess(generator));
  const started = await generator.process.waitForLine(
    (line) => line['event'] === 'started',
    READY_TIMEOUT_MS,
    signal,
  );
  const originMs = typeof started['monotonicMs'] === 'number' ? started['monotonicMs'] : clock.nowMs();
  const senders = await runSenders(setting, arm, configuration, originMs);
  for (const one of senders) cleanup.defer(() => stopProcess(one));
  const watch = watchPorts(ports, { clock, originMs, file: file('counters.jsonl'), signal });
  cleanup.defer(() => watch.stop());
  const queues = broker === undefined ? undefined : await watchTrialQueues(setting, broker, originMs);
  cleanup.defer(async () => queues?.stop());
  const scheduleMs = plan.form.warmupMs + plan.form.measureMs + plan.form.drainMs;
  const done = (await generator.process.waitForLine(
    (line) => line['event'] === 'done',
    scheduleMs + GENERATOR_GRACE_MS,
    signal,
  )) as unknown as GeneratorReport;
  await watch.stop();
  await queues?.stop();
  stopped.value = true;
  const after = { processor: await readProcessorTime(), offsetMs: clock.wallMs() - clock.nowMs() };
  const sinks = services.filter(({ name }) => configuration.sinks.some((sink) => sink.name === name));
  const crossTraffic = await stopSinks(senders, sinks);
  await cleanup.disposeAsync();
  const sources = configuration.sidecars.flatMap(({ name, config: { statistics } }) =>
    statistics === undefined ? [] : [{ name: name.replace(/^sidecar-/, ''), file: statistics.file }],
  );
  const network = controller === undefined ? undefined : { file: file(NETWORK_LOG), paths };
  await joinCounters(sources, network, {
    into: file('counters.jsonl'),
    originMs,
  });

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
    crossTraffic,
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
  const { applications, sidecars, sinks, generator } = configuration;
  const all = [...applications, ...sidecars, ...sinks, generator];
  await Promise.all(all.map((one) => writeConfiguration(folder, one)));
}

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
