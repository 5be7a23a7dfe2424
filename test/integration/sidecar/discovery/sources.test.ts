import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type TestServer } from '../harness.ts';
import {
  at,
  caller,
  KeptLog,
  Load,
  type NameServer,
  namedApplication,
  nameServer,
  until,
} from './support.ts';

let opened: { close(): Promise<void> }[];
let load: Load | undefined;
let folder: string;

beforeEach(async () => {
  opened = [];
  folder = await mkdtemp(path.join(tmpdir(), 'pm-discovery-'));
});

afterEach(async () => {
  await load?.stop();
  load = undefined;
  for (const one of opened.reverse()) await one.close();
  await rm(folder, { recursive: true, force: true });
});

function keep<One extends { close(): Promise<void> }>(one: One): One {
  opened.push(one);
  return one;
}

const applications = async (...names: string[]): Promise<TestServer[]> =>
  Promise.all(names.map(async (name) => keep(await namedApplication(name))));

const discovered = (sidecar: Sidecar): Record<string, number> =>
  (sidecar.statistics()['discovery'] as { shop: Record<string, number> }).shop;

describe('endpoints from a file', () => {
  const file = (): string => path.join(folder, 'endpoints.yaml');
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${file()}.new`, text);
    await rename(`${file()}.new`, file());
  };

  it('follow the file; a bad one is named with its place and changes nothing', async () => {
    const [a, b] = await applications('a', 'b');
    const text = (...ports: (number | undefined)[]): string =>
      `endpoints:\n${ports.map((port) => `  - { host: 127.0.0.1, port: ${port} }\n`).join('')}`;
    await replace(text(a?.port));
    const log = new KeptLog();
    const sidecar = keep(await caller({ discovery: { file: file() } }, {}, log));
    await until(() => discovered(sidecar)['reads'] === 1);
    load = new Load(sidecar.outboundPort ?? 0, 2);
    await load.served(['a']);
    await replace(text(a?.port, b?.port));
    await load.served(['a', 'b']);
    await replace(text(b?.port));
    await until(() => discovered(sidecar)['reads'] === 3);
    await load.next(4);
    expect(await load.next(20)).toEqual(['b']);

    await replace('endpoints:\n  - { host: 127.0.0.1, port: 80, wieght: 3 }\n');
    await until(() => discovered(sidecar)['refused'] === 1);
    expect(await load.next(20)).toEqual(['b']);
    const said = log.lines.find(({ message }) => message.includes('is not used'));
    expect(said?.fields['place']).toBe(`${file()}:2:34`);
    await rm(file());
    await until(() => discovered(sidecar)['refused'] === 2);
    expect(await load.next(20)).toEqual(['b']);
    expect(load.failures).toEqual([]);
  });
});

describe('endpoints from names', () => {
  let names: NameServer;

  beforeEach(async () => {
    names = keep(await nameServer());
  });

  it('follow the addresses, and stay when the name is gone', async () => {
    // Loopback has more addresses than one.
    const [a] = await applications('a');
    names.addresses.set('shop.test', ['127.0.0.1']);
    const dns = {
      name: 'shop.test',
      record: 'address' as const,
      port: a?.port ?? 0,
      servers: [names.address],
      minTtlMs: 100,
      maxTtlMs: 200,
    };
    const sidecar = keep(await caller({ discovery: { dns } }));
    const size = (): unknown =>
      (sidecar.statistics()['upstreams'] as Record<string, Record<string, unknown>>)['shop']?.['endpoints'];
    await until(() => size() === 1);
    load = new Load(sidecar.outboundPort ?? 0, 1);
    await load.served(['a']);
    names.addresses.set('shop.test', ['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    await until(() => size() === 3);
    names.addresses.delete('shop.test');
    await until(() => (discovered(sidecar)['failures'] ?? 0) > 0);
    expect(size()).toBe(3);
    // Nobody listens at the other two: connecting fails, and another is tried.
    expect(await load.next(30)).toEqual(['a']);
    names.addresses.set('shop.test', []);
    const asked = names.questions;
    await until(() => names.questions > asked);
    expect(size()).toBe(3);
    expect(load.failures).toEqual([]);
  });

  it('follow SRV records with their ports', async () => {
    const [a, b] = await applications('a', 'b');
    names.addresses.set('node.test', ['127.0.0.1']);
    names.services.set('_http.shop.test', [{ target: 'node.test', port: a?.port ?? 0 }]);
    const dns = {
      name: '_http.shop.test',
      record: 'SRV' as const,
      servers: [names.address],
      maxTtlMs: 100,
      minTtlMs: 100,
    };
    const sidecar = keep(await caller({ endpoints: [], discovery: { dns } }));
    await until(() => (discovered(sidecar)['answers'] ?? 0) > 0);
    load = new Load(sidecar.outboundPort ?? 0, 2);
    await load.served(['a']);
    names.services.set('_http.shop.test', [
      { target: 'node.test', port: a?.port ?? 0 },
      { target: 'node.test', port: b?.port ?? 0 },
    ]);
    await load.served(['a', 'b']);
    expect(load.failures).toEqual([]);
  });
});

describe('endpoints that are checked', () => {
  it.each(['http', 'tcp'] as const)(
    'are left out while the %s check fails, and no request goes to them',
    async (kind) => {
      const [a] = await applications('a');
      const seen: string[] = [];
      let well = true;
      const b = keep(
        await httpApplication((incoming, response) => {
          if (incoming.url === '/health') {
            seen.push(String(incoming.headers['baggage']));
            response.statusCode = well ? 204 : 500;
            response.end();
          } else response.end('b');
        }),
      );
      const healthCheck = {
        kind,
        path: '/health',
        intervalMs: 40,
        timeoutMs: 1000,
        unhealthyAfter: 2,
        healthyAfter: 2,
      };
      const sidecar = keep(await caller({ endpoints: [at(a ?? { port: 0 }), at(b)], healthCheck }));
      const eligible = (): unknown =>
        (sidecar.statistics()['upstreams'] as Record<string, Record<string, unknown>>)['shop']?.['eligible'];
      const checks = (): number =>
        (sidecar.statistics()['upstreams'] as { shop: { healthChecks: { checks: number } } }).shop
          .healthChecks.checks;
      load = new Load(sidecar.outboundPort ?? 0, 2);
      await load.served(['a', 'b']);
      if (kind === 'tcp') {
        await until(() => checks() > 8);
        expect(eligible()).toBe(2);
        return;
      }
      well = false;
      await until(() => eligible() === 1);
      await load.next(4);
      expect(await load.next(30)).toEqual(['a']);
      well = true;
      await load.served(['a', 'b']);
      expect(seen[0]).toBe('priomesh.class=batch');
      expect(load.failures).toEqual([]);
    },
  );
});
