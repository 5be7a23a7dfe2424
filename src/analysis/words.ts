import type { Comparison, SummaryInput } from './input.ts';
import {
  bracketed,
  differsFromOne,
  figure,
  inverse,
  listed,
  metricLabel,
  percentOf,
  quantity,
  quantityWithInterval,
  timesLower,
} from './phrases.ts';
import type { Summary, SummaryFinding, SummaryRatio } from './summary.ts';

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
    sentences.push(
      `In arm \`${baseline}\` (${arms[baseline]?.description ?? ''}) ${first} requests had a median latency of ${quantity('latencyMs.p50', base.latencyMs.p50.value)} and a p99 of ${quantityWithInterval('latencyMs.p99', base.latencyMs.p99)}; ${quantity('sloAttainment', base.sloAttainment.value)} of them met their objective.`,
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
          : [`${name} p99 was ${timesLower(latency)} and p50 ${timesLower(median)}`];
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
          `Against the ideal \`${ideal}\` (${arms[ideal]?.description ?? ''}) its ${first} p99 stands at ${bracketed(stands)} times.`,
        );
      }
    }
  }
  sentences.push(...aloneSentence(story), verdictSentence(story.findings));
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** For each arm, what it changed against the baseline, class by class, or that the data cannot tell, and why where that is known. */
export function points(story: Story): string[] {
  return Object.keys(story.arms)
    .filter((arm) => arm !== story.baseline && arm !== story.control?.arm)
    .map((arm) => armPoint(story, arm));
}

/** One claim with its verdict, in words. */
export function findingWords(
  comparison: Comparison,
  found: SummaryRatio | undefined,
  verdict: SummaryFinding['verdict'],
): string {
  const { metric, class: className, of, to, atLeast, atMost } = comparison;
  const what = `${className} ${metricLabel(metric)} of \`${of}\` over that of \`${to}\``;
  const bound = listed([
    ...(atLeast === undefined ? [] : [`at least ${figure(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${figure(atMost)}`]),
  ]);
  if (found === undefined)
    return `Cannot tell: no block has both arms, so there is no ${what} (claimed: ${bound}).`;
  const measured = `${what} is ${bracketed(found)}, claimed is ${bound}`;
  if (verdict === 'holds') return `Holds: ${measured}.`;
  if (verdict === 'fails') return `Fails: ${measured}; the whole interval is beyond the bound.`;
  if (found.low === null) return `Cannot tell: ${measured}; there is no interval to judge by.`;
  return `Cannot tell: ${measured}; the interval straddles the bound.`;
}

/** What the A/A control showed. */
export function controlWords(
  control: { readonly arm: string; readonly of: string },
  ratios: readonly SummaryRatio[],
): string {
  const own = ratios.filter(
    ({ of, to }) => (of === control.arm && to === control.of) || (of === control.of && to === control.arm),
  );
  if (own.length === 0) return `\`${control.of}\` was run twice, but the two share no block.`;
  const told = own.filter((one) => differsFromOne(one) === true);
  const judged = own.filter((one) => differsFromOne(one) !== undefined).length;
  const p99 = own
    .filter(({ metric }) => metric === 'latencyMs.p99')
    .map((one) => `${one.class} ${bracketed(one)}`);
  const expected = `of ${judged} ratios of \`${control.of}\` against itself ${told.length} ${told.length === 1 ? 'has' : 'have'} an interval without 1 (about ${figure(judged * 0.05)} are expected by chance)`;
  return `A/A control: ${expected}; p99: ${p99.join(', ')}.`;
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
    (arm) => (story.arms[arm]?.layers.length ?? 0) > 0 && arm !== full && story.allWorkloads(arm),
  );
}

function aloneSentence(story: Story): string[] {
  const [first] = story.classes;
  if (first === undefined) return [];
  const parts = singleLayerArms(story).flatMap((arm) => {
    const found = ratio(story, 'latencyMs.p99', first, story.baseline, arm);
    if (found === undefined) return [];
    const unsure = differsFromOne(found) === true ? '' : ', which the data cannot tell from no effect';
    return [`\`${arm}\` made ${first} p99 ${timesLower(found)}${unsure}`];
  });
  return parts.length === 0 ? [] : [`Each alone: ${parts.join('; ')}.`];
}

function verdictSentence(findings: Summary['findings']): string {
  if (findings.length === 0) return '';
  const count = (verdict: SummaryFinding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  return `Of the ${findings.length} bounds that the experiment states, ${count('holds')} hold, ${count('fails')} fail, and of ${count('undecided')} the data cannot tell.`;
}

function armPoint(story: Story, arm: string): string {
  const { baseline } = story;
  const about = story.arms[arm];
  const parts: string[] = [];
  let told = 0;
  for (const name of story.classes) {
    const latencies = (['latencyMs.p50', 'latencyMs.p99'] as const).flatMap((metric) => {
      const found = ratio(story, metric, name, baseline, arm);
      if (found === undefined) return [];
      if (differsFromOne(found) === true) told += 1;
      return [`${metric === 'latencyMs.p50' ? 'p50' : 'p99'} ${timesLower(found)}${unsure(found)}`];
    });
    const goodput = ratio(story, 'goodputBps', name, arm, baseline);
    if (goodput !== undefined && differsFromOne(goodput) === true) told += 1;
    const goodputs = goodput === undefined ? [] : [`goodput ${percentOf(goodput)}${unsure(goodput)}`];
    const all = [...latencies, ...goodputs];
    if (all.length > 0) parts.push(`${name}: ${all.join(', ')}`);
    else if (about?.classes[name] === undefined) parts.push(`${name}: no load`);
  }
  const lead =
    told === 0
      ? `\`${arm}\` has no effect that the data can tell from noise, against \`${baseline}\`.`
      : `\`${arm}\` against \`${baseline}\`.`;
  const limits = story.limitations
    .filter((limitation) => limitation.arms.includes(arm))
    .map(
      ({ layer, what, why, instead }) =>
        `The ${layer} layer was not whole: ${what} (${why}); instead: ${instead}.`,
    );
  return [lead, ...parts.map((part) => `${capital(part)}.`), ...(story.evidence[arm] ?? []), ...limits].join(
    ' ',
  );
}

function unsure(found: SummaryRatio): string {
  const differs = differsFromOne(found);
  if (differs === undefined) return '';
  return differs ? '' : ', includes 1';
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
