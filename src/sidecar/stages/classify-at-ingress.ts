import type { Classifier } from '../../ingress-classifier/index.ts';
import type { Stage } from '../exchange.ts';

/** The class of a request that enters the mesh: what a trusted caller says, else what the first matching rule says. */
export function classifyAtIngress(classifier: Classifier): Stage {
  /** One text for each rule, so that none is made for each request. */
  const labels = new Map<string, string>();
  const labelOf = (rule: string): string => {
    let label = labels.get(rule);
    if (label === undefined) {
      label = `rule ${rule}`;
      labels.set(rule, label);
    }
    return label;
  };
  return {
    name: 'classify-at-ingress',
    enter(exchange) {
      if (exchange.carried.classIndex >= 0) {
        exchange.decided(exchange.carried.classIndex, 'trusted caller');
      } else {
        const { classIndex, rule } = classifier.classify(exchange.facts);
        exchange.decided(classIndex, rule === undefined ? 'default' : labelOf(rule));
      }
      return 'next';
    },
  };
}
