import type { RuleMatch } from '../core/index.ts';
import type { RequestView } from './request-view.ts';

/** What kind of fact a key stands for; one bit each. Kinds that no rule is filed under cost nothing. */
export const KEY_KINDS = {
  pathPrefix: 1,
  pathSegment: 2,
  pathAnywhere: 4,
  host: 8,
  hostSuffix: 16,
  header: 32,
  query: 64,
  network: 128,
} as const;

/** A bit of {@link KEY_KINDS}. */
export type KeyKind = (typeof KEY_KINDS)[keyof typeof KEY_KINDS];

/** Keys of which every matching request offers at least one. Different facts may share a key: candidates are verified. */
export interface KeySet {
  readonly kind: KeyKind;
  readonly keys: readonly number[];
}

/** What a rule asks of one fact. */
export interface Condition {
  /** The ways in which the rule can be filed; the classifier takes the one that tells the most rules apart. May be empty. */
  readonly keySets: readonly KeySet[];
  /** Whether the request fulfils it. Allocates nothing for ordinary requests. */
  matches(request: RequestView): boolean;
}

/** Takes the keys of the request at hand. */
export interface KeySink {
  offer(kind: KeyKind, key: number): void;
}

/**
 * What rules can compare. Each matcher is a file of its own under `matchers/` and a line in its list; one instance
 * serves one classifier and may keep what it computes once per request.
 */
export interface Matcher {
  /**
   * The condition of a rule, or undefined where the rule does not ask for this fact.
   *
   * @throws PriomeshError CONFIG_INVALID for a condition that makes no sense; the compiler adds the place
   */
  compile(match: RuleMatch): Condition | undefined;
  /** Called for each request (twice for an ambiguous one) before conditions are asked, if any rule has one of this matcher. */
  prepare?(request: RequestView, keys: KeySink): void;
}
