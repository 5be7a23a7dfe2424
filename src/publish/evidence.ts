import { z } from 'zod';
import { figure } from '../analysis/index.ts';
import { busiestPort, type CounterLine } from './counters.ts';
import type { PublishedTrial, TrialSet } from './trials.ts';

/** The part of a sidecar's statistics line that explains something. Other members may come and go. */
const sidecarSchema = z.looseObject({
  inbound: z.looseObject({
    classes: z.record(
      z.string(),
      z.looseObject({
        shed: z.number(),
        expired: z.number(),
        queueWaitUs: z.looseObject({ p99: z.number(), max: z.number() }),
        transport: z.looseObject({ congestionControl: z.string().nullable() }).optional(),
      }),
    ),
  }),
});

/** The part of the broker proxy's statistics that explains something. */
const brokerSchema = z.looseObject({
  broker: z.looseObject({
    declares: z.looseObject({ kept: z.number() }),
    prefetch: z.array(
      z.looseObject({ queue: z.string(), clientWindow: z.number(), brokerWindow: z.number() }),
    ),
  }),
});

/** What the counters beside the requests say of each arm, a sentence each: the reasons that effects, and their lack, can be read from. */
export function evidenceOf({ trials }: TrialSet): Record<string, string[]> {
  const evidence: Record<string, string[]> = {};
  for (const arm of new Set(trials.map((trial) => trial.arm))) {
    const own = trials.filter((trial) => trial.arm === arm);
    const sentences = [...sidecarSentences(own), ...prefetchSentences(own), ...portSentence(own)];
    if (sentences.length > 0) evidence[arm] = sentences;
  }
  return evidence;
}

/** What the sidecars' request queues did, and which congestion control the sockets of each class had. */
function sidecarSentences(trials: readonly PublishedTrial[]): string[] {
  const longestMs = new Map<string, number>();
  const algorithms = new Map<string, Set<string>>();
  let refused = 0;
  for (const line of trials.flatMap(({ counters }) => lastOfEachSidecar(counters))) {
    const parsed = sidecarSchema.safeParse(line.raw);
    if (!parsed.success) continue;
    for (const [name, one] of Object.entries(parsed.data.inbound.classes)) {
      longestMs.set(name, Math.max(longestMs.get(name) ?? 0, one.queueWaitUs.p99 / 1000));
      refused += one.shed + one.expired;
      const algorithm = one.transport?.congestionControl;
      if (typeof algorithm !== 'string') continue;
      algorithms.set(name, (algorithms.get(name) ?? new Set()).add(algorithm));
    }
  }
  if (longestMs.size === 0) return [];
  const waits = [...longestMs].map(([name, ms]) => `${figure(ms)} ms for ${name}`).join(' and ');
  const used = [...algorithms].map(([name, set]) => `${[...set].sort().join(' or ')} for ${name}`).join(', ');
  return [
    `In the sidecar with the longest waits the p99 of the time in the request queue was ${waits}; ${figure(refused / trials.length)} requests a trial were shed or expired there.`,
    ...(used === '' ? [] : [`Congestion control seen on the sidecars' sockets: ${used}.`]),
  ];
}

/** What the governed prefetch came to, and which queues could not be given priorities. */
function prefetchSentences(trials: readonly PublishedTrial[]): string[] {
  const windows = new Map<string, { broker: number[]; client: number[] }>();
  let kept = 0;
  for (const { counters } of trials) {
    const last = new Map<string, number>();
    for (const { source, name, timeMs, raw } of counters) {
      const parsed = source === 'sidecar' ? brokerSchema.safeParse(raw) : undefined;
      if (parsed?.success !== true) continue;
      const { declares, prefetch } = parsed.data.broker;
      last.set(name, declares.kept);
      if (timeMs < 0) continue;
      for (const { queue, brokerWindow, clientWindow } of prefetch) {
        const seen = windows.get(queue) ?? { broker: [], client: [] };
        seen.broker.push(brokerWindow);
        seen.client.push(clientWindow);
        windows.set(queue, seen);
      }
    }
    for (const count of last.values()) kept += count;
  }
  return [
    ...[...windows].map(
      ([queue, { broker, client }]) =>
        `The governed prefetch of a consumer of \`${queue}\` was ${figure(mean(broker))} on average (${figure(Math.min(...broker))} to ${figure(Math.max(...broker))}), of which its client was given ${figure(mean(client))} at once (${figure(Math.min(...client))} to ${figure(Math.max(...client))}).`,
    ),
    ...(kept === 0
      ? []
      : [
          `${figure(kept / trials.length)} declarations a trial were left without priorities, because the queue was there with other arguments.`,
        ]),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function lastOfEachSidecar(counters: readonly CounterLine[]): CounterLine[] {
  return [
    ...new Map(
      counters.filter(({ source }) => source === 'sidecar').map((line) => [line.name, line]),
    ).values(),
  ];
}

/** The most that waited at the busiest port, by its classes, and what it dropped. */
function portSentence(trials: readonly PublishedTrial[]): string[] {
  const most = new Map<string, number>();
  let drops = 0;
  for (const trial of trials) {
    const lines = busiestPort(trial.counters);
    for (const { className, backlogBytes } of lines.flatMap((line) => line.classes)) {
      most.set(className, Math.max(most.get(className) ?? 0, backlogBytes));
    }
    const [first, last] = [lines[0], lines.at(-1)];
    if (first !== undefined && last !== undefined) drops += dropped(last) - dropped(first);
  }
  if (most.size === 0) return [];
  const waited = [...most].map(([name, bytes]) => `${figure(bytes / 1000)} kB of ${name}`).join(' and ');
  return [
    `At the bottleneck at most ${waited} were seen waiting, and ${figure(drops / trials.length)} packets a trial were dropped.`,
  ];
}

function dropped(line: CounterLine): number {
  return line.classes.reduce((sum, one) => sum + one.drops, 0);
}
