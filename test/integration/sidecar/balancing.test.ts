import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '../../../src/config/index.ts';
import { at, caller, namedApplication } from './discovery/support.ts';
import { httpApplication, request } from './harness.ts';

let opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.reverse()) await one.close();
  opened = [];
});

function keep<One extends { close(): Promise<void> }>(one: One): One {
  opened.push(one);
  return one;
}

type Balancer = NonNullable<UpstreamConfig['balancer']>;

describe('requests with a key', () => {
  const keys: readonly (readonly [string, Balancer['hashOn'], (key: string) => http.RequestOptions])[] = [
    ['header', { from: 'header', name: 'X-User' }, (key) => ({ headers: { host: 'shop', 'x-user': key } })],
    [
      'cookie',
      { from: 'cookie', name: 'session' },
      (key) => ({ headers: { host: 'shop', cookie: `xsession=no; session=${key}; other=1` } }),
    ],
    ['path', { from: 'path' }, (key) => ({ path: `/${key}?q=1`, headers: { host: 'shop' } })],
  ];

  it.each(keys)(
    'in a %s go to the same endpoint each time, from every sidecar, and keys are spread',
    async (_from, hashOn, options) => {
      const applications = await Promise.all(
        ['a', 'b', 'c'].map(async (name) => keep(await namedApplication(name))),
      );
      const endpoints = applications.map(at);
      const [one, other] = await Promise.all(
        (['ring-hash', 'ring-hash'] as const).map(async (kind) =>
          keep(await caller({ endpoints, balancer: { kind, ...(hashOn === undefined ? {} : { hashOn }) } })),
        ),
      );
      const seen = new Set<string>();
      for (let key = 0; key < 40; key += 1) {
        const answers = new Set<string>();
        for (const sidecar of [one, one, other]) {
          answers.add((await request(sidecar?.outboundPort ?? 0, options(`user-${key}`))).body);
        }
        expect(answers.size).toBe(1);
        for (const answer of answers) seen.add(answer);
      }
      expect([...seen].sort()).toEqual(['a', 'b', 'c']);
    },
  );

  it('that is not there are spread', async () => {
    const applications = await Promise.all(
      ['a', 'b'].map(async (name) => keep(await namedApplication(name))),
    );
    const balancer: Balancer = { kind: 'maglev', hashOn: { from: 'header', name: 'x-user' } };
    const sidecar = keep(await caller({ endpoints: applications.map(at), balancer }));
    const seen = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      seen.add((await request(sidecar.outboundPort ?? 0, { headers: { host: 'shop' } })).body);
    }
    expect([...seen].sort()).toEqual(['a', 'b']);
  });
});

describe('peak EWMA', () => {
  it('sends hardly anything to an endpoint that is slow', async () => {
    const quick = keep(await namedApplication('quick'));
    const slow = keep(
      await httpApplication((_incoming, response) => {
        setTimeout(() => response.end('slow'), 200);
      }),
    );
    const sidecar = keep(await caller({ endpoints: [at(quick), at(slow)], balancer: { kind: 'peak-ewma' } }));
    let slowly = 0;
    for (let round = 0; round < 60; round += 1) {
      if ((await request(sidecar.outboundPort ?? 0, { headers: { host: 'shop' } })).body === 'slow')
        slowly += 1;
    }
    expect(slowly).toBeGreaterThan(0);
    expect(slowly).toBeLessThan(6);
  });
});

describe('an endpoint that answers 503', () => {
  it('is left out where gateway errors are counted, and requests end well elsewhere', async () => {
    const well = keep(await namedApplication('well'));
    const ill = keep(
      await httpApplication((_incoming, response) => {
        response.statusCode = 503;
        response.end();
      }),
    );
    const sidecar = keep(
      await caller({
        endpoints: [at(well), at(ill)],
        balancer: { kind: 'round-robin' },
        outliers: { consecutiveGatewayErrors: 3, baseEjectionMs: 60_000 },
      }),
    );
    const statuses: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      statuses.push((await request(sidecar.outboundPort ?? 0, { headers: { host: 'shop' } })).status);
    }
    expect(statuses.filter((status) => status === 503).length).toBe(3);
    expect(statuses.slice(-10)).toEqual(Array.from({ length: 10 }, () => 200));
    const upstreams = sidecar.statistics()['upstreams'] as { shop: { ejections: { gatewayErrors: number } } };
    expect(upstreams.shop.ejections.gatewayErrors).toBe(1);
  });
});
