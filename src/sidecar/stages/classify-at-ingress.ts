import type { Classifier } from '../../ingress-classifier/index.ts';
import type { Stage } from '../exchange.ts';
import { ExchangeFacts } from './request-facts.ts';

/** The class of a request that enters the mesh: what a trusted caller says, else what the first matching rule says. */
export function classifyAtIngress(classifier: Classifier): Stage {
  const facts = new ExchangeFacts();
  return {
    name: 'classify-at-ingress',
    enter(exchange) {
      const { counters } = exchange.side;
      if (exchange.carried.classIndex >= 0) {
        exchange.classIndex = exchange.carried.classIndex;
        counters.reason('trusted caller');
      } else {
        const classification = classifier.classify(facts.of(exchange));
        exchange.classIndex = classification.classIndex;
        counters.reason(classification.rule === undefined ? 'default' : `rule ${classification.rule}`);
      }
      return 'next';
    },
  };
}
