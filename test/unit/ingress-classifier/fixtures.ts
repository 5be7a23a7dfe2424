import type { ClassifierRule, Policy, RequestClass, RuleMatch } from '../../../src/core/index.ts';
import type { RequestFacts } from '../../../src/ingress-classifier/index.ts';
import { QUIET_NETWORK } from '../../support/network-settings.ts';

function requestClass(name: string, rank: number): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: ['cubic'] },
    mark: { dscp: 0, dscpName: 'CS0' },
    kernel: { sharePercent: 10, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
  };
}

/** The classes of the tests' policies, the most important first. */
export const CLASS_NAMES = ['urgent', 'interactive', 'batch'] as const;

export interface RuleOf {
  readonly match: RuleMatch;
  readonly class: string;
}

/** A policy whose n-th rule is called `rule-n` and stands in line n + 1. */
export function policyOf(rules: readonly RuleOf[], defaultClass = 'interactive'): Policy {
  return {
    schema: 'priomesh/policy/v1',
    name: 'test',
    classes: CLASS_NAMES.map(requestClass),
    queue: { mode: 'strict', concurrency: 8, capacity: 512, starvationMs: 5000 },
    broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
    network: QUIET_NETWORK,
    routes: [],
    ingress: {
      defaultClass,
      trustedNetworks: [],
      rules: rules.map(
        (rule, index): ClassifierRule => ({
          ...rule,
          name: `rule-${index}`,
          place: { file: 'policy.yaml', line: index + 1, column: 5 },
        }),
      ),
    },
  };
}

/** A plain GET, with what a test wants different. */
export function request(
  facts: Partial<Omit<RequestFacts, 'header'>> & { headers?: Record<string, string> } = {},
): RequestFacts {
  const { headers = {}, ...rest } = facts;
  const byName = new Map(Object.entries(headers));
  return {
    method: 'GET',
    path: '/',
    query: '',
    host: 'shop.example.org',
    bodyBytes: 0,
    sourceAddress: '192.0.2.1',
    urgency: -1,
    ...rest,
    header: (name) => byName.get(name),
  };
}
