import type { Classifier } from '../../ingress-classifier/index.ts';
import type { Stage } from '../exchange.ts';

/** The class of a request that enters the mesh: what a trusted caller says, else what the first matching rule says. */
export function classifyAtIngress(classifier: Classifier): Stage {
  return {
    name: 'classify-at-ingress',
    enter(exchange) {
      if (exchange.carried.classIndex >= 0) {
        exchange.decided(exchange.carried.classIndex, 'trusted caller');
      } else {
        const { classIndex, label } = classifier.classify(exchange.facts);
        exchange.decided(classIndex, label);
      }
      return 'next';
    },
  };
}
