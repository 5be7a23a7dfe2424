import type { Exchange, Stage } from '../../exchange.ts';
import type { AnswerCode } from '../../http1/index.ts';
import type { Upstream } from '../../pools/index.ts';
import type { TrafficCounters } from '../counters.ts';
import { ATTEMPT_FIELD } from '../fields.ts';
import { changeHead } from '../head-changes.ts';
import type { ServicePlan } from '../plan.ts';
import type { RequestTraffic } from '../request-traffic.ts';

/** Answers of our own that say something of the upstream. That a caller gave too little time says nothing of it. */
const FAILURES: ReadonlySet<string> = new Set<AnswerCode>([
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'UPSTREAM_RESET',
  'UPSTREAM_MALFORMED',
  'REQUEST_TIMEOUT',
  'TRY_TIMEOUT',
]);

/** The number of the attempt is that of this hop. */
const STRIPPED = { remove: [ATTEMPT_FIELD], add: [] };

/** Whether a request that has ended failed; undefined when that can't be told. */
function failed({ outcome, outcomeCode, responseStatus, traffic }: Exchange): boolean | undefined {
  if (outcomeCode === 'DEADLINE_EXCEEDED') return traffic?.bounded === true ? true : undefined;
  switch (outcome) {
    case 'completed':
      return responseStatus >= 500;
    case 'answered':
      return FAILURES.has(outcomeCode) ? true : undefined;
    case 'broken':
      return outcomeCode === '' || FAILURES.has(outcomeCode) ? true : undefined;
    default:
      return undefined;
  }
}

function admit(exchange: Exchange, traffic: RequestTraffic, plan: ServicePlan): AnswerCode | undefined {
  const { classIndex } = exchange;
  const circuit = plan.classes[classIndex]?.circuit;
  if (circuit?.full === true) return 'CIRCUIT_REQUESTS';
  const passage = circuit?.breaker?.pass(exchange.side.clock.nowMs());
  if (passage === 'open') return 'CIRCUIT_OPEN';
  traffic.probe = passage === 'probe';
  if (circuit !== undefined) {
    circuit.requests += 1;
    traffic.circuit = circuit;
  }
  if (plan.bulkhead === undefined) return undefined;
  if (!plan.bulkhead.enter(classIndex)) return 'BULKHEAD_FULL';
  traffic.bulkheadHeld = true;
  return undefined;
}

/** Takes what is said of a service for requests to it: timeouts, retries, hedges; turns away what is beyond its circuit or bulkhead. */
export function callService(plans: ReadonlyMap<Upstream, ServicePlan>, counters: TrafficCounters): Stage {
  return {
    name: 'call-service',
    enter(exchange) {
      const { traffic, upstream } = exchange;
      const plan = upstream === undefined ? undefined : plans.get(upstream);
      if (plan === undefined || traffic === undefined) return 'next';
      traffic.service = plan;
      const refusal = admit(exchange, traffic, plan);
      if (refusal !== undefined) {
        counters.count(refusal, plan.name, exchange.classIndex);
        return exchange.answer(refusal);
      }
      const requestMs = traffic.timeout('requestMs');
      if (requestMs !== undefined) traffic.bound(exchange.arrivedMs + requestMs);
      traffic.sends();
      if (exchange.attempts !== undefined) changeHead(exchange, STRIPPED);
      return 'next';
    },
    leave(exchange) {
      const { traffic } = exchange;
      if (traffic === undefined) return;
      if (traffic.bulkheadHeld) traffic.service?.bulkhead?.leave(exchange.classIndex);
      traffic.bulkheadHeld = false;
      const { circuit, probe } = traffic;
      if (circuit === undefined) return;
      traffic.circuit = undefined;
      traffic.probe = false;
      circuit.requests -= 1;
      const { breaker } = circuit;
      if (breaker === undefined) return;
      const bad = failed(exchange);
      const nowMs = exchange.side.clock.nowMs();
      const { opened } = breaker;
      if (probe) breaker.probed(bad, nowMs);
      else if (bad !== undefined) breaker.ended(bad, nowMs);
      if (breaker.opened > opened)
        counters.count('circuitsOpened', traffic.service?.name ?? '', exchange.classIndex);
    },
  };
}
