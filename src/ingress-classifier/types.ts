import type { ClassIndex, Place } from '../core/index.ts';

/** What the classifier is told about a request. Nothing is read that no rule asks for. */
export interface RequestFacts {
  /** As on the wire; letter case counts (RFC 9110 section 9.1). */
  readonly method: string;
  /** The request target as on the wire, up to and without `?`. The absolute form (`http://host/path`) is understood. */
  readonly path: string;
  /** What follows `?`, without it; empty when there is none. */
  readonly query: string;
  /** The Host header, or the authority of an absolute target; a port is ignored. */
  readonly host: string;
  /** The announced length of the body in bytes; 0 without a body; -1 when it is not announced (chunked). */
  readonly bodyBytes: number;
  /** The peer's address: IPv4 or IPv6 as text, an IPv4-mapped IPv6 address counts as IPv4. */
  readonly sourceAddress: string;
  /** The urgency (0 to 7) of an explicit RFC 9218 `priority`; -1 when none was given. */
  readonly urgency: number;
  /**
   * The value of a header field, lines of the same name joined by `, ` (RFC 9110 section 5.3).
   *
   * @param name in lower case
   */
  header(name: string): string | undefined;
}

/** The outcome for one rule (or for the default). Made once, at compile time: compare by identity if you like. */
export interface Classification {
  readonly classIndex: ClassIndex;
  readonly className: string;
  /** The rule that decided; undefined when the default or a limit did. */
  readonly rule: string | undefined;
  /** What it is counted as: `rule exports`, or `default` where no rule decided. */
  readonly label: string;
  /** Where that rule stands. */
  readonly place: Place | undefined;
  /** In words, for logs and headers: `rule exports (policy.yaml:30)`, `default class`, `path has too many segments`. */
  readonly reason: string;
}

/** What a classifier has done so far. All members only grow. */
export interface ClassifierCounters {
  /** Requests classified. */
  requests: number;
  /** Rules that were compared with a request in full. */
  verifications: number;
  /** Requests that no rule matched. */
  defaulted: number;
  /** Requests that two servers could read differently; they got the less important class of both readings. */
  ambiguous: number;
  /** Requests whose path is beyond MAX_PATH_SEGMENTS or MAX_PATH_CHARACTERS; they got the least important class. */
  oversizedPaths: number;
  /** Requests whose query is beyond MAX_QUERY_PARAMETERS or MAX_QUERY_CHARACTERS while a rule reads the query; they got the least important class. */
  oversizedQueries: number;
}

/** The compiled rules of a policy. Not reentrant: one request at a time, as JavaScript does anyway. */
export interface Classifier {
  readonly counters: Readonly<ClassifierCounters>;
  /** Finds the first rule that matches. Allocates nothing for ordinary requests and never throws on input. */
  classify(facts: RequestFacts): Classification;
}
