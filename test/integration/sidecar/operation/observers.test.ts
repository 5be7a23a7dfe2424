import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, request, type TestServer, testPolicy, until } from '../harness.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const MARKED = `00-${TRACE_ID}-${PARENT_ID}-01`;
const UNMARKED = `00-${TRACE_ID}-${PARENT_ID}-00`;

let folder = '';
let application: TestServer;
let sidecar: Sidecar | undefined;
let arrived: http.IncomingHttpHeaders[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-observers-'));
  arrived = [];
  application = await httpApplication((incoming, response) => {
    arrived.push(incoming.headers);
    response.statusCode = incoming.url?.startsWith('/bad') === true ? 503 : 200;
    response.end('ok');
  });
});

afterEach(async () => {
  await sidecar?.close();
  sidecar = undefined;
  await application.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(more: Partial<SidecarConfig>) {
  const { port } = application;
  const host = '127.0.0.1';
  sidecar = await startSidecar(
    {
      service: 'tested',
      policy: testPolicy(),
      layers: ['queue'],
      baselineCongestionControl: '',
      inbound: { listen: { host, port: 0 }, application: { host, port }, ingress: true },
      outbound: {
        listen: { host, port: 0 },
        upstreams: { service: { endpoints: [{ host, port }], link: 'off' } },
      },
      ...more,
    },
    { random: seededRandom(1) },
  );
  return { inbound: sidecar.inboundPort ?? 0, outbound: sidecar.outboundPort ?? 0 };
}

const section = (name: string) => sidecar?.statistics()[name] as Record<string, number>;

describe('the access log', () => {
  const linesOf = async (file: string): Promise<Record<string, unknown>[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('tells of each request in a line what became of it, and no query and no header', async () => {
    const file = path.join(folder, 'access.log');
    const { inbound, outbound } = await open({ accessLog: { file, flushMs: 10 } });
    await request(inbound, {
      path: '/batch/1?password=hunter2',
      headers: { authorization: 'hunter3', traceparent: MARKED },
    });
    await request(outbound, { path: '/x', headers: { host: 'Service:80' } });
    await request(outbound, { path: '/y', headers: { host: 'nowhere' } });
    await sidecar?.close();
    const lines = await linesOf(file);
    expect(lines).toMatchObject([
      {
        side: 'inbound',
        class: 'batch',
        reason: 'rule exports',
        method: 'GET',
        path: '/batch/1',
        status: 200,
        outcome: 'completed',
        queueWaitMs: 0,
        upstream: 'application',
        endpoint: `127.0.0.1:${application.port}`,
        traceId: TRACE_ID,
      },
      { side: 'outbound', to: 'service', path: '/x', status: 200, upstream: 'service' },
      { side: 'outbound', to: 'nowhere', path: '/y', status: 404, outcome: 'answered', code: 'NO_ROUTE' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter');
  });

  it('takes shares of classes, and all that ended badly', async () => {
    const file = path.join(folder, 'access.log');
    const { inbound } = await open({
      accessLog: { file, flushMs: 10, samplePercent: 100, classes: { batch: 0 }, query: true },
    });
    for (let index = 0; index < 20; index += 1) await request(inbound, { path: '/batch/1' });
    await request(inbound, { path: '/?a=1' });
    await request(inbound, { path: '/bad' });
    await sidecar?.close();
    expect(await linesOf(file)).toMatchObject([
      { class: 'interactive', path: '/', query: 'a=1' },
      { class: 'interactive', path: '/bad', status: 503, outcome: 'completed' },
    ]);
  });

  it('goes on in a new file when it was moved away', async () => {
    const file = path.join(folder, 'access.log');
    const { inbound } = await open({ accessLog: { file, flushMs: 10 } });
    await request(inbound, { path: '/one' });
    await until(() => (section('accessLog')['bytes'] ?? 0) > 0);
    await rename(file, `${file}.1`);
    sidecar?.reopen();
    await request(inbound, { path: '/two' });
    await sidecar?.close();
    expect(await linesOf(`${file}.1`)).toMatchObject([{ path: '/one' }]);
    expect(await linesOf(file)).toMatchObject([{ path: '/two' }]);
  });
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

describe('the spans', () => {
  let collector: TestServer;
  let spans: Span[];

  beforeEach(async () => {
    spans = [];
    collector = await httpApplication((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const sent = JSON.parse(Buffer.concat(chunks).toString()) as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
        };
        spans.push(
          ...sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
        );
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
  });

  afterEach(() => collector.close());

  const attribute = (span: Span | undefined, key: string): unknown =>
    Object.values(span?.attributes.find((one) => one.key === key)?.value ?? {})[0];

  it('are those of sampled traces, with the parent that came, and become the parent of what follows', async () => {
    const endpoint = `http://127.0.0.1:${collector.port}/v1/traces`;
    const { inbound, outbound } = await open({ traces: { endpoint, sampleRatio: 0 } });
    await request(inbound, { path: '/batch/1', headers: { traceparent: MARKED, tracestate: 'a=b' } });
    await request(inbound, { path: '/', headers: { traceparent: UNMARKED } });
    await request(inbound, { path: '/' });
    const [first, second, third] = arrived;
    const [, traceId = '', spanId = '', flags = ''] = String(first?.['traceparent']).split('-');
    expect([traceId, flags]).toEqual([TRACE_ID, '01']);
    expect(spanId).not.toBe(PARENT_ID);
    expect(first?.['tracestate']).toContain('a=b');
    // Where no span is reported, the parent that came is the parent.
    expect(second?.['traceparent']).toBe(UNMARKED);
    expect(String(third?.['traceparent'])).toMatch(/-0[02]$/);
    await request(outbound, {
      path: '/bad',
      headers: { host: 'service', traceparent: String(first?.['traceparent']) },
    });
    await sidecar?.close();
    expect(spans).toMatchObject([
      { traceId: TRACE_ID, spanId, parentSpanId: PARENT_ID, kind: 2, name: 'GET tested' },
      { traceId: TRACE_ID, parentSpanId: spanId, kind: 3, name: 'GET service', status: { code: 2 } },
    ]);
    const [served, called] = spans;
    expect(attribute(served, 'priomesh.class')).toBe('batch');
    expect(attribute(served, 'priomesh.rank')).toBe(5);
    expect(attribute(served, 'priomesh.reason')).toBe('rule exports');
    expect(attribute(served, 'priomesh.queue_wait_ms')).toBe(0);
    expect(attribute(served, 'http.response.status_code')).toBe(200);
    expect(attribute(called, 'http.response.status_code')).toBe(503);
    expect(attribute(called, 'server.address')).toBe('service');
    expect(BigInt(served?.endTimeUnixNano ?? 0)).toBeGreaterThan(BigInt(served?.startTimeUnixNano ?? 0));
  });

  it('are those of as many new traces as was asked for', async () => {
    const endpoint = `http://127.0.0.1:${collector.port}/v1/traces`;
    const { inbound } = await open({ traces: { endpoint, sampleRatio: 1 } });
    for (let index = 0; index < 10; index += 1) await request(inbound);
    expect(arrived.every(({ traceparent }) => String(traceparent).endsWith('-01'))).toBe(true);
    expect(new Set(arrived.map(({ traceparent }) => traceparent)).size).toBe(10);
    await until(() => section('traces')['exported'] === 10);
    await sidecar?.close();
    const known = arrived.map(({ traceparent }) => String(traceparent).slice(3, 52));
    expect(spans.map(({ traceId, spanId }) => `${traceId}-${spanId}`).sort()).toEqual(known.sort());
    expect(spans.every(({ parentSpanId = '' }) => parentSpanId === '')).toBe(true);
  });
});
