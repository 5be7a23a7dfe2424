import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../harness.ts';
import { type Calls, callsTo } from './support.ts';

let calls: Calls | undefined;

afterEach(async () => {
  await calls?.close();
  calls = undefined;
});

const HEDGE = { classes: ['interactive'], afterMs: 40, maxPercent: 50 };

/** Two endpoints: whoever gets a request first never answers it, and counts when it is cancelled; the other one answers. */
function stuckFirst() {
  const seen = { arrived: 0, closed: 0, attempts: [] as unknown[] };
  const handler: http.RequestListener = (incoming, response) => {
    seen.arrived += 1;
    seen.attempts.push(incoming.headers['x-priomesh-attempt']);
    if (seen.arrived % 2 === 1) incoming.socket.on('close', () => (seen.closed += 1));
    else response.end(`hedge ${incoming.method} ${incoming.url}`);
  };
  return { seen, handler };
}

describe('hedging', () => {
  it('sends a second attempt elsewhere, takes the answer that comes first, and cancels the other', async () => {
    const { seen, handler } = stuckFirst();
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge: HEDGE } } });
    const reply = await calls.call('service', { path: '/a' });
    expect(reply.body).toBe('hedge GET /a');
    await until(() => seen.closed === 1);
    expect(seen).toEqual({ arrived: 2, closed: 1, attempts: [undefined, '2'] });
    expect([calls.counted('hedges', 'service'), calls.counted('hedgesWon', 'service')]).toEqual([1, 1]);
  });

  it('closes the second attempt where the first is answered after all', async () => {
    let held: http.ServerResponse | undefined;
    let closed = 0;
    let arrived = 0;
    const handler: http.RequestListener = (incoming, response) => {
      arrived += 1;
      if (arrived === 1) held = response;
      else {
        incoming.socket.on('close', () => (closed += 1));
        held?.end('first');
      }
    };
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge: HEDGE } } });
    expect((await calls.call('service')).body).toBe('first');
    await until(() => closed === 1);
    expect([calls.counted('hedges', 'service'), calls.counted('hedgesWon', 'service')]).toEqual([1, 0]);
  });

  it('goes on with the second attempt where the first breaks', async () => {
    let first: http.IncomingMessage | undefined;
    let second: http.ServerResponse | undefined;
    const handler: http.RequestListener = (incoming, response) => {
      if (first === undefined) first = incoming;
      else {
        second = response;
        first.socket.resetAndDestroy();
      }
    };
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge: HEDGE } } });
    const reply = calls.call('service');
    await until(() => second !== undefined && first?.socket.destroyed === true);
    second?.end('second');
    expect((await reply).body).toBe('second');
  });

  it('never doubles a POST, a class that is not named, or a request with one endpoint only', async () => {
    const arrived: string[] = [];
    const handler: http.RequestListener = (incoming, response) => {
      arrived.push(incoming.url ?? '');
      setTimeout(() => response.end(), 150);
    };
    calls = await callsTo(
      { service: [handler, handler], single: [handler] },
      { services: { '*': { hedge: { ...HEDGE, afterMs: 1 } } } },
    );
    const batch = { baggage: 'priomesh.class=batch' };
    await Promise.all([
      calls.call('service', { method: 'POST', path: '/post', body: 'x' }),
      calls.call('service', { path: '/batch', headers: batch }),
      calls.call('single', { path: '/single' }),
    ]);
    expect(arrived.sort()).toEqual(['/batch', '/post', '/single']);
  });

  it('keeps to its share', async () => {
    let arrived = 0;
    const handler: http.RequestListener = (_incoming, response) => {
      arrived += 1;
      setTimeout(() => response.end(), 60);
    };
    const hedge = { ...HEDGE, afterMs: 1, maxPercent: 10 };
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge } } });
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => calls?.call('service')));
    }
    const hedges = calls.counted('hedges', 'service');
    // A tenth of forty, and one that is always allowed.
    expect(hedges).toBeGreaterThan(0);
    expect(hedges).toBeLessThanOrEqual(5);
    expect(arrived).toBe(40 + hedges);
    expect(calls.counted('hedgesOverBudget', 'service')).toBeGreaterThan(0);
  });

  it('waits as long as most answers took lately, and not at all before that is known', async () => {
    let arrived = 0;
    let stuck = false;
    const handler: http.RequestListener = (_incoming, response) => {
      arrived += 1;
      if (stuck) stuck = false;
      else response.end('ok');
    };
    const hedge = { classes: ['interactive'], afterQuantile: 0.9, maxPercent: 50 };
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge } } });
    for (let index = 0; index < 30; index += 1) await calls.call('service');
    const before = arrived;
    stuck = true;
    expect((await calls.call('service')).body).toBe('ok');
    expect(arrived).toBe(before + 2);
    expect(calls.counted('hedgesWon', 'service')).toBe(1);
  });

  it('leaves nothing behind when the caller goes', async () => {
    let closed = 0;
    let arrived = 0;
    const handler: http.RequestListener = (incoming) => {
      arrived += 1;
      incoming.socket.on('close', () => (closed += 1));
    };
    calls = await callsTo({ service: [handler, handler] }, { services: { service: { hedge: HEDGE } } });
    const { default: net } = await import('node:net');
    const socket = net.connect(calls.sidecar.outboundPort ?? 0, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: service\r\n\r\n');
    await until(() => arrived === 2);
    socket.destroy();
    await until(() => closed === 2);
    const { pools } = calls.sidecar.statistics()['outbound'] as { pools: { inFlight: number }[] };
    expect(pools.every(({ inFlight }) => inFlight === 0)).toBe(true);
  });
});
