import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findingsOf, loadEndpoints, parseSidecarConfig } from '../../../src/config/index.ts';
import { caseStudy } from '../kernel-qos/fixture.ts';
import { findingsIn, listed, repositoryFile } from './support.ts';

const ENDPOINTS = [{ host: '10.0.0.3', port: 80 }];

function text(upstream: object, more: object = {}): string {
  return JSON.stringify({
    service: 'shop',
    policy: caseStudy,
    layers: [],
    baselineCongestionControl: '',
    outbound: { listen: { host: '127.0.0.1', port: 15001 }, upstreams: { reviews: upstream } },
    ...more,
  });
}

const faults = (upstream: object, more?: object): string =>
  listed(findingsIn(() => parseSidecarConfig(text(upstream, more), 'sidecar.json'))).join('\n');

describe('an upstream', () => {
  it.each([
    [
      'weights, places and priorities',
      { endpoints: [{ ...ENDPOINTS[0], weight: 0.5, locality: { zone: 'a' }, priority: 2 }] },
    ],
    [
      'a key',
      {
        endpoints: ENDPOINTS,
        balancer: { kind: 'maglev', hashOn: { from: 'cookie', name: 'id' }, tableSize: 4099 },
      },
    ],
    ['a file', { discovery: { file: 'reviews.yaml' } }],
    ['names', { discovery: { dns: { name: 'reviews.test', record: 'address', port: 80 } } }],
    ['checks', { endpoints: ENDPOINTS, healthCheck: { kind: 'http', path: '/health', class: 'batch' } }],
  ])('may have %s', (_, upstream) => {
    expect(parseSidecarConfig(text(upstream), 'sidecar.json').outbound?.upstreams['reviews']).toEqual(
      upstream,
    );
  });

  it.each([
    ['nobody', {}, /nobody serves it/],
    ['an address that is none', { endpoints: [{ host: '1.2.3', port: 80 }] }, /is no IPv4 or IPv6 address/],
    [
      'an endpoint twice',
      { endpoints: [...ENDPOINTS, ...ENDPOINTS] },
      /CONFLICT 10\.0\.0\.3 port 80 stands twice/,
    ],
    [
      'two sources',
      { discovery: { file: 'a', dns: { name: 'a', record: 'SRV' } } },
      /CONFLICT file and dns are two sources/,
    ],
    ['no source', { endpoints: ENDPOINTS, discovery: {} }, /CONFLICT no source is named/],
    [
      'addresses without a port',
      { discovery: { dns: { name: 'a', record: 'address' } } },
      /addresses have no port/,
    ],
    [
      'a registry that is not there',
      { discovery: { controlPlane: { service: 'a' } } },
      /CONFLICT the sidecar has no control plane/,
    ],
    ['a hash of nothing', { endpoints: ENDPOINTS, balancer: { kind: 'ring-hash' } }, /ring-hash has no key/],
    [
      'a key that nobody looks at',
      { endpoints: ENDPOINTS, balancer: { kind: 'random', hashOn: { from: 'path' } } },
      /CONFLICT random looks at no key/,
    ],
    [
      'a header without a name',
      { endpoints: ENDPOINTS, balancer: { kind: 'ring-hash', hashOn: { from: 'header' } } },
      /no header is named/,
    ],
    [
      'a table of no prime size',
      { endpoints: ENDPOINTS, balancer: { kind: 'maglev', hashOn: { from: 'path' }, tableSize: 5000 } },
      /5000 is no size/,
    ],
    [
      'checks of no class',
      { endpoints: ENDPOINTS, healthCheck: { kind: 'tcp', class: 'bulk' } },
      /there is no class bulk/,
    ],
  ])('is refused for %s', (_, upstream, expected) => {
    expect(faults(upstream)).toMatch(expected);
  });
});

describe('a file of endpoints', () => {
  it('is read with weights, places and priorities', async () => {
    const { endpoints } = await loadEndpoints(repositoryFile('docs/examples/endpoints.yaml'));
    expect(endpoints.map(({ weight, priority }) => [weight, priority])).toEqual([
      [2, undefined],
      [undefined, undefined],
      [undefined, 1],
    ]);
  });

  it('may list nobody, and names the place of a fault', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'priomesh-endpoints-'));
    const file = join(folder, 'endpoints.yaml');
    try {
      await writeFile(file, 'endpoints: []\n');
      expect(await loadEndpoints(file)).toEqual({ endpoints: [] });
      await writeFile(file, 'endpoints:\n  - { host: 10.0.0.3, port: 80 }\n  - { host: nobody, port: 80 }\n');
      const error = await loadEndpoints(file).catch((thrown: unknown) => thrown);
      expect(listed(findingsOf(error)).join('\n')).toMatch(/^3:13 INVALID /);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
