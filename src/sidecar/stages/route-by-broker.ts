import type { ClassifierRule, Policy, PolicyRoute } from '../../core/index.ts';
import { compileClassifier } from '../../ingress-classifier/index.ts';
import type { Stage } from '../exchange.ts';
import type { Upstream } from '../pools/index.ts';

/** A route of the policy, and the gateway to its queue. */
export interface BrokerRoute {
  readonly route: PolicyRoute;
  readonly gateway: Upstream;
}

/** The gateway's own bounds answer first; this much later the stack does. */
const GRACE_MS = 2000;

/**
 * Sends the requests of routes `via: amqp` to the gateway of their queue, which is an upstream like any other. The first route that fits
 * is taken; a request that none fits goes on as if there were none.
 * @param byHost whether the route's service must be the one that Host names; else all requests are for that service
 */
export function routeByBroker(policy: Policy, routes: readonly BrokerRoute[], byHost: boolean): Stage {
  // Rules and routes match paths alike, so that one compiler serves both.
  const rules = routes.map(
    ({ route }, index): ClassifierRule => ({
      name: String(index),
      class: policy.ingress.defaultClass,
      match: { path: route.path, ...(byHost ? { host: route.service } : {}) },
      place: route.place,
    }),
  );
  const classifier = compileClassifier({ ...policy, ingress: { ...policy.ingress, rules } });
  const patienceMs = policy.classes.map(({ queue }) => queue.deadlineMs + GRACE_MS);
  return {
    name: 'route-by-broker',
    enter(exchange) {
      const { rule } = classifier.classify(exchange.facts);
      if (rule === undefined) return 'next';
      exchange.upstream = routes[Number(rule)]?.gateway;
      exchange.patienceMs = patienceMs[exchange.classIndex] ?? 0;
      return 'next';
    },
  };
}
