import { CROSS_TRAFFIC_MAIN, type ReceivedReport, type SentReport } from '../workload/index.ts';
import type { ArmPlan, ExperimentPlan } from './plan.ts';
import { configureSender, type TrialConfiguration } from './trial-configuration.ts';
import {
  type ProcessPlace,
  type Running,
  startProcess,
  stopProcess,
  writeConfiguration,
} from './trial-processes.ts';

/** What became of a flow of cross traffic. */
export interface FlowReport {
  readonly name: string;
  /** Absent when the sender did not come to its end. */
  readonly sent?: SentReport;
  /** Absent when the sink did not come to its end. */
  readonly received?: ReceivedReport;
}

/** How long a sink that was told to end may take for its report. */
const REPORT_TIMEOUT_MS = 2000;

/** Starts the sender of each flow; each waits for its time by itself. */
export async function runSenders(
  place: ProcessPlace & { readonly plan: ExperimentPlan },
  arm: ArmPlan,
  { sinks }: TrialConfiguration,
  originMs: number,
): Promise<Running[]> {
  return Promise.all(
    arm.crossTraffic.map(async (flow) => {
      const sink = sinks.find(({ name }) => name === `sink-${flow.name}`);
      if (sink === undefined) throw new RangeError(`flow ${flow.name} has no sink`);
      const sender = configureSender(place.plan, flow, sink, originMs);
      await writeConfiguration(place.folder, sender);
      return startProcess(place, CROSS_TRAFFIC_MAIN, sender);
    }),
  );
}

/** Ends senders and sinks, and gives what they say of themselves. */
export async function stopSinks(
  senders: readonly Running[],
  sinks: readonly Running[],
): Promise<FlowReport[]> {
  return Promise.all(
    sinks.map(async (sink) => {
      const name = sink.name.replace(/^sink-/, '');
      const sender = senders.find((one) => one.name === `cross-traffic-${name}`);
      if (sender !== undefined) await stopProcess(sender);
      await stopProcess(sink);
      const [sent, received] = [await reportOf(sender), await reportOf(sink)];
      return {
        name,
        ...(sent === undefined ? {} : { sent: sent as unknown as SentReport }),
        ...(received === undefined ? {} : { received: received as unknown as ReceivedReport }),
      };
    }),
  );
}

async function reportOf(one: Running | undefined): Promise<Readonly<Record<string, unknown>> | undefined> {
  return one?.process
    .waitForLine((line) => line['event'] === 'done', REPORT_TIMEOUT_MS)
    .catch(() => undefined);
}
