import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrafficSettings } from '../../../../src/core/index.ts';
import { httpApplication, type Reply, request, sidecarBefore, until } from '../harness.ts';
import { type Calls, callsTo, countedIn, trafficPolicy } from './support.ts';

const closing: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

async function opened(...parts: Parameters<typeof callsTo>): Promise<Calls> {
  const calls = await callsTo(...parts);
  closing.push(calls);
  return calls;
}

/** An application that answers when it is told to. */
function held() {
  const waiting: http.ServerResponse[] = [];
  const handler: http.RequestListener = (_incoming, response) => waiting.push(response);
  return { waiting, handler };
}

const BATCH = { baggage: 'priomesh.class=batch' };
const outcome = ({ status, headers }: Reply) => [status, headers['x-priomesh-error']];

describe('a circuit', () => {
  it('turns away what is beyond its requests, for each class by itself', async () => {
    const { waiting, handler } = held();
    const calls = await opened(
      { service: [handler] },
      { services: { service: { circuits: [{ classes: ['batch'], maxRequests: 1 }, { maxRequests: 2 }] } } },
    );
    const running = [calls.call('service', { headers: BATCH }), calls.call('service'), calls.call('service')];
    await until(() => waiting.length === 3);
    expect(outcome(await calls.call('service', { headers: BATCH }))).toEqual([503, 'CIRCUIT_REQUESTS']);
    expect(outcome(await calls.call('service'))).toEqual([503, 'CIRCUIT_REQUESTS']);
    for (const response of waiting.splice(0)) response.end();
    await Promise.all(running);
    const again = calls.call('service', { headers: BATCH });
    await until(() => waiting.length === 1);
    waiting[0]?.end();
    expect((await again).status).toBe(200);
    expect(calls.counted('CIRCUIT_REQUESTS', 'service', 'batch')).toBe(1);
    expect(calls.counted('CIRCUIT_REQUESTS', 'service', 'interactive')).toBe(1);
  });

  it('turns away who would wait for a connection', async () => {
    const { waiting, handler } = held();
    const calls = await opened(
      { service: [handler] },
      { services: { service: { maxConnections: 1, circuits: [{ maxPending: 1 }] } } },
    );
    const first = calls.call('service');
    await until(() => waiting.length === 1);
    const outbound = () => calls.sidecar.statistics()['outbound'] as { pools: { waiting: number }[] };
    const second = calls.call('service');
    await until(() => outbound().pools[0]?.waiting === 1);
    expect(outcome(await calls.call('service'))).toEqual([503, 'CIRCUIT_PENDING']);
    waiting[0]?.end('1');
    await until(() => waiting.length === 2);
    waiting[1]?.end('2');
    expect([(await first).body, (await second).body]).toEqual(['1', '2']);
  });

  it('opens when too many fail, lets one through after a while, and closes when that succeeds', async () => {
    let arrived = 0;
    let status = 500;
    const calls = await opened(
      {
        service: [
          (_incoming, response) => {
            arrived += 1;
            response.writeHead(status).end();
          },
        ],
      },
      {
        services: {
          service: {
            circuits: [{ failures: { percent: 50, minRequests: 4, windowMs: 60_000, openMs: 1, probes: 1 } }],
          },
        },
      },
    );
    for (let index = 0; index < 4; index += 1) expect((await calls.call('service')).status).toBe(500);
    expect(calls.counted('circuitsOpened', 'service')).toBe(1);
    // The probe fails: it opens again at once, with no new window.
    await until(() => arrived >= 4);
    const probe = await calls.call('service');
    expect([500, 503]).toContain(probe.status);
    status = 200;
    let reply = await calls.call('service');
    while (reply.status !== 200) reply = await calls.call('service');
    const before = arrived;
    status = 500;
    for (let index = 0; index < 3; index += 1) expect((await calls.call('service')).status).toBe(500);
    expect(arrived).toBe(before + 3);
  });

  it('sends nothing while it is open', async () => {
    let arrived = 0;
    const calls = await opened(
      {
        service: [
          (_incoming, response) => {
            arrived += 1;
            response.writeHead(500).end();
          },
        ],
      },
      {
        services: {
          service: {
            circuits: [
              { failures: { percent: 50, minRequests: 4, windowMs: 60_000, openMs: 600_000, probes: 1 } },
            ],
          },
        },
      },
    );
    for (let index = 0; index < 20; index += 1) await calls.call('service');
    expect(arrived).toBe(4);
    expect(outcome(await calls.call('service'))).toEqual([503, 'CIRCUIT_OPEN']);
    // The other class has a circuit of its own.
    expect((await calls.call('service', { headers: BATCH })).status).toBe(500);
    expect(arrived).toBe(5);
  });
});

