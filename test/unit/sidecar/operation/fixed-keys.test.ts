import { describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { refuseFixed } from '../../../../src/sidecar/operation/fixed-keys.ts';
import { testPolicy } from '../../../integration/sidecar/harness.ts';

const listen = { host: '127.0.0.1', port: 15006 };
const elsewhere = { host: '127.0.0.1', port: 9 };

const base: SidecarConfig = {
  service: 'tested',
  policy: testPolicy(),
  layers: ['queue'],
  baselineCongestionControl: '',
  inbound: { listen, application: elsewhere, ingress: true },
  outbound: { listen: elsewhere, upstreams: { a: { endpoints: [elsewhere] } } },
};

const { classes } = base.policy;
const fewer = { ...base.policy, classes: classes.slice(0, 1) };
const inbound = { listen, application: elsewhere, ingress: true };

/** What is refused of a change, or nothing. */
function refused(before: Partial<SidecarConfig>, change: Partial<SidecarConfig>): string {
  try {
    refuseFixed({ ...base, ...before }, { ...base, ...before, ...change });
    return '';
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split(' cannot')[0] ?? '';
  }
}

describe('what a running sidecar changes', () => {
  it.each<[string, Partial<SidecarConfig>]>([
    ['another policy', { policy: fewer }],
    ['limits', { limits: { maxRetries: 3 } }],
    ['layers', { layers: ['queue', 'mark'] }],
    ['another application', { inbound: { ...inbound, application: listen, ingress: false } }],
    ['upstreams', { outbound: { listen: elsewhere, upstreams: {} } }],
  ])('is %s', (_name, change) => expect(refused({}, change)).toBe(''));

  it.each<[string, Partial<SidecarConfig>, Partial<SidecarConfig>]>([
    ['service', {}, { service: 'b' }],
    ['inbound.listen', {}, { inbound: { ...inbound, listen: elsewhere } }],
    ['inbound.links', {}, { inbound: { ...inbound, links: false } }],
    ['statistics', {}, { statistics: { file: 'a', intervalMs: 1000 } }],
    ['admin', {}, { admin: { socket: '/tmp/a' } }],
    ['watch', {}, { watch: true }],
    ['layers (network)', {}, { layers: ['queue', 'network'] }],
    [
      'policy.classes',
      { layers: ['network'], controlPlane: { target: 'unix:/a', node: '127.0.0.1' } },
      { policy: fewer },
    ],
    [
      'limits',
      { layers: ['network'], controlPlane: { target: 'unix:/a', node: '127.0.0.1' } },
      { limits: { maxRetries: 3 } },
    ],
    [
      'policy.classes',
      { layers: ['broker'], broker: { address: elsewhere, virtualHost: '/', userName: 'guest' } },
      { policy: fewer },
    ],
    [
      'outbound.upstreams.a',
      {
        outbound: {
          listen: elsewhere,
          upstreams: { a: { endpoints: [elsewhere] } },
          tcp: [{ listen, upstream: 'a', class: 'batch' }],
        },
      },
      {
        outbound: {
          listen: elsewhere,
          upstreams: { a: { endpoints: [listen] } },
          tcp: [{ listen, upstream: 'a', class: 'batch' }],
        },
      },
    ],
  ])('is not %s', (key, before, change) => expect(refused(before, change)).toBe(key));

  it('is with the layer network on what it does not go by', () => {
    const before: Partial<SidecarConfig> = {
      layers: ['network'],
      controlPlane: { target: 'unix:/a', node: '127.0.0.1' },
    };
    expect(refused(before, { policy: testPolicy({ capacity: 9 }) })).toBe('');
  });
});
