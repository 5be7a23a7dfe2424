import type { LinkClass } from './lines.ts';

/** A trial of a run in progress, as somebody who watches has to know it. */
export interface WatchedTrial {
  /** The name of its folder. */
  readonly name: string;
  /** Position in the run, from 1. */
  readonly number: number;
  readonly arm: string;
  /** Which repetition of the arm, from 1. */
  readonly block: number;
  /** From 1; a void trial is repeated. */
  readonly attempt: number;
  /** When it began, since the Unix epoch. */
  readonly beganMs: number;
  /** Names of its sidecars, such as `sidecar-catalog`, in the order of showing. */
  readonly sidecars: readonly string[];
}

/** A run in progress. */
export interface WatchedRun {
  readonly experiment: string;
  /** `quick` or `full`. */
  readonly form: string;
  /** How many trials it has. */
  readonly trials: number;
  /** Names of its services, in the order of showing. */
  readonly services: readonly string[];
  /** The classes of its policy, the most important first. */
  readonly classes: readonly string[];
  /** From which level on its policy calls a link congested for a class, and up to which calm. */
  readonly congestedLevel: number;
  readonly calmLevel: number;
}

/** One class in one sidecar, over the last seconds. */
export interface ServiceRow {
  readonly service: string;
  /** What is counted: requests to the service, or messages to its consumers. */
  readonly of: 'requests' | 'messages';
  readonly class: string;
  readonly perSecond: number;
  /** What was not answered whole with a status below 500; a message that was rejected or given back. */
  readonly failedPerSecond: number;
  /** Of what did not fail; undefined when there was none, or nobody listens. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** The 99th percentile of the time in the request queue, or in the broker's. */
  readonly waitP99Ms: number | undefined;
  /** How many have not been answered yet, and how many of these wait; undefined where it is not told. */
  readonly inFlight: number | undefined;
  readonly queued: number | undefined;
  /** The path that its packets take; empty where no move was told. */
  readonly path: string;
}

/** One directed link. */
export interface LinkRow {
  readonly link: string;
  /** 0 to 1. */
  readonly utilization: number;
  readonly classes: readonly (LinkClass & { readonly class: string })[];
}

/** Something that happened, for the list of events. */
export interface LiveEvent {
  /** Since the Unix epoch. */
  readonly wallMs: number;
  readonly what: 'trial' | 'hint' | 'move' | 'lost' | 'found' | 'note';
  /** A link, a service, or the controller. */
  readonly where: string;
  /** Empty where it concerns none. */
  readonly class: string;
  readonly text: string;
  /** Whether it is bad news. */
  readonly bad: boolean;
}

/** All that a live view shows at one instant. */
export interface Frame {
  readonly run: WatchedRun;
  /** Undefined between trials. */
  readonly trial: WatchedTrial | undefined;
  /** Since the Unix epoch. */
  readonly wallMs: number;
  /** What "the last seconds" are. */
  readonly windowMs: number;
  readonly services: readonly ServiceRow[];
  readonly links: readonly LinkRow[];
  /** How old the newest word about the links is; undefined when there is none. */
  readonly linksAgeMs: number | undefined;
  /** The newest first. */
  readonly events: readonly LiveEvent[];
  /** How many events of taps came faster than they were read. */
  readonly missed: number;
}
