import type { ClassifierRule, Policy, TrafficMatch } from '../../core/index.ts';
import { compileClassifier, type RequestFacts } from '../../ingress-classifier/index.ts';

/** Finds what of a list concerns a request. */
export interface FirstMatch {
  /** The index of the first that matches, or -1. */
  find(facts: RequestFacts): number;
}

/**
 * Compiles what requests are compared with; rules and routes match alike, so that one compiler serves both.
 * @param ownService where all requests are for one service: those of `matches` that name another never match. undefined: Host says it
 */
export function compileMatches(
  policy: Policy,
  matches: readonly TrafficMatch[],
  ownService: string | undefined,
): FirstMatch {
  const rules = matches.flatMap(({ service, ...match }, index): ClassifierRule[] => {
    if (ownService !== undefined && service !== undefined && service !== ownService) return [];
    const { headers } = match;
    return [
      {
        name: String(index),
        class: policy.ingress.defaultClass,
        match: {
          ...match,
          ...(headers === undefined ? {} : { headers: lowerCased(headers) }),
          ...(ownService === undefined && service !== undefined ? { host: service } : {}),
        },
        place: { file: 'policy', line: 1, column: 1 },
      },
    ];
  });
  const classifier = compileClassifier({ ...policy, ingress: { ...policy.ingress, rules } });
  return {
    find(facts) {
      const { rule } = classifier.classify(facts);
      return rule === undefined ? -1 : Number(rule);
    },
  };
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
