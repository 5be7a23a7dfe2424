import { type ClassifierRule, messageOf, type Place, type Policy, PriomeshError } from '../core/index.ts';
import type { Condition, Matcher } from './matcher.ts';
import { MATCHERS } from './matchers/index.ts';
import { RequestView } from './request-view.ts';
import { RuleIndex } from './rule-index.ts';
import type { Classification, Classifier, ClassifierCounters, RequestFacts } from './types.ts';

interface CompiledRule {
  readonly conditions: readonly Condition[];
  readonly outcome: Classification;
}

class CompiledClassifier implements Classifier {
  readonly counters: ClassifierCounters = {
    requests: 0,
    verifications: 0,
    defaulted: 0,
    ambiguous: 0,
    oversizedPaths: 0,
    oversizedQueries: 0,
  };
  readonly #rules: readonly CompiledRule[];
  readonly #matchers: readonly Matcher[];
  readonly #index: RuleIndex;
  readonly #default: Classification;
  readonly #pathTooLarge: Classification;
  readonly #queryTooLarge: Classification;
  readonly #request = new RequestView();

  constructor(policy: Policy, rules: readonly CompiledRule[], matchers: readonly Matcher[]) {
    this.#rules = rules;
    this.#matchers = matchers;
    this.#index = new RuleIndex(rules.map(({ conditions }) => conditions.flatMap(({ keySets }) => keySets)));
    this.#default = outcome(policy, policy.ingress.defaultClass, 'default class');
    const least = policy.classes.at(-1)?.name ?? policy.ingress.defaultClass;
    this.#pathTooLarge = outcome(policy, least, 'path beyond the limits, least important class');
    this.#queryTooLarge = outcome(policy, least, 'query beyond the limits, least important class');
  }

  classify(facts: RequestFacts): Classification {
    const request = this.#request;
    this.counters.requests += 1;
    request.load(facts);
    if (request.path.oversized) {
      this.counters.oversizedPaths += 1;
      return this.#pathTooLarge;
    }
    const strict = this.#firstMatch(request);
    if (request.queryOversized) {
      this.counters.oversizedQueries += 1;
      return this.#queryTooLarge;
    }
    const chosen = request.ambiguous ? this.#lessImportant(request, strict) : strict;
    if (request.path.oversized) this.counters.oversizedPaths += 1;
    if (chosen === this.#default) this.counters.defaulted += 1;
    return chosen;
  }

  #lessImportant(request: RequestView, strict: Classification): Classification {
    this.counters.ambiguous += 1;
    request.loadLenient();
    if (request.path.oversized) return this.#pathTooLarge;
    const lenient = this.#firstMatch(request);
    return lenient.classIndex > strict.classIndex ? lenient : strict;
  }

  #firstMatch(request: RequestView): Classification {
    const index = this.#index;
    index.begin();
    for (let at = 0; at < this.#matchers.length; at += 1) this.#matchers[at]?.prepare?.(request, index);
    for (let candidate = index.next(0); candidate >= 0; candidate = index.next(candidate + 1)) {
      const rule = this.#rules[candidate];
      this.counters.verifications += 1;
      if (rule !== undefined && fulfils(request, rule.conditions)) return rule.outcome;
    }
    return this.#default;
  }
}

function fulfils(request: RequestView, conditions: readonly Condition[]): boolean {
  for (let at = 0; at < conditions.length; at += 1) {
    if (conditions[at]?.matches(request) !== true) return false;
  }
  return true;
}

function outcome(
  policy: Policy,
  className: string,
  reason: string,
  rule?: string,
  place?: Place,
): Classification {
  const classIndex = policy.classes.findIndex(({ name }) => name === className);
  if (classIndex < 0) {
    throw new PriomeshError('CONFIG_INVALID', `there is no class \`${className}\``, {
      fix: `Name one of ${policy.classes.map(({ name }) => name).join(', ')}.`,
    });
  }
  const label = rule === undefined ? 'default' : `rule ${rule}`;
  return { classIndex, className, rule, label, place, reason };
}

/** Compiles a rule; an error gets the rule's place. */
function compileRule(policy: Policy, rule: ClassifierRule, compile: () => Condition[]): CompiledRule {
  const { name, place } = rule;
  try {
    return {
      conditions: compile(),
      outcome: outcome(policy, rule.class, `rule ${name} (${place.file}:${place.line})`, name, place),
    };
  } catch (error) {
    if (!(error instanceof PriomeshError)) throw error;
    throw new PriomeshError(error.code, `rule ${name}: ${messageOf(error)}`, {
      place,
      fix: error.fix,
      cause: error,
    });
  }
}

/**
 * Compiles the rules of a policy.
 *
 * @throws PriomeshError CONFIG_INVALID, with the rule's place, for a condition that makes no sense
 */
export function compileClassifier(policy: Policy): Classifier {
  const matchers = MATCHERS.map((create) => create());
  const used = new Set<Matcher>();
  const rules = policy.ingress.rules.map((rule) =>
    compileRule(policy, rule, () =>
      matchers.flatMap((matcher) => {
        const condition = matcher.compile(rule.match);
        if (condition === undefined) return [];
        used.add(matcher);
        return [condition];
      }),
    ),
  );
  return new CompiledClassifier(
    policy,
    rules,
    matchers.filter((matcher) => used.has(matcher)),
  );
}
