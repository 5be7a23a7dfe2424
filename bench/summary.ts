import { quantileSorted } from '../src/analysis/index.ts';
import { BODY_BYTES, type BodyName } from './load.ts';
import type { LatencySample, MemorySample, Samples, ThroughputSample } from './rounds.ts';

/** The middle and the extremes of some values. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One figure of one peer. */
export interface Row extends Spread {
  /** What was measured, with its unit last: `throughputSmallRps`. */
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

function capitalized(name: string): string {
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
}

function throughputRows(samples: readonly ThroughputSample[], body: BodyName): Row[] {
  const own = samples.filter((sample) => sample.body === body);
  const proxied = own.filter(({ peer }) => peer !== 'direct');
  const rows = (measure: string, from: typeof own, value: (sample: ThroughputSample) => number): Row[] =>
    rowsOf(
      measure,
      from.map((sample) => ({ peer: sample.peer, round: sample.round, value: value(sample) })),
    );
  const name = capitalized(body);
  return [
    ...rows(`throughput${name}Rps`, own, ({ requests, durationMs }) => (requests * 1000) / durationMs),
    ...rows(`cpuPerRequest${name}Us`, proxied, ({ cpuMs, requests }) => (cpuMs * 1000) / requests),
    ...rows(`proxyCore${name}Percent`, proxied, ({ cpuMs, durationMs }) => (100 * cpuMs) / durationMs),
    ...rows(
      `upstreamCore${name}Percent`,
      own,
      ({ upstreamCpuMs, durationMs }) => (100 * upstreamCpuMs) / durationMs,
    ),
    ...rows(`errors${name}`, own, ({ errors }) => errors),
  ];
}

function latencyRows(samples: readonly LatencySample[]): Row[] {
  const rows: Row[] = [];
  for (const quantile of ['p50', 'p99'] as const) {
    const values = samples.map((sample) => ({
      peer: sample.peer,
      round: sample.round,
      value: sample[`${quantile}Ms`],
    }));
    rows.push(...rowsOf(`latency${capitalized(quantile)}Ms`, values));
    const added = values.flatMap(({ peer, round, value }) => {
      const direct = values.find((one) => one.peer === 'direct' && one.round === round);
      return direct === undefined || peer === 'direct' ? [] : [{ peer, round, value: value - direct.value }];
    });
    rows.push(...rowsOf(`addedLatency${capitalized(quantile)}Ms`, added));
  }
  const counted = (measure: string, value: (sample: LatencySample) => number): Row[] =>
    rowsOf(
      measure,
      samples.map((sample) => ({ peer: sample.peer, round: sample.round, value: value(sample) })),
    );
  rows.push(...counted('errorsOpenLoop', ({ errors }) => errors));
  rows.push(...counted('lateSends', ({ late }) => late));
  return rows;
}

function memoryRows(samples: readonly MemorySample[]): Row[] {
  return (['idle', 'loaded'] as const).flatMap((state) => {
    const counts = new Map<string, number>();
    const own = samples
      .filter((sample) => sample.state === state)
      .map((sample) => {
        const round = (counts.get(sample.peer) ?? 0) + 1;
        counts.set(sample.peer, round);
        return { ...sample, round };
      });
    const rows = (measure: string, value: (sample: MemorySample) => number): Row[] =>
      rowsOf(
        measure,
        own.map((sample) => ({ peer: sample.peer, round: sample.round, value: value(sample) })),
      );
    const name = capitalized(state);
    return [
      ...rows(`rss${name}Bytes`, ({ rssBytes }) => rssBytes),
      ...rows(`anonymous${name}Bytes`, ({ anonymousBytes }) => anonymousBytes),
    ];
  });
}

/** All figures of a benchmark. */
export function summarizeSamples(samples: Samples): Row[] {
  return [
    ...(Object.keys(BODY_BYTES) as BodyName[]).flatMap((body) => throughputRows(samples.throughput, body)),
    ...latencyRows(samples.latency),
    ...memoryRows(samples.memory),
    ...rowsOf(
      'startMs',
      samples.starts.map(({ peer, round, ms }) => ({ peer, round, value: ms })),
    ),
  ];
}
