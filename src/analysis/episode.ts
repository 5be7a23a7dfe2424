import type { MetricName } from '../config/index.ts';
import { quantileSorted } from './quantile.ts';
import type { Episode, NetworkEvents, RequestRecord } from './records.ts';

/** A figure of the episode that cross traffic makes, which only some experiments have. */
export type EpisodeMetric = Extract<MetricName, `episode.${string}`>;

/** The width of the windows that are looked at for relief. */
export const RELIEF_WINDOW_MS = 250;
/** A window is bad when its p99 is at least so many times what it was before the episode. */
export const RELIEF_FACTOR = 2;

/** What the episode's figures of one class in one trial are computed from. */
export interface EpisodeInput {
  readonly className: string;
  readonly episode: Episode;
  /** The class's requests of the measuring phase. */
  readonly requests: readonly RequestRecord[];
  /** Latency of a request, milliseconds. */
  took(request: RequestRecord): number;
  /** Absent in a trial in which nobody told of congestion and nobody moved. */
  readonly events?: NetworkEvents | undefined;
}

/**
 * The figures of the episode:
 * - `latencyMs`: quantiles over the requests that were due in it;
 * - `timeToHintMs`: from its start to the first hint that the class is congested on some link, 0 where one is in force already; the
 *   episode's length where none came;
 * - `timeToFirstMoveMs`: from its start to the first move of the class after it, whoever made it;
 * - `timeToReliefMs`: from its start to the end of the last bad window. Windows are of {@link RELIEF_WINDOW_MS}; bad is one whose p99 is at
 *   least {@link RELIEF_FACTOR} times the p99 of the requests before the episode. Bad to the end: the episode's length;
 * - `moves`: the most that any one decider (a sidecar, or the controller) moved the class in the trial, before and after the episode too.
 *
 * What did not happen has no figure.
 */
export function episodeMetrics(input: EpisodeInput): Partial<Record<EpisodeMetric, number>> {
  const { episode, requests, took, events, className } = input;
  const within = requests.filter((one) => isIn(one.intendedMs, episode));
  const figures: Partial<Record<EpisodeMetric, number>> = {};
  if (within.length > 0) {
    const latencies = Float64Array.from(within, took).sort();
    figures['episode.latencyMs.p50'] = quantileSorted(latencies, 0.5);
    figures['episode.latencyMs.p99'] = quantileSorted(latencies, 0.99);
  }
  const relief = timeToRelief(input, within);
  if (relief !== undefined) figures['episode.timeToReliefMs'] = relief;
  if (events === undefined) return figures;
  figures['episode.timeToHintMs'] = timeToHint(events, className, episode);
  const moves = events.moves.filter((move) => move.className === className);
  const [first] = moves
    .map(({ timeMs }) => timeMs)
    .filter((timeMs) => isIn(timeMs, episode))
    .sort(ascending);
  if (first !== undefined) figures['episode.timeToFirstMoveMs'] = first - episode.startMs;
  figures['episode.moves'] = mostMoves(moves);
  return figures;
}

const ascending = (one: number, other: number): number => one - other;

function isIn(timeMs: number, { startMs, endMs }: Episode): boolean {
  return timeMs >= startMs && timeMs < endMs;
}

/** Undefined where no request was due before the episode, so that there is nothing to compare with. */
function timeToRelief(
  { episode, requests, took }: EpisodeInput,
  within: readonly RequestRecord[],
): number | undefined {
  const before = requests.filter((one) => one.intendedMs < episode.startMs);
  if (before.length === 0) return undefined;
  const usual = quantileSorted(Float64Array.from(before, took).sort(), 0.99);
  const windows = new Map<number, number[]>();
  for (const request of within) {
    const at = Math.floor((request.intendedMs - episode.startMs) / RELIEF_WINDOW_MS);
    const latencies = windows.get(at) ?? [];
    windows.set(at, latencies);
    latencies.push(took(request));
  }
  let endOfBad = 0;
  for (const [at, latencies] of windows) {
    if (quantileSorted(Float64Array.from(latencies).sort(), 0.99) < RELIEF_FACTOR * usual) continue;
    endOfBad = Math.max(endOfBad, (at + 1) * RELIEF_WINDOW_MS);
  }
  return Math.min(endOfBad, episode.endMs - episode.startMs);
}

function timeToHint(events: NetworkEvents, className: string, episode: Episode): number {
  const inForce = new Set<string>();
  for (const hint of [...events.hints].sort((one, other) => one.timeMs - other.timeMs)) {
    if (hint.className !== className) continue;
    if (hint.timeMs >= episode.startMs && inForce.size > 0) return 0;
    if (hint.timeMs >= episode.endMs) break;
    if (!hint.congested) inForce.delete(hint.link);
    else if (hint.timeMs >= episode.startMs) return hint.timeMs - episode.startMs;
    else inForce.add(hint.link);
  }
  return inForce.size > 0 ? 0 : episode.endMs - episode.startMs;
}

/** A decider that moves a class towards several hosts at one instant has moved it once. */
function mostMoves(moves: NetworkEvents['moves']): number {
  const instants = new Map<string, Set<number>>();
  for (const { decider, timeMs } of moves) {
    instants.set(decider, (instants.get(decider) ?? new Set()).add(Math.round(timeMs)));
  }
  return Math.max(0, ...[...instants.values()].map((own) => own.size));
}
