import { mkdtemp, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { jsonLogger, seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type Reply, request, type TestServer, testPolicy, until } from '../harness.ts';
import { type ParsedFamily, parseOpenMetrics } from './open-metrics.ts';

let folder = '';
let application: TestServer;
let sidecar: Sidecar | undefined;
let logged: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-admin-'));
  application = await httpApplication((incoming, response) => {
    response.statusCode = incoming.url === '/batch/bad' ? 500 : 200;
    response.end('ok');
  });
  logged = [];
});

afterEach(async () => {
  await sidecar?.close();
  sidecar = undefined;
  await application.close();
  await rm(folder, { recursive: true, force: true });
});

function configOf(admin: SidecarConfig['admin']): SidecarConfig {
  const { port } = application;
  return {
    service: 'tested',
    policy: testPolicy(),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port },
      ingress: true,
    },
    outbound: {
      listen: { host: '127.0.0.1', port: 0 },
      upstreams: { service: { endpoints: [{ host: '127.0.0.1', port }], link: 'off' } },
    },
    ...(admin === undefined ? {} : { admin }),
  };
}

async function open(
  admin: SidecarConfig['admin'] = { listen: { host: '127.0.0.1', port: 0 } },
  next: () => SidecarConfig = () => configOf(admin),
) {
  sidecar = await startSidecar(configOf(admin), {
    random: seededRandom(1),
    logger: jsonLogger((line) => logged.push(line)),
    load: async () => ({ config: next(), files: [] }),
  });
  const port = sidecar.adminPort ?? 0;
  const ask = (method: string, where: string, options: http.RequestOptions & { body?: string } = {}) =>
    request(port, { method, path: where, ...options });
  return { ask, inbound: sidecar.inboundPort ?? 0, outbound: sidecar.outboundPort ?? 0 };
}

const parsed = ({ body }: Reply): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

