import { describe, expect, it } from 'vitest';
import type { Platform, Policy, Site } from '../../../../src/core/index.ts';
import { brokerLayer } from '../../../../src/sidecar/index.ts';
import { POLICY } from '../../transport/policy-fixture.ts';

const PLATFORM: Platform = {
  congestionControls: [],
  socketOptions: true,
  pacing: true,
  qdiscs: [],
  filters: [],
  trafficControl: true,
  rabbitmqVersion: '3.10.8',
};
const SITE: Site = {
  ports: [],
  sidecarNodes: ['left2', 'right1'],
  baselineCongestionControl: 'cubic',
  brokerNode: 'left3',
};
const withBroker = (own: Partial<Policy['broker']>): Policy => ({
  ...POLICY,
  broker: { ...POLICY.broker, ...own },
});
const wordsOf = (policy: Policy): string =>
  brokerLayer
    .plan(policy, PLATFORM, SITE)
    .steps.map(({ where, what }) => `${where}: ${what}`)
    .join('\n');

describe('the layer broker', () => {
  it('says what each sidecar does', () => {
    const plan = brokerLayer.plan(POLICY, PLATFORM, SITE);
    expect(plan).toMatchObject({ layer: 'broker', served: true });
    expect(plan.summary).toContain('RabbitMQ 3.10.8 on left3');
    expect(new Set(plan.steps.map(({ where }) => where))).toEqual(new Set(SITE.sidecarNodes));
    expect(wordsOf(POLICY)).toContain('left2: sidecar declares classic queues with x-max-priority 9');
    expect(wordsOf(POLICY)).toContain('interactive 1, default 1, batch 1');
  });

  it.each([
    ['governed', 'at most 64'],
    ['client', 'as many messages as it asks for'],
    ['unlimited', 'as many messages as there are'],
    [10, 'at most 10 unacknowledged'],
  ] as const)('says what a prefetch that is %s means', (prefetch, words) => {
    expect(wordsOf(withBroker({ prefetch }))).toContain(words);
    expect(wordsOf(withBroker({ prefetch })).includes('every 5000 ms')).toBe(prefetch === 'governed');
  });

  it('names the routes', () => {
    const place = { file: 'policy.yaml', line: 1, column: 1 };
    const route = {
      name: 'jobs',
      service: 'worker',
      path: '/job/**',
      via: 'amqp',
      queue: 'jobs',
      place,
    } as const;
    expect(wordsOf({ ...POLICY, routes: [route] })).toContain(
      'sidecar: requests for worker/job/** go through queue jobs (route jobs)',
    );
  });

  it.each([
    ['3.10.8', 'no priorities'],
    ['3.13.7', 'no priorities'],
    ['4.0.2', 'two levels'],
    ['4.1.0', 'two levels'],
  ])('says what quorum queues of RabbitMQ %s cannot do', (rabbitmqVersion, words) => {
    const { steps, limitations } = brokerLayer.plan(POLICY, { ...PLATFORM, rabbitmqVersion }, SITE);
    expect(steps.map(({ what }) => what).join()).toContain(words);
    expect(limitations).toEqual([]);
  });

  it('serves nothing where there is no RabbitMQ or no broker, and says so', () => {
    const { rabbitmqVersion: _, ...without } = PLATFORM;
    const missing = brokerLayer.plan(POLICY, without, SITE);
    expect(missing).toMatchObject({ served: false, steps: [] });
    expect(missing.limitations[0]?.instead).toContain('apt-get install rabbitmq-server');
    const { brokerNode: __, ...nowhere } = SITE;
    expect(brokerLayer.plan(POLICY, PLATFORM, nowhere)).toMatchObject({ served: false, steps: [] });
  });
});
