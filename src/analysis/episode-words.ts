import { figure, listed, quantity, quantityWithInterval } from './phrases.ts';
import type { SummaryArm } from './summary.ts';

/** What an arm was like while cross traffic flowed, class by class; nothing in an experiment without. */
export function episodeSentences(arm: SummaryArm | undefined): string[] {
  return Object.entries(arm?.classes ?? {}).flatMap(([name, { episode }]) => {
    if (episode?.latencyMs === undefined) return [];
    const { latencyMs, timeToHintMs, timeToFirstMoveMs, timeToReliefMs, moves } = episode;
    const moved = (moves?.value ?? 0) > 0;
    const parts = [
      `a p99 of ${quantityWithInterval('episode.latencyMs.p99', latencyMs.p99)}`,
      ...(timeToReliefMs === undefined
        ? []
        : [`relief after ${quantityWithInterval('episode.timeToReliefMs', timeToReliefMs)}`]),
    ];
    const told = [
      ...(timeToHintMs === undefined
        ? []
        : [`congestion was seen after ${quantity('episode.timeToHintMs', timeToHintMs.value)}`]),
      ...(timeToFirstMoveMs === undefined || !moved
        ? []
        : [`the first move came after ${quantity('episode.timeToFirstMoveMs', timeToFirstMoveMs.value)}`]),
      ...(moves === undefined || !moved ? [] : [`it was moved ${times(moves.value)}`]),
    ];
    return [
      `While cross traffic flowed ${name} had ${listed(parts)}${told.length === 0 ? '' : `; ${listed(told)}`}.`,
    ];
  });
}

/** How often the busiest decider moved a class, on average over trials. */
function times(count: number): string {
  return count === 1 ? 'once' : `${figure(count)} times on average`;
}

/** How the classes did while cross traffic flowed, arm by arm. */
export function episodeParagraph(
  arms: Readonly<Record<string, SummaryArm>>,
  className: string | undefined,
): string[] {
  if (className === undefined) return [];
  const told = Object.entries(arms).flatMap(([name, { classes }]) => {
    const episode = classes[className]?.episode;
    if (episode?.latencyMs === undefined) return [];
    const relief =
      episode.timeToReliefMs === undefined
        ? ''
        : ` (relief after ${quantity('episode.timeToReliefMs', episode.timeToReliefMs.value)})`;
    return [`\`${name}\` ${quantity('episode.latencyMs.p99', episode.latencyMs.p99.value)}${relief}`];
  });
  return told.length === 0
    ? []
    : [`While cross traffic flowed the ${className} p99 was: ${told.join(', ')}.`];
}
