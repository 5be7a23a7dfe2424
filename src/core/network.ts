import type { Place } from './errors.ts';

/** What can be decided when the network is congested. */
export const NETWORK_DECISIONS = ['path', 'replica', 'admission'] as const;

/** A decision that a reaction to congestion takes. */
export type NetworkDecision = (typeof NETWORK_DECISIONS)[number];

/** Who takes a decision: each sidecar for what it sends, or the controller for all that is sent. */
export type DecisionOwner = 'sidecar' | 'controller';

/** One reaction to congestion: a decision, the classes it is taken for, and its one owner. */
export interface Reaction {
  readonly decide: NetworkDecision;
  readonly owner: DecisionOwner;
  /** Names of classes, in order of rank. */
  readonly classes: readonly string[];
  /** `admission` only: the share of the concurrency limit that the class keeps while it hurts, 0 to 100; 0 pauses it. */
  readonly sharePercent: number;
  /** `admission` only: it is lifted after this long at the latest, and not laid on again for as long. */
  readonly maxDurationMs: number;
  readonly place: Place;
}

/** What an `admission` reaction does where the policy does not say. */
export const DEFAULT_ADMISSION = { sharePercent: 25, maxDurationMs: 2000 } as const;

/** How hints are made from what the switches count. */
export interface HintSettings {
  /** How often the network is looked at. */
  readonly intervalMs: number;
  /** A hint is forgotten when it has not been renewed for this long. */
  readonly ttlMs: number;
  /** Time constant of the exponential smoothing. */
  readonly smoothingMs: number;
  /** The queueing delay at which a link counts as wholly congested (level 1). */
  readonly targetDelayMs: number;
}

/** What keeps routes from flapping. */
export interface DampingSettings {
  /** A class leaves a path whose level for it is at least this. */
  readonly congestedLevel: number;
  /** A path counts as calm when its level is at most this; below `congestedLevel`: the hysteresis. */
  readonly calmLevel: number;
  /** How much lower the level of the other path must be. */
  readonly minGain: number;
  /** A class that has moved stays for this long at least. */
  readonly minHoldMs: number;
  /** How long a class waits after one of smaller `moveOrder` has left the path before it may follow. */
  readonly escalateMs: number;
  /** A class whose `path` is `default` returns when that path has been calm for this long. */
  readonly returnAfterMs: number;
  /** Each move costs a penalty of 1, which halves in this time (after the route-flap damping of RFC 2439). */
  readonly penaltyHalfLifeMs: number;
  /** No move is made that would raise the penalty above this, unless the path is dead. */
  readonly maxPenalty: number;
}

/** What is true of the reactions to congestion as a whole. */
export interface NetworkSettings {
  readonly reactions: readonly Reaction[];
  readonly hints: HintSettings;
  readonly damping: DampingSettings;
}

/** How a link serves one class now. */
export interface ClassCongestion {
  /** 0 idle to 1 congested; smoothed. */
  readonly level: number;
  /** How long a packet of the class waits in the queue before the link. */
  readonly queueingDelayMs: number;
  /** The class's share of the link's rate, 0 to 1. */
  readonly utilization: number;
  /** The share of the class's packets that the queue drops, 0 to 1. */
  readonly lossRatio: number;
}

/** What the network tells about one directed link. */
export interface Hint {
  /** `FROM>TO`, such as `s1>s2`. */
  readonly link: string;
  /** The start of the source that made it, milliseconds since 1970: a source that was restarted counts anew. */
  readonly epoch: number;
  /** Rises with each hint about a link in one epoch. */
  readonly sequence: number;
  /** How long it holds from its arrival on. */
  readonly ttlMs: number;
  /** True when nothing passes. */
  readonly down: boolean;
  /** The share of the link's rate that all traffic takes, also what is of no class: 0 to 1; smoothed. Absent where it is not known. */
  readonly utilization?: number;
  /** By class name. A class that is not named has no congestion. */
  readonly classes: Readonly<Record<string, ClassCongestion>>;
}

/** One of the ways between two hosts. */
export interface NetworkPath {
  /** Such as `primary`. */
  readonly id: string;
  /** Every directed link that it crosses, there and back. */
  readonly links: readonly string[];
}

/** Why a class went to another path. */
export type MoveReason = 'congested' | 'dead' | 'calm' | 'no-hints';

/** A class went from one path to another. */
export interface Move {
  /** Milliseconds of the monotonic clock. */
  readonly atMs: number;
  /** The address of the host towards which it moved. */
  readonly peer: string;
  readonly classIndex: number;
  /** Positions in the list of paths; 0 is the default. */
  readonly from: number;
  readonly to: number;
  readonly reason: MoveReason;
}
