import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrafficRoute } from '../../../../src/core/index.ts';
import { exchangeRaw, httpApplication, request, sidecarBefore, until } from '../harness.ts';
import { type Calls, callsTo, trafficPolicy } from './support.ts';

const closing: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

async function routed(
  services: Parameters<typeof callsTo>[0],
  ...routes: readonly TrafficRoute[]
): Promise<Calls> {
  const calls = await callsTo(services, { routes });
  closing.push(calls);
  return calls;
}

const named =
  (name: string): http.RequestListener =>
  (_incoming, response) =>
    response.end(name);

/** Says what came: method, target, Host and fields. */
const echo: http.RequestListener = (incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () =>
    response.end(
      JSON.stringify({
        line: `${incoming.method} ${incoming.url}`,
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    ),
  );
};

interface Seen {
  readonly line: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

describe('weights', () => {
  it('shift requests to another service', async () => {
    const calls = await routed(
      { shop: [named('old')], next: [named('new')] },
      {
        name: 'canary',
        match: { service: 'shop', path: '/api/**' },
        to: [
          { service: 'shop', weight: 3 },
          { service: 'next', weight: 1 },
        ],
      },
    );
    const counts = { old: 0, new: 0 };
    for (let index = 0; index < 200; index += 1) {
      const { body } = await calls.call('shop', { path: '/api/x' });
      counts[body as 'old' | 'new'] += 1;
    }
    expect(counts.old + counts.new).toBe(200);
    expect(counts.new).toBeGreaterThan(25);
    expect(counts.new).toBeLessThan(80);
    expect((await calls.call('shop', { path: '/other' })).body).toBe('old');
    expect(calls.counted('routed', 'canary')).toBe(200);
  });

  it('stick to what they chose for the same value of a header', async () => {
    const calls = await routed(
      { shop: [named('old')], next: [named('new')] },
      {
        name: 'canary',
        match: { service: 'shop' },
        to: [
          { service: 'shop', weight: 1 },
          { service: 'next', weight: 1 },
        ],
        stickyHeader: 'X-User',
      },
    );
    const chosen = new Set<string>();
    for (const user of ['ann', 'bob', 'cid', 'dee', 'eve', 'fay', 'gus', 'hal']) {
      const of = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        of.add((await calls.call('shop', { headers: { 'x-user': user } })).body);
      }
      expect(of.size).toBe(1);
      for (const body of of) chosen.add(body);
    }
    expect([...chosen].sort()).toEqual(['new', 'old']);
  });

  it('to a service that the sidecar does not know are answered 404', async () => {
    const calls = await routed(
      { shop: [named('old')] },
      { name: 'lost', match: {}, to: [{ service: 'nowhere', weight: 1 }] },
    );
    const reply = await calls.call('shop');
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([404, 'NO_ROUTE']);
  });
});

describe('a rewritten head', () => {
  const route: TrafficRoute = {
    name: 'legacy',
    match: { service: 'shop', path: '/v1/items/**', headers: { 'X-Client': 'old*' } },
    rewrite: {
      prefix: '/items-of-the-second-version',
      host: 'shop.internal',
      set: { 'X-Api': '2', 'x-own': 'ours' },
      remove: ['X-Debug'],
    },
  };

  it('has another path, another host and other fields, and the same body', async () => {
    const calls = await routed({ shop: [echo] }, route);
    const reply = await calls.call('shop', {
      method: 'POST',
      path: '/v1/items/7/a?b=c',
      body: 'a body',
      headers: { 'x-client': 'older', 'x-debug': '1', 'x-own': 'theirs', 'x-kept': 'yes' },
    });
    const { line, headers, body } = JSON.parse(reply.body) as Seen;
    expect([line, body]).toEqual(['POST /items-of-the-second-version/7/a?b=c', 'a body']);
    expect(headers).toMatchObject({ host: 'shop.internal', 'x-api': '2', 'x-own': 'ours', 'x-kept': 'yes' });
    expect(headers['x-debug']).toBeUndefined();
    expect(headers['baggage']).toContain('priomesh.class=interactive');
  });

  it('is that of matching requests only', async () => {
    const calls = await routed({ shop: [echo] }, route);
    const reply = await calls.call('shop', {
      path: '/v1/items/7',
      headers: { 'x-client': 'new', 'x-debug': '1' },
    });
    const { line, headers } = JSON.parse(reply.body) as Seen;
    expect(line).toBe('GET /v1/items/7');
    expect(headers).toMatchObject({ host: 'shop', 'x-debug': '1' });
  });

  it('may be shorter than what came, on one connection, in absolute form and of HTTP/1.0', async () => {
    const calls = await routed(
      { shop: [echo] },
      { name: 'short', match: { service: 'shop', path: '/a/long/beginning/**' }, rewrite: { prefix: '/' } },
    );
    const target = '/a/long/beginning/x';
    const raw = await exchangeRaw(calls.sidecar.outboundPort ?? 0, [
      `GET ${target} HTTP/1.1\r\nHost: shop\r\n\r\n`,
      `GET http://shop${target}?q HTTP/1.1\r\nHost: shop\r\n\r\n`,
      `GET ${target} HTTP/1.0\r\nHost: shop\r\n\r\n`,
    ]);
    expect([...raw.text.matchAll(/"line":"([^"]*)"/g)].map(([, line]) => line)).toEqual([
      'GET /x',
      'GET /x?q',
      'GET /x',
    ]);
  });

  it("is nobody's guess where the path is spelt in another way", async () => {
    const calls = await routed(
      { shop: [echo] },
      { name: 'p', match: { path: '/api/**' }, rewrite: { prefix: '/b' } },
    );
    for (const path of ['/%61pi/x', '/api/../secret', '/api//x', '/api/%2e%2e/x']) {
      const reply = await calls.call('shop', { path });
      if (reply.status === 200) expect((JSON.parse(reply.body) as Seen).line).toBe(`GET ${path}`);
      else expect(reply.status).toBe(404);
    }
  });
});

