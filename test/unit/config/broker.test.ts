import { describe, expect, it } from 'vitest';
import {
  parseApplicationGraph,
  parseExperiment,
  parsePolicy,
  parseSidecarConfig,
  type SidecarConfig,
} from '../../../src/config/index.ts';
import { edited, findingsIn, listed, POLICY, repositoryText } from './support.ts';

const EXPERIMENT = repositoryText('experiments/broker/experiment.yaml');
const faultsOfPolicy = (text: string) => listed(findingsIn(() => parsePolicy(text, 'p.yaml'))).join('\n');
const faultsOf = (text: string) => listed(findingsIn(() => parseExperiment(text, 'e.yaml'))).join('\n');

const ROUTES = `routes:
  - { name: one, service: shop, queue: shop-requests, via: amqp }
  - { name: two, service: shop, path: /export/**, queue: shop-requests, via: amqp }
ingress:`;

describe('what a policy says of the broker', () => {
  it('has as many levels as the highest priority of a class, and at least one', () => {
    expect(parsePolicy(POLICY, 'p.yaml').broker).toEqual({
      maxPriority: 1,
      prefetch: 'governed',
      maxPrefetch: 64,
      starvationMs: 5000,
    });
    const text = edited(POLICY, '    rank: 0\n', '    rank: 0\n    broker: { priority: 7 }\n');
    expect(parsePolicy(text, 'p.yaml').broker.maxPriority).toBe(7);
  });

  it('gives each route its place and its default path', () => {
    const { routes } = parsePolicy(edited(POLICY, 'ingress:', ROUTES), 'p.yaml');
    expect(routes.map(({ name, path, place }) => [name, path, place.line])).toEqual([
      ['one', '/**', 13],
      ['two', '/export/**', 14],
    ]);
  });

  it.each([
    [
      'a class above the levels',
      edited(
        edited(POLICY, '    rank: 0\n', '    rank: 0\n    broker: { priority: 7 }\n'),
        'ingress:',
        'broker: { maxPriority: 3 }\ningress:',
      ),
      /^6:25 CONFLICT high has priority 7, but queues have 3 levels \(p\.yaml:13:24\)/,
    ],
    [
      'two routes of one name',
      edited(POLICY, 'ingress:', ROUTES.replace('name: two', 'name: one')),
      /CONFLICT two routes are called one/,
    ],
    [
      'a queue of two services',
      edited(POLICY, 'ingress:', ROUTES.replace('two, service: shop', 'two, service: cart')),
      /CONFLICT queue shop-requests would hold requests for cart and for shop/,
    ],
    [
      'a prefetch that is none',
      edited(POLICY, 'ingress:', 'broker: { prefetch: 0 }\ningress:'),
      /INVALID .*governed, client, unlimited, or a whole number from 1 to 65535/,
    ],
  ])('is refused: %s', (_, text, expected) => {
    expect(faultsOfPolicy(text)).toMatch(expected);
  });
});

describe('an experiment with a broker', () => {
  it('reads', () => {
    const { broker, arms } = parseExperiment(EXPERIMENT, 'e.yaml');
    expect(broker).toEqual({ sampleMs: 250 });
    expect(arms['prefetch-10']?.broker).toEqual({ prefetch: 10 });
  });

  it.each([
    [
      'a layer without a broker',
      EXPERIMENT.replace(/^broker:.*\n/m, '').replace(/^ +broker: left3.*\n/m, ''),
      /CONFLICT arm governed needs a message broker, and the experiment has none/,
    ],
    [
      'a broker that is placed nowhere',
      EXPERIMENT.replace(/^ +broker: left3.*\n/m, ''),
      /INVALID broker is placed nowhere/,
    ],
    [
      'a placed broker that does not exist',
      EXPERIMENT.replace(/^broker:.*\n/m, ''),
      /CONFLICT a message broker is placed, and the experiment has none/,
    ],
    [
      'a prefetch of a layer that is off',
      EXPERIMENT.replace(/layers: \[broker\]\n {4}broker: \{ prefetch: 10 \}/, 'broker: { prefetch: 10 }'),
      /CONFLICT arm prefetch-10 sets the prefetch of the layer broker, which is off in it/,
    ],
    ['a negative ratio', EXPERIMENT.replace('atLeast: 0.95', 'atLeast: -1'), /INVALID a ratio is never -1/],
  ])('is refused: %s', (_, text, expected) => {
    expect(text).not.toBe(EXPERIMENT);
    expect(faultsOf(text)).toMatch(expected);
  });
});

describe('a call by amqp', () => {
  it('needs a callee that consumes a queue', () => {
    const text = repositoryText('experiments/broker/application.yaml');
    expect(parseApplicationGraph(text, 'g.yaml').services['worker']?.consumes).toEqual({
      queue: 'jobs',
      prefetch: 0,
    });
    const without = text.replace(/^ +consumes:.*\n/m, '');
    expect(listed(findingsIn(() => parseApplicationGraph(without, 'g.yaml'))).join('\n')).toMatch(
      /INVALID worker consumes no queue/,
    );
  });
});

describe('a sidecar with a broker', () => {
  const config: SidecarConfig = {
    service: 'worker',
    policy: parsePolicy(POLICY, 'p.yaml'),
    layers: ['broker'],
    broker: {
      address: { host: '10.0.0.9', port: 5672 },
      listen: { host: '127.0.0.1', port: 5672 },
      virtualHost: '/',
      userName: 'guest',
    },
    baselineCongestionControl: '',
    tap: { socket: 'tap.sock' },
  };
  const faults = (broker: Partial<SidecarConfig['broker']>) =>
    listed(
      findingsIn(() =>
        parseSidecarConfig(JSON.stringify({ ...config, broker: { ...config.broker, ...broker } }), 's.json'),
      ),
    ).join('\n');

  it('needs nothing else', () => {
    expect(parseSidecarConfig(JSON.stringify(config), 's.json')).toEqual(config);
  });

  it('does not connect to itself, nor by name', () => {
    expect(faults({ address: { host: '127.0.0.1', port: 5672 } })).toMatch(/would call itself/);
    expect(faults({ address: { host: 'be.ef', port: 5672 } })).toMatch(/no IPv4 or IPv6 address/);
  });
});
