import { describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../src/config/index.ts';
import type { PolicyRoute } from '../../../src/core/index.ts';
import { queuedRoutes, queuesOf, reachedLocally } from '../../../src/sidecar/queued-routes.ts';
import { testPolicy } from '../../integration/sidecar/harness.ts';

const here = { host: '127.0.0.1', port: 1 };

function route(name: string, service: string, queue: string): PolicyRoute {
  return { name, service, path: '/**', via: 'amqp', queue, place: { file: 'test', line: 1, column: 1 } };
}

const routes = [route('a', 'tested', 'q1'), route('b', 'other', 'q2'), route('c', 'tested', 'q1')];

function config(more: Partial<SidecarConfig> = {}): SidecarConfig {
  return {
    service: 'tested',
    policy: { ...testPolicy(), routes },
    layers: ['broker'],
    baselineCongestionControl: '',
    broker: { address: here, virtualHost: '/', userName: 'guest' },
    inbound: { listen: here, application: here, ingress: true },
    outbound: { listen: here, upstreams: {} },
    ...more,
  };
}

const names = (list: readonly PolicyRoute[]) => list.map(({ name }) => name);

describe('routes through queues', () => {
  it('are those of the own service where requests enter, and all where calls go out', () => {
    const { inbound, outbound, workerQueues } = queuedRoutes(config());
    expect([names(inbound), names(outbound), workerQueues]).toEqual([['a', 'c'], ['a', 'b', 'c'], ['q1']]);
  });

  it('are not taken by what comes over connections inside the mesh, but served', () => {
    const { outbound: _, ...without } = config({
      inbound: { listen: here, application: here, ingress: false },
    });
    expect(queuedRoutes(without)).toEqual({ inbound: [], outbound: [], workerQueues: ['q1'] });
  });

  it('are none without a broker and with the layer off', () => {
    const none = { inbound: [], outbound: [], workerQueues: [] };
    const { broker: _, ...without } = config();
    expect(queuedRoutes(without)).toEqual(none);
    expect(queuedRoutes(config({ layers: ['queue'] }))).toEqual(none);
  });

  it('name each queue once', () => {
    expect(queuesOf(routes)).toEqual(['q1', 'q2']);
  });
});

describe('a listener', () => {
  it('of all addresses is reached by loopback, another by its own', () => {
    const reached = ['0.0.0.0', '::', '0:0::0', '10.0.0.1', '::1'].map((host) =>
      reachedLocally({ host, port: 1 }),
    );
    expect(reached).toEqual(['127.0.0.1', '::1', '::1', '10.0.0.1', '::1']);
  });
});