describe('a redirect', () => {
  const route: TrafficRoute = {
    name: 'moved',
    match: { service: 'tested', path: '/shop/**' },
    redirect: { status: 308, prefix: '/store' },
  };

  it('is answered where requests enter the mesh, and by the way out', async () => {
    let arrived = 0;
    const application = await httpApplication((_incoming, response) => {
      arrived += 1;
      response.end('served');
    });
    const sidecar = await sidecarBefore(application.port, {
      policy: trafficPolicy({
        routes: [
          route,
          {
            ...route,
            name: 'out',
            match: { service: 'service' },
            redirect: { status: 302, scheme: 'https', host: 'a.example', port: 8443 },
          },
        ],
      }),
    });
    closing.push(sidecar, application);
    const moved = await request(sidecar.inboundPort ?? 0, { path: '/shop/cart?x=1' });
    expect([moved.status, moved.headers.location]).toEqual([308, '/store/cart?x=1']);
    const out = await request(sidecar.outboundPort ?? 0, { path: '/p?q', headers: { host: 'service' } });
    expect([out.status, out.headers.location]).toEqual([302, 'https://a.example:8443/p?q']);
    expect(arrived).toBe(0);
    expect((await request(sidecar.inboundPort ?? 0, { path: '/other' })).body).toBe('served');
  });
});

describe('a mirror', () => {
  const mirrored = (percent: number): TrafficRoute => ({
    name: 'copies',
    match: { service: 'shop' },
    mirror: { service: 'trial', percent },
  });

  it('gets copies of the least important class, with a trace of their own', async () => {
    const copies: Seen[] = [];
    const trial: http.RequestListener = (incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        copies.push({
          line: `${incoming.method} ${incoming.url}`,
          headers: incoming.headers as Record<string, string>,
          body: Buffer.concat(chunks).toString(),
        });
        response.end('dropped');
      });
    };
    const calls = await routed({ shop: [echo], trial: [trial] }, mirrored(100));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = {
      traceparent,
      'x-own': 'kept',
      connection: 'x-hop',
      'x-hop': 'gone',
      'content-length': '4',
    };
    const reply = await calls.call('shop', { method: 'POST', path: '/a?b', body: 'body', headers });
    expect((JSON.parse(reply.body) as Seen).body).toBe('body');
    await until(() => copies.length === 1);
    const [copy] = copies;
    expect([copy?.line, copy?.body]).toEqual(['POST /a?b', 'body']);
    expect(copy?.headers).toMatchObject({ host: 'trial', 'x-own': 'kept', 'x-priomesh-mirror': '1' });
    expect(copy?.headers['baggage']).toContain('priomesh.class=batch');
    expect(copy?.headers['traceparent']).not.toContain('0af7651916cd43dd8448eb211c80319c');
    expect(copy?.headers['x-hop']).toBeUndefined();
    expect(calls.counted('mirrored', 'trial')).toBe(1);
  });

  it("that fails or never answers is nobody's concern, and copies are bounded", async () => {
    let arrived = 0;
    const broken: http.RequestListener = (incoming) => {
      arrived += 1;
      if (arrived % 2 === 0) incoming.socket.resetAndDestroy();
    };
    const calls = await routed({ shop: [named('served')], trial: [broken] }, mirrored(100));
    for (let index = 0; index < 150; index += 1) expect((await calls.call('shop')).body).toBe('served');
    await until(() => arrived >= 64);
    expect(calls.counted('mirrored', 'trial') + calls.counted('mirrorsSkipped', 'trial')).toBe(150);
    expect(calls.counted('mirrorsSkipped', 'trial')).toBeGreaterThan(0);
  });

  it('that nobody serves changes nothing', async () => {
    const calls = await routed({ shop: [named('served')], trial: [1] }, mirrored(50));
    for (let index = 0; index < 40; index += 1) expect((await calls.call('shop')).body).toBe('served');
    const copies = calls.counted('mirrored', 'trial');
    expect(copies).toBeGreaterThan(5);
    expect(copies).toBeLessThan(35);
  });
});
