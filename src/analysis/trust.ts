/** One place of a run's schedule: an arm in a block. */
interface SchedulePlace {
  readonly arm: string;
  readonly block: number;
}

/**
 * Whether a run can be trusted: at most the allowed share of its places stayed without a valid trial, and no arm is without
 * one. A void trial whose repeat is valid takes nothing away.
 *
 * @param planned every place of the schedule
 * @param valid the places that have a valid trial
 * @param maxVoidRatio the allowed share, 0 to 1
 */
export function isTrusted(
  planned: readonly SchedulePlace[],
  valid: readonly SchedulePlace[],
  maxVoidRatio: number,
): boolean {
  const key = ({ arm, block }: SchedulePlace): string => `${block} ${arm}`;
  const have = new Set(valid.map(key));
  const missing = planned.filter((place) => !have.has(key(place)));
  const served = new Set(planned.filter((place) => have.has(key(place))).map(({ arm }) => arm));
  return (
    planned.length > 0 &&
    planned.every(({ arm }) => served.has(arm)) &&
    missing.length / planned.length <= maxVoidRatio
  );
}
