import { listed, quantity, quantityWithInterval } from './phrases.ts';
import type { SummaryArm } from './summary.ts';

/** What an arm was like while the load was higher, class by class; nothing in an experiment without a step. */
export function stepSentences(arm: SummaryArm | undefined): string[] {
  return Object.entries(arm?.classes ?? {}).flatMap(([name, { step }]) => {
    const during = step?.goodShare.during;
    if (step === undefined || during === undefined) return [];
    const { up, down } = step.timeToSettleMs;
    const settled = [
      ...(up === undefined ? [] : [`after the step up in ${quantity('step.timeToSettleMs.up', up.value)}`]),
      ...(down === undefined
        ? []
        : [`after the step down in ${quantity('step.timeToSettleMs.down', down.value)}`]),
    ];
    return [
      `While the load was higher ${quantityWithInterval('step.goodShare.during', during)} of what ${name} offered was served within its objective${settled.length === 0 ? '' : `; it settled ${listed(settled)}`}.`,
    ];
  });
}

/** How the first class did while the load was higher, arm by arm. */
export function stepParagraph(
  arms: Readonly<Record<string, SummaryArm>>,
  className: string | undefined,
): string[] {
  if (className === undefined) return [];
  const told = Object.entries(arms).flatMap(([name, { classes }]) => {
    const during = classes[className]?.step?.goodShare.during;
    return during === undefined ? [] : [`\`${name}\` ${quantity('step.goodShare.during', during.value)}`];
  });
  return told.length === 0
    ? []
    : [
        `While the load was higher, so much of the ${className} load was served within its objective: ${told.join(', ')}.`,
      ];
}
