import type { MetricName } from '../config/index.ts';
import { episodeParagraph, episodeSentences } from './episode-words.ts';
import type { SummaryInput } from './input.ts';
import {
  aside,
  bracketed,
  differsFromOne,
  figure,
  inverse,
  listed,
  percentOf,
  percentOfBracketed,
  quantity,
  quantityWithInterval,
  timesLower,
} from './phrases.ts';
import { stepParagraph, stepSentences } from './step-words.ts';
import type { Summary, SummaryArm, SummaryFinding, SummaryRatio } from './summary.ts';
import { smallerIsBetter } from './trial-metrics.ts';

/** What the finding is told from: the figures of the summary, and what was seen beside them. */
export interface Story extends Pick<Summary, 'arms' | 'ratios' | 'findings' | 'baseline'> {
  /** The most important first. */
  readonly classes: readonly string[];
  readonly limitations: SummaryInput['limitations'];
  readonly evidence: SummaryInput['evidence'];
  readonly control: SummaryInput['control'];
  allWorkloads(arm: string): boolean;
}

/** The finding in one paragraph: what the baseline gives, what all layers together change, how far that is from the ideal, and how the claims stand. */
export function paragraph(story: Story): string {
  const { arms, baseline } = story;
  const [first] = story.classes;
  const full = fullArm(story);
  const sentences: string[] = [];
  const base = first === undefined ? undefined : arms[baseline]?.classes[first];
  if (first !== undefined && base !== undefined) {
    const wait = base.queueWaitMs?.mean;
    const waited =
      wait === undefined
        ? ''
        : `, and waited ${quantityWithInterval('queueWaitMs.mean', wait)} in the message queue on average`;
    sentences.push(
      `In arm \`${baseline}\` (${aside(arms[baseline]?.description ?? '')}) ${first} requests had a median latency of ${quantity('latencyMs.p50', base.latencyMs.p50.value)} and a p99 of ${quantityWithInterval('latencyMs.p99', base.latencyMs.p99)}${waited}; ${quantity('sloAttainment', base.sloAttainment.value)} of them met their objective.`,
    );
  }
  if (full !== undefined) {
    const layers = listed(arms[full]?.layers ?? []);
    const changes = story.classes.flatMap((name) => {
      const [latency, goodput] = [
        ratio(story, 'latencyMs.p99', name, baseline, full),
        ratio(story, 'goodputBps', name, full, baseline),
      ];
      const median = ratio(story, 'latencyMs.p50', name, baseline, full);
      if (name === first) {
        return latency === undefined || median === undefined
          ? []
          : [
              `${name} p99 was ${timesLower(latency)}${unsure(latency)} and p50 ${timesLower(median)}${unsure(median)}`,
            ];
      }
      return goodput === undefined ? [] : [`${name} goodput was ${percentOf(goodput)} of \`${baseline}\`'s`];
    });
    if (changes.length > 0) {
      sentences.push(`With ${layers} together (arm \`${full}\`) ${changes.join('; ')}.`);
    }
    for (const ideal of Object.keys(arms).filter((arm) => !story.allWorkloads(arm))) {
      const stands = idealRatio(story, full, ideal, first);
      if (stands !== undefined) {
        sentences.push(
          `Against the ideal \`${ideal}\` (${aside(arms[ideal]?.description ?? '')}) its ${first} p99 stands at ${bracketed(stands)} times.`,
        );
      }
    }
  }
  sentences.push(
    ...aloneSentence(story),
    ...[...episodeParagraph(arms, first), ...stepParagraph(arms, first)],
    ...priceSentences(story),
    verdictSentence(story.findings),
  );
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** For each arm, what it changed against the baseline, class by class, or that the data cannot tell, and why where that is known. */
export function points(story: Story): string[] {
  const { baseline } = story;
  const seen = [
    ...episodeSentences(story.arms[baseline]),
    ...stepSentences(story.arms[baseline]),
    ...queueSentences(story.arms[baseline]),
    ...(story.evidence[baseline] ?? []),
  ];
  return [
    ...(seen.length === 0
      ? []
      : [[`\`${baseline}\` is what the others are compared with.`, ...seen].join(' ')]),
    ...Object.keys(story.arms)
      .filter((arm) => arm !== baseline && arm !== story.control?.arm)
      .map((arm) => armPoint(story, arm)),
  ];
}

function ratio(
  story: Story,
  metric: string,
  className: string,
  of: string,
  to: string,
): SummaryRatio | undefined {
  return story.ratios.find(
    (one) => one.metric === metric && one.class === className && one.of === of && one.to === to,
  );
}

/** The arm with the most layers, if more than one. */
function fullArm(story: Story): string | undefined {
  const [most] = Object.entries(story.arms)
    .filter(([name, arm]) => arm.layers.length > 1 && story.allWorkloads(name))
    .sort(([, a], [, b]) => b.layers.length - a.layers.length);
  return most?.[0];
}

/** The full arm's p99 over the ideal's, from a comparison in either direction or from the two ratios to the baseline. */
function idealRatio(story: Story, full: string, ideal: string, className: string | undefined) {
  if (className === undefined) return undefined;
  const straight = ratio(story, 'latencyMs.p99', className, full, ideal);
  if (straight !== undefined) return straight;
  const turned = ratio(story, 'latencyMs.p99', className, ideal, full);
  return turned === undefined ? undefined : inverse(turned);
}

/** The arms whose only change against the baseline is one column of the policy. */
function singleLayerArms(story: Story): string[] {
  const full = fullArm(story);
  return Object.keys(story.arms).filter(
    (arm) =>
      (story.arms[arm]?.layers.length ?? 0) > 0 &&
      arm !== full &&
      arm !== story.control?.arm &&
      story.allWorkloads(arm),
  );
}

function aloneSentence(story: Story): string[] {
  const [first] = story.classes;
  if (first === undefined) return [];
  const arms = singleLayerArms(story);
  const metric = queues(story, first) ? 'queueWaitMs.mean' : 'latencyMs.p99';
  const effects: string[] = [];
  const none: string[] = [];
  for (const arm of arms) {
    const found = ratio(story, metric, first, story.baseline, arm);
    if (found === undefined) continue;
    if (differsFromOne(found) === true) effects.push(`\`${arm}\` made it ${timesLower(found)}`);
    else none.push(`\`${arm}\` (ratio ${bracketed(found)})`);
  }
  if (effects.length + none.length === 0) return [];
  const untold =
    none.length === 0 ? [] : [`of ${listed(none)} the data cannot tell an effect on it from noise`];
  const alike = new Set(arms.map((arm) => story.arms[arm]?.layers.join())).size < arms.length;
  const what = metric === 'latencyMs.p99' ? 'p99' : 'mean queue wait';
  return [
    `${alike ? 'Arm by arm' : 'Layer by layer'}, on ${first} ${what}: ${[...effects, ...untold].join('; ')}.`,
  ];
}

/** What the others pay, where they share a message queue: the throughput of the less important classes in each arm. */
function priceSentences(story: Story): string[] {
  return story.classes.slice(1).flatMap((name) => {
    if (!queues(story, name)) return [];
    const shares = singleLayerArms(story).flatMap((arm) => {
      const found = ratio(story, 'throughputRps', name, arm, story.baseline);
      return found === undefined ? [] : [`\`${arm}\` ${percentOfBracketed(found)}`];
    });
    if (shares.length === 0) return [];
    return [`The throughput of ${name}, in percent of that in \`${story.baseline}\`: ${shares.join(', ')}.`];
  });
}

/** Whether requests of a class pass a message queue in the baseline. */
function queues(story: Story, className: string): boolean {
  return story.arms[story.baseline]?.classes[className]?.queueWaitMs !== undefined;
}

function verdictSentence(findings: Summary['findings']): string {
  if (findings.length === 0) return '';
  const count = (verdict: SummaryFinding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [holds, fails, undecided] = [count('holds'), count('fails'), count('undecided')];
  if (holds === findings.length) return `All ${holds} bounds that the experiment states hold.`;
  const parts = [
    ...(holds === 0 ? [] : [`${holds} ${holds === 1 ? 'holds' : 'hold'}`]),
    ...(fails === 0 ? [] : [`${fails} ${fails === 1 ? 'fails' : 'fail'}`]),
    ...(undecided === 0 ? [] : [`${undecided} cannot be told from these data`]),
  ];
  return `Of the ${findings.length} bounds that the experiment states, ${listed(parts)}.`;
}

interface Telling {
  readonly metric: MetricName;
  readonly label: string;
}

/** The metrics that tell an arm's effect on a class, the most telling first. */
const TELLING: readonly Telling[] = [
  { metric: 'latencyMs.p99', label: 'p99' },
  { metric: 'latencyMs.p50', label: 'p50' },
  { metric: 'goodputBps', label: 'goodput' },
];

/** The same for a class that passes a message queue. */
const TELLING_OF_QUEUES: readonly Telling[] = [
  { metric: 'queueWaitMs.mean', label: 'mean queue wait' },
  { metric: 'queueWaitMs.p99', label: 'p99 queue wait' },
  { metric: 'latencyMs.p99', label: 'p99' },
  { metric: 'throughputRps', label: 'throughput' },
];

function armPoint(story: Story, arm: string): string {
  const { baseline } = story;
  const effects: string[] = [];
  const none: string[] = [];
  const alone: string[] = [];
  const unloaded: string[] = [];
  for (const name of story.classes) {
    if (story.arms[arm]?.classes[name] === undefined) unloaded.push(name);
    for (const { metric, label } of queues(story, name) ? TELLING_OF_QUEUES : TELLING) {
      // The generator decides it, as long as they are served at all.
      if (metric === 'throughputRps' && name === story.classes[0]) continue;
      const faster = smallerIsBetter(metric);
      const found = faster
        ? ratio(story, metric, name, baseline, arm)
        : ratio(story, metric, name, arm, baseline);
      if (found === undefined) continue;
      if (differsFromOne(found) === true) {
        const change = faster ? timesLower(found) : `at ${percentOf(found)}`;
        effects.push(`${name} ${label} ${change}`);
      } else if (found.low === null) {
        alone.push(`${name} ${label} ${found.value === null ? 'undefined' : figure(found.value)}`);
      } else none.push(`${name} ${label} ${bracketed(found)}`);
    }
  }
  const sentences = [
    effects.length === 0
      ? `\`${arm}\` has no effect that the data can tell from noise, against \`${baseline}\`.`
      : `\`${arm}\` against \`${baseline}\`: ${effects.join('; ')}.`,
    ...(none.length === 0
      ? []
      : [`The intervals of these ratios include 1 (more than 1 is better): ${none.join(', ')}.`]),
    ...(alone.length === 0 ? [] : [`Ratios without an interval: ${alone.join(', ')}.`]),
    ...(effects.length === 0 ? smallestEffect(story, arm) : []),
    ...(unloaded.length === 0 ? [] : [`It carries no ${listed(unloaded)} load.`]),
    ...episodeSentences(story.arms[arm]),
    ...stepSentences(story.arms[arm]),
    ...queueSentences(story.arms[arm]),
    ...(story.evidence[arm] ?? []),
    ...story.limitations
      .filter((limitation) => limitation.arms.includes(arm))
      .map(
        ({ layer, what, why, instead }) =>
          `Its ${layer} layer was not whole: ${what} (${why}); instead: ${instead}.`,
      ),
  ];
  return sentences.join(' ');
}

/** What the message queues held. */
function queueSentences(arm: SummaryArm | undefined): string[] {
  return Object.entries(arm?.queues ?? {}).flatMap(([name, { ready, unacked, mostReady }]) => {
    if (mostReady === 0 && unacked.value === 0) return [];
    const held = Object.entries(ready).filter(([, { value }]) => value > 0);
    const waiting = held
      .sort(([one], [other]) => Number(other) - Number(one))
      .map(([priority, { value }]) => `${figure(value)} of priority ${priority}`);
    if (waiting.length === 0) waiting.push('no messages');
    return `In queue \`${name}\` ${listed(waiting)} were waiting on average (at most ${figure(mostReady)} at once), and ${figure(unacked.value)} were with consumers.`;
  });
}

/** What a null result rules out: the factor beyond which the interval of the first class's p99 does not reach. */
function smallestEffect(story: Story, arm: string): string[] {
  const [first] = story.classes;
  if (first === undefined) return [];
  const found = ratio(story, 'latencyMs.p99', first, story.baseline, arm);
  if (found === undefined || found.low === null || found.high === null || found.low <= 0) return [];
  const factor = Math.max(found.high, 1 / found.low);
  if (factor > 10) {
    return ['The intervals are too wide to rule out even a large effect: more trials are needed.'];
  }
  return [
    `The data rule out that it changes ${first} p99 by more than a factor of ${figure(factor)} either way (95 % confidence).`,
  ];
}

/** What is added to a change that the data cannot tell from none. */
function unsure(found: SummaryRatio): string {
  return differsFromOne(found) === true ? '' : ', within noise';
}
