import { figure } from '../analysis/index.ts';
import { busiestPort, type CounterLine } from './counters.ts';
import type { PublishedTrial, TrialSet } from './trials.ts';

/** What the counters beside the requests say of each arm, a sentence each: the reasons that effects can be read from. */
export function evidenceOf({ trials }: TrialSet): Record<string, string[]> {
  const evidence: Record<string, string[]> = {};
  for (const arm of new Set(trials.map((trial) => trial.arm))) {
    const own = trials.filter((trial) => trial.arm === arm);
    const sentences = [portSentence(own)].filter((sentence) => sentence !== undefined);
    if (sentences.length > 0) evidence[arm] = sentences;
  }
  return evidence;
}

/** The most that waited at the busiest port, by its classes, and what it dropped. */
function portSentence(trials: readonly PublishedTrial[]): string | undefined {
  const most = new Map<string, number>();
  let drops = 0;
  for (const trial of trials) {
    const lines = busiestPort(trial.counters);
    for (const line of lines) {
      for (const one of line.classes) {
        most.set(one.className, Math.max(most.get(one.className) ?? 0, one.backlogBytes));
      }
    }
    const [first, last] = [lines[0], lines.at(-1)];
    if (first !== undefined && last !== undefined) drops += dropped(last) - dropped(first);
  }
  if (most.size === 0) return undefined;
  const waited = [...most].map(([name, bytes]) => `${figure(bytes / 1000)} kB of ${name}`).join(' and ');
  return `Seen at the bottleneck: at most ${waited} waiting, ${figure(drops / trials.length)} packets dropped a trial.`;
}

function dropped(line: CounterLine): number {
  return line.classes.reduce((sum, one) => sum + one.drops, 0);
}