function sampleOf(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: object,
): number | undefined {
  const family = families.get(name);
  return family?.samples.find((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}

describe('the admin API', () => {
  it('tells what runs, with what, and how it does', async () => {
    const { ask, inbound } = await open();
    await request(inbound, { path: '/batch/1' });
    expect(parsed(await ask('GET', '/ready'))).toMatchObject({ ready: true, phase: 'serving' });
    expect(parsed(await ask('GET', '/live'))).toEqual({ live: true });
    expect(parsed(await ask('GET', '/version'))).toMatchObject({ name: 'priomesh', version: '0.1.0' });
    expect(parsed(await ask('GET', '/config'))).toMatchObject({
      generation: 1,
      config: { service: 'tested' },
    });
    expect(parsed(await ask('GET', '/statistics'))).toMatchObject({
      inbound: { classes: { batch: { completed: 1 } } },
    });
    const endpoints = JSON.parse((await ask('GET', '/endpoints')).body) as {
      upstream: string;
      endpoints: object[];
    }[];
    expect(endpoints.map(({ upstream }) => upstream)).toEqual(['application', 'service']);
    expect(endpoints[0]?.endpoints[0]).toMatchObject({ eligible: true, inFlight: 0, connections: 1 });
    const paths = (JSON.parse((await ask('GET', '/')).body) as { path: string }[]).map((one) => one.path);
    expect(paths).toContain('/metrics');
  });

  it('answers nobody who could be a page in a browser, and nothing that it does not know', async () => {
    const { ask } = await open();
    const statusOf = async (method: string, where: string, headers: Record<string, string> = {}, body = '') =>
      (await ask(method, where, { headers, body })).status;
    expect(await statusOf('GET', '/live', { host: 'evil.example:80' })).toBe(421);
    expect(await statusOf('GET', '/live', { host: '127.0.0.1.evil.example' })).toBe(421);
    expect(await statusOf('GET', '/live', { host: '[::1]:9' })).toBe(200);
    expect(await statusOf('GET', '/live', { host: 'localhost' })).toBe(200);
    expect(await statusOf('POST', '/drain', { origin: 'http://127.0.0.1' })).toBe(403);
    expect(await statusOf('POST', '/drain', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusOf('GET', '/nothing')).toBe(404);
    expect(await statusOf('GET', '/drain')).toBe(405);
    expect(await statusOf('PUT', '/log-level', {}, 'x'.repeat(5000))).toBe(413);
    expect(await statusOf('GET', '/constructor')).toBe(404);
    expect(sidecar?.readiness().ready).toBe(true);
  });

  it('sets what is logged', async () => {
    const { ask } = await open();
    expect(parsed(await ask('GET', '/log-level'))).toEqual({ level: 'info' });
    expect((await ask('PUT', '/log-level', { body: '{"level":"loud"}' })).status).toBe(400);
    expect(parsed(await ask('PUT', '/log-level', { body: '{"level":"error"}' }))).toEqual({ level: 'error' });
    const before = logged.length;
    await ask('POST', '/reload');
    expect(logged.length).toBe(before);
  });

  it('reloads, and says what is wrong where it cannot', async () => {
    const admin = { listen: { host: '127.0.0.1', port: 0 } };
    let next = configOf(admin);
    const { ask } = await open(admin, () => next);
    next = { ...next, policy: testPolicy({ capacity: 5 }) };
    expect(parsed(await ask('POST', '/reload'))).toEqual({ generation: 2 });
    next = { ...next, service: 'another' };
    const refused = await ask('POST', '/reload');
    expect(refused.status).toBe(422);
    expect(parsed(refused)).toMatchObject({
      error: 'CONFIG_FIXED',
      message: expect.stringContaining('service'),
    });
    expect(logged.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['info', 'error']);
    const families = parseOpenMetrics((await ask('GET', '/metrics')).body);
    expect(sampleOf(families, 'priomesh_configuration_generation', {})).toBe(2);
    expect(sampleOf(families, 'priomesh_configuration_reloads', { result: 'refused' })).toBe(1);
  });

  it('drains, and goes on to tell of it', async () => {
    const { ask, inbound } = await open();
    expect((await ask('POST', '/drain')).status).toBe(202);
    await until(() => sidecar?.readiness().phase === 'drained');
    const ready = await ask('GET', '/ready');
    expect(ready.status).toBe(503);
    expect(parsed(ready)).toMatchObject({ ready: false, phase: 'drained', listening: { inbound: false } });
    expect((await ask('GET', '/live')).status).toBe(200);
    await expect(request(inbound)).rejects.toThrow();
  });

  it('listens on a Unix socket that is only for its owner', async () => {
    const socket = path.join(folder, 'admin.sock');
    await open({ socket });
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const reply = await new Promise<number>((resolve, reject) => {
      http
        .get({ socketPath: socket, path: '/live', agent: false }, (response) =>
          resolve(response.resume().statusCode ?? 0),
        )
        .on('error', reject);
    });
    expect(reply).toBe(200);
    await sidecar?.close();
    await expect(
      new Promise((resolve, reject) =>
        net.connect({ path: socket }, () => resolve(undefined)).on('error', reject),
      ),
    ).rejects.toThrow();
  });
});

describe('the metrics', () => {
  it('are OpenMetrics by the letter, and count what was done', async () => {
    const { ask, inbound, outbound } = await open();
    for (let index = 0; index < 5; index += 1) await request(inbound, { path: '/batch/1' });
    await request(inbound, { path: '/' });
    await request(outbound, { headers: { host: 'service' } });
    await request(outbound, { headers: { host: 'nowhere' } });
    await request(inbound, { headers: { 'content-length': '1', 'transfer-encoding': 'chunked' } }).catch(
      () => undefined,
    );
    const reply = await ask('GET', '/metrics');
    expect(reply.headers['content-type']).toContain('application/openmetrics-text; version=1.0.0');
    const families = parseOpenMetrics(reply.body);
    const batch = { side: 'inbound', class: 'batch' };
    expect(sampleOf(families, 'priomesh_requests', batch)).toBe(5);
    expect(sampleOf(families, 'priomesh_requests_ended', { ...batch, outcome: 'completed' })).toBe(5);
    expect(sampleOf(families, 'priomesh_request_duration_seconds', { ...batch, le: '+Inf' })).toBe(5);
    expect(sampleOf(families, 'priomesh_queue_wait_seconds', { ...batch, le: '0.000256' })).toBe(5);
    expect(sampleOf(families, 'priomesh_class_reasons', { side: 'inbound', reason: 'rule exports' })).toBe(5);
    expect(sampleOf(families, 'priomesh_own_answers', { side: 'outbound', code: 'NO_ROUTE' })).toBe(1);
    expect(sampleOf(families, 'priomesh_requests_in_flight', batch)).toBe(0);
    expect(sampleOf(families, 'priomesh_pool_connections', { upstream: 'application' })).toBe(1);
    expect(families.get('priomesh_refused_messages')?.samples.length).toBe(1);
    expect(families.get('process_cpu_seconds')?.unit).toBe('seconds');
    expect(
      families.get('priomesh_section')?.samples.some(({ labels }) => labels['section'] === 'links'),
    ).toBe(true);
    expect(families.size).toBeGreaterThan(30);
  });
});