describe('what opens a circuit', () => {
  const failures = { percent: 50, minRequests: 2, windowMs: 60_000, openMs: 600_000, probes: 1 };

  it('is a service that takes longer than it may, and not a caller that gives no time', async () => {
    const { handler } = held();
    const calls = await opened(
      { service: [handler] },
      {
        deadlines: { header: 'x-request-timeout-ms' },
        services: { service: { timeouts: { requestMs: 60 }, circuits: [{ failures }] } },
      },
    );
    const hasty = { 'x-request-timeout-ms': '20' };
    for (let index = 0; index < 4; index += 1) {
      expect(outcome(await calls.call('service', { headers: hasty }))).toEqual([504, 'DEADLINE_EXCEEDED']);
    }
    for (let index = 0; index < 2; index += 1) {
      expect(outcome(await calls.call('service'))).toEqual([504, 'DEADLINE_EXCEEDED']);
    }
    expect(outcome(await calls.call('service'))).toEqual([503, 'CIRCUIT_OPEN']);
  });
});

describe('a bulkhead', () => {
  it('keeps a class from holding all that goes to a service', async () => {
    const { waiting, handler } = held();
    const calls = await opened(
      { service: [handler] },
      { services: { service: { bulkhead: { concurrency: 4, sharePercent: { batch: 50 } } } } },
    );
    const batch = [1, 2].map(() => calls.call('service', { headers: BATCH }));
    await until(() => waiting.length === 2);
    expect(outcome(await calls.call('service', { headers: BATCH }))).toEqual([503, 'BULKHEAD_FULL']);
    const interactive = [1, 2].map(() => calls.call('service'));
    await until(() => waiting.length === 4);
    expect(outcome(await calls.call('service'))).toEqual([503, 'BULKHEAD_FULL']);
    for (const response of waiting.splice(0)) response.end();
    for (const { status } of await Promise.all([...batch, ...interactive])) expect(status).toBe(200);
    const again = calls.call('service', { headers: BATCH });
    await until(() => waiting.length === 1);
    waiting[0]?.end();
    expect((await again).status).toBe(200);
  });
});

