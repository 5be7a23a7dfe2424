import { quantileSorted } from '../src/analysis/index.ts';

/** The middle and the extremes of some values. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One figure of one peer. */
export interface Row extends Spread {
  /** Under which load, where there are several: `http1-200, 64 connections`. */
  readonly case?: string;
  /** What was measured, with its unit last: `throughputRps`. */
  readonly measure: string;
  readonly peer: string;
  /** This peer's figure divided by another's of the same round, by the other's name. */
  readonly ratios: Readonly<Record<string, Spread>>;
}

/** Summarizes values; undefined when there are none. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (p: number): number => quantileSorted(sorted, p);
  return { median: at(0.5), min: at(0), max: at(1) };
}

/** A value of a peer in a round. */
export interface RoundValue {
  readonly peer: string;
  readonly round: number;
  readonly value: number;
}

/** One measured value. */
export interface Figure extends RoundValue {
  readonly case: string;
  readonly measure: string;
}

/** The rows of one measure, with the ratios of each peer to each other one, round by round. */
export function rowsOf(measure: string, values: readonly RoundValue[]): Row[] {
  const peers = [...new Set(values.map(({ peer }) => peer))];
  const byPeer = new Map(peers.map((peer) => [peer, values.filter((one) => one.peer === peer)]));
  const rows: Row[] = [];
  for (const [peer, own] of byPeer) {
    const whole = spread(own.map(({ value }) => value));
    if (whole === undefined) continue;
    const ratios: Record<string, Spread> = {};
    for (const [other, theirs] of byPeer) {
      if (other === peer) continue;
      const paired = own.flatMap(({ round, value }) => {
        const match = theirs.find((one) => one.round === round);
        return match === undefined || match.value === 0 ? [] : [value / match.value];
      });
      const ratio = spread(paired);
      if (ratio !== undefined) ratios[other] = ratio;
    }
    rows.push({ measure, peer, ...whole, ratios });
  }
  return rows;
}

/** All rows of a benchmark, in the order in which their figures came. */
export function summarize(figures: readonly Figure[]): Row[] {
  const groups = new Map<string, Figure[]>();
  for (const figure of figures) {
    const key = JSON.stringify([figure.case, figure.measure]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [figure]);
    else group.push(figure);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined
      ? []
      : rowsOf(first.measure, group).map((row) => ({ case: first.case, ...row }));
  });
}
