import type {
  BrokerSettings,
  Layer,
  LayerPlan,
  Limitation,
  PlanStep,
  Platform,
  Policy,
  Site,
} from '../../core/index.ts';

const NO_BROKER: Limitation = {
  what: 'a message broker',
  why: 'RabbitMQ is not installed on this machine',
  instead: 'requests with a route via amqp go by a connection (apt-get install rabbitmq-server)',
};

/** What quorum queues of a RabbitMQ make of priorities (https://www.rabbitmq.com/docs/quorum-queues#priorities). */
function quorumQueues(version: string): string {
  return Number.parseInt(version, 10) < 4
    ? `quorum queues of RabbitMQ ${version} know no priorities: their messages pass as they come`
    : `quorum queues of RabbitMQ ${version} have two levels, more than 4 before the rest`;
}

/** Only who governs holds messages back, and so can let one pass that would starve. */
function inWords({ prefetch, maxPrefetch, starvationMs }: BrokerSettings): string {
  const strict = 'a class waits as long as a more important one does';
  switch (prefetch) {
    case 'governed':
      return `a control loop keeps as many messages with each consumer as its workers need, at most ${maxPrefetch}; a class that waits gets one every ${starvationMs} ms`;
    case 'client':
      return `each consumer has as many messages as it asks for; ${strict}`;
    case 'unlimited':
      return `each consumer has as many messages as there are; ${strict}`;
    default:
      return `each consumer has at most ${prefetch} unacknowledged messages; ${strict}`;
  }
}

const nothing = (summary: string, limitations: readonly Limitation[]): LayerPlan => ({
  layer: 'broker',
  served: false,
  summary: `nothing: ${summary}`,
  steps: [],
  limitations,
});

function plan(policy: Policy, { rabbitmqVersion }: Platform, site: Site): LayerPlan {
  const { brokerNode } = site;
  if (brokerNode === undefined) return nothing('the experiment has no message broker', []);
  if (rabbitmqVersion === undefined) return nothing('RabbitMQ is not installed', [NO_BROKER]);
  const priorities = policy.classes.map((one) => `${one.name} ${one.broker.priority}`).join(', ');
  const steps: PlanStep[] = [
    ...site.sidecarNodes.flatMap((node): PlanStep[] => [
      {
        where: node,
        what: `sidecar gives published messages the priority of their class (${priorities}), their class and their trace`,
      },
      {
        where: node,
        what: `sidecar declares classic queues with x-max-priority ${policy.broker.maxPriority}; ${quorumQueues(rabbitmqVersion)}`,
      },
      {
        where: node,
        what: inWords(policy.broker),
      },
    ]),
    ...policy.routes.map((route) => ({
      where: 'sidecar',
      what: `requests for ${route.service}${route.path} go through queue ${route.queue} (route ${route.name})`,
    })),
  ];
  return {
    layer: 'broker',
    served: true,
    summary: `messages by class at RabbitMQ ${rabbitmqVersion} on ${brokerNode}; off, sidecars pass them unchanged and no request goes through a queue`,
    steps,
    limitations: [],
  };
}

/** The column `broker`: sidecars give messages their class's priority and govern prefetch. They do it by themselves, over AMQP. */
export const brokerLayer: Layer = {
  name: 'broker',
  plan,
  apply: async () => async () => {},
};