describe('a rate limit', () => {
  async function limited(traffic: TrafficSettings) {
    const application = await httpApplication((_incoming, response) => response.end('ok'));
    const sidecar = await sidecarBefore(application.port, { policy: trafficPolicy(traffic) });
    closing.push(sidecar, application);
    const statusOf = async (path: string, tenant: string) =>
      (await request(sidecar.inboundPort ?? 0, { path, headers: { 'x-tenant': tenant } })).status;
    return { sidecar, port: sidecar.inboundPort ?? 0, statusOf };
  }

  const limit = {
    name: 'exports',
    classes: ['batch'],
    tenant: { header: 'X-Tenant' },
    perSecond: 0.001,
    burst: 3,
    maxTenants: 2,
  } as const;

  it('lets each tenant of a class have its burst, and answers the rest 429', async () => {
    const { sidecar, port, statusOf } = await limited({ rateLimits: [limit] });
    const seen: number[] = [];
    for (let index = 0; index < 5; index += 1) seen.push(await statusOf('/batch/x', 'one'));
    expect(seen).toEqual([200, 200, 200, 429, 429]);
    expect(await statusOf('/batch/x', 'two')).toBe(200);
    expect(await statusOf('/page', 'one')).toBe(200);
    const reply = await request(port, { path: '/batch/x', headers: { 'x-tenant': 'one' } });
    expect(outcome(reply)).toEqual([429, 'RATE_LIMITED']);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(reply.body)).toMatchObject({ error: 'RATE_LIMITED', class: 'batch' });
    expect(countedIn(sidecar, 'inboundTraffic', 'rateLimited', 'exports', 'batch')).toBe(3);
    // A third tenant: the one seen longest ago is forgotten, and begins anew.
    expect(await statusOf('/batch/x', 'three')).toBe(200);
    expect(countedIn(sidecar, 'inboundTraffic', 'tenantsForgotten', 'exports', 'batch')).toBe(1);
  });

  it('may stand in front of another service only', async () => {
    const { statusOf } = await limited({ rateLimits: [{ ...limit, service: 'elsewhere', burst: 1 }] });
    for (let index = 0; index < 3; index += 1) expect(await statusOf('/batch/x', 'one')).toBe(200);
  });
});

describe('another policy', () => {
  it('holds for the requests that begin under it, and counting goes on', async () => {
    const { waiting, handler } = held();
    const faults = [{ name: 'always', match: {}, percent: 100, abort: 503 }];
    const calls = await opened({ service: [handler] }, { faults });
    expect((await calls.call('service')).status).toBe(503);
    await calls.sidecar.reload({ ...calls.config, policy: trafficPolicy({}) });
    const under = calls.call('service');
    await until(() => waiting.length === 1);
    await calls.sidecar.reload({ ...calls.config, policy: trafficPolicy({ faults }) });
    expect((await calls.call('service')).status).toBe(503);
    waiting[0]?.end('as it began');
    expect((await under).body).toBe('as it began');
    expect(calls.counted('faults', 'always')).toBe(2);
  });
});

describe('a fault', () => {
  it('aborts and delays the share that it says, of the classes and requests that it names', async () => {
    let arrived = 0;
    const calls = await opened(
      {
        service: [
          (_incoming, response) => {
            arrived += 1;
            response.end('ok');
          },
        ],
      },
      {
        faults: [
          { name: 'half', match: { service: 'service', path: '/half' }, percent: 50, abort: 418 },
          { name: 'reset', match: { path: '/reset' }, percent: 100, abort: 'reset' },
          {
            name: 'slow',
            match: { path: '/slow' },
            classes: ['batch'],
            percent: 100,
            delayMs: 40,
            abort: 500,
          },
          { name: 'late', match: { path: '/late' }, percent: 100, delayMs: 30 },
          { name: 'never', match: { path: '/never' }, percent: 0, abort: 500 },
        ],
      },
    );
    let aborted = 0;
    for (let index = 0; index < 100; index += 1) {
      if ((await calls.call('service', { path: '/half' })).status === 418) aborted += 1;
    }
    expect(aborted).toBeGreaterThan(25);
    expect(aborted).toBeLessThan(75);
    expect(arrived).toBe(100 - aborted);
    expect(calls.counted('faults', 'half')).toBe(aborted);
    await expect(calls.call('service', { path: '/reset' })).rejects.toThrow();
    expect(outcome(await calls.call('service', { path: '/slow', headers: BATCH }))).toEqual([
      500,
      'FAULT_INJECTED',
    ]);
    expect(arrived).toBe(100 - aborted);
    for (const path of ['/slow', '/late', '/never', '/other']) {
      expect((await calls.call('service', { path })).status).toBe(200);
    }
    expect(arrived).toBe(104 - aborted);
    expect(calls.counted('faults', 'late')).toBe(1);
  });
});
