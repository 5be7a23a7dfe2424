import type { Matcher } from '../matcher.ts';
import { bodyMatcher } from './body.ts';
import { grpcMatcher } from './grpc.ts';
import { headersMatcher } from './headers.ts';
import { hostMatcher } from './host.ts';
import { methodMatcher } from './method.ts';
import { pathMatcher } from './path.ts';
import { queryMatcher } from './query.ts';
import { sourceNetworksMatcher } from './source-networks.ts';
import { urgencyMatcher } from './urgency.ts';

/** The list of matchers, the cheapest first: a rule's conditions are asked in this order. A new one is a file and a line here. */
export const MATCHERS: readonly (() => Matcher)[] = [
  methodMatcher,
  bodyMatcher,
  urgencyMatcher,
  pathMatcher,
  hostMatcher,
  sourceNetworksMatcher,
  grpcMatcher,
  headersMatcher,
  queryMatcher,
];
