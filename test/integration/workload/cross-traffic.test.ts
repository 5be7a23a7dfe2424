import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { PriomeshError, systemClock } from '../../../src/core/index.ts';
import { packetsDue, receiveCrossTraffic, sendCrossTraffic } from '../../../src/workload/cross-traffic.ts';
import { crossTrafficConfigSchema } from '../../../src/workload/cross-traffic-config.ts';

const FRAME_BITS = 12_000;

let stops: AbortController[] = [];
afterEach(() => {
  for (const one of stops) one.abort();
  stops = [];
});

function stopper(): AbortController {
  const one = new AbortController();
  stops.push(one);
  return one;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function flow(rateBps: number, durationMs: number) {
  const port = await freePort();
  const stop = stopper();
  const address = { host: '127.0.0.1', port };
  const listening = Promise.withResolvers<void>();
  const receiving = receiveCrossTraffic(
    { role: 'receive', name: 'flood', listen: address },
    { signal: stop.signal, onListening: listening.resolve },
  );
  await listening.promise;
  const originMs = systemClock.nowMs();
  const sent = await sendCrossTraffic(
    { role: 'send', name: 'flood', target: address, rateBps, originMs, startMs: 50, durationMs },
    { clock: systemClock, signal: stop.signal },
  );
  const tookMs = systemClock.nowMs() - originMs;
  stop.abort();
  return { sent, received: await receiving, tookMs };
}

describe('a flow of cross traffic', () => {
  it('sends what its rate asks for, and what was sent arrives', async () => {
    const { sent, received, tookMs } = await flow(12_000_000, 500);
    // Whatever the machine did meanwhile: each packet was sent or counted as left out.
    expect(sent.packets + sent.skipped).toBe((12_000_000 * 0.5) / FRAME_BITS);
    expect(sent.wireBytes).toBe(sent.packets * 1500);
    expect(received.packets).toBeGreaterThan(0);
    expect(received.packets).toBeLessThanOrEqual(sent.packets);
    expect(received.wireBytes).toBe(received.packets * 1500);
    expect(sent.refused).toBe(0);
    // Pacing never runs ahead of its rate.
    expect(tookMs).toBeGreaterThan(50 + 500 - 2);
  });

  it('goes on when nobody listens', async () => {
    const target = { host: '127.0.0.1', port: await freePort() };
    const sent = await sendCrossTraffic(
      {
        role: 'send',
        name: 'flood',
        target,
        rateBps: 1_200_000,
        originMs: systemClock.nowMs(),
        startMs: 0,
        durationMs: 200,
      },
      { clock: systemClock, signal: stopper().signal },
    );
    expect(sent.packets + sent.skipped).toBe(20);
  });

  it('ends early when it is told to, before it begins and while it lasts', async () => {
    const target = { host: '127.0.0.1', port: await freePort() };
    const config = {
      role: 'send',
      name: 'flood',
      target,
      rateBps: 1_200_000,
      durationMs: 3_600_000,
    } as const;
    const waiting = stopper();
    const never = sendCrossTraffic(
      { ...config, originMs: systemClock.nowMs(), startMs: 3_600_000 },
      { clock: systemClock, signal: waiting.signal },
    );
    waiting.abort();
    expect(await never).toMatchObject({ packets: 0 });
    const running = stopper();
    const lasting = sendCrossTraffic(
      { ...config, originMs: systemClock.nowMs(), startMs: 0 },
      { clock: systemClock, signal: running.signal },
    );
    setImmediate(() => running.abort());
    expect((await lasting).packets).toBeLessThan(100);
  });

  it('says where a sink cannot listen', async () => {
    const taken = createSocket('udp4');
    taken.bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const listen = { host: '127.0.0.1', port: taken.address().port };
    const failed = await receiveCrossTraffic(
      { role: 'receive', name: 'flood', listen },
      { signal: stopper().signal, onListening: () => {} },
    ).catch((error: unknown) => error);
    taken.close();
    expect(failed).toBeInstanceOf(PriomeshError);
    expect(failed).toMatchObject({ code: 'LISTEN_FAILED' });
  });
});

describe('what is due', () => {
  it('is the first packet at once, then one each frame time', () => {
    expect(packetsDue(12_000_000, -0.1)).toBe(0);
    expect(packetsDue(12_000_000, 0)).toBe(1);
    expect(packetsDue(12_000_000, 0.99)).toBe(1);
    expect(packetsDue(12_000_000, 1)).toBe(2);
  });
});

describe('the configuration of a flow', () => {
  const send = {
    role: 'send',
    name: 'flood',
    target: { host: '10.0.0.3', port: 9000 },
    rateBps: 1e6,
    originMs: 1,
    startMs: 0,
    durationMs: 10,
  };

  it.each([
    ['a rate of nothing', { ...send, rateBps: 0 }],
    ['a name for an address', { ...send, target: { host: 'right3', port: 9000 } }],
    ['no end', { ...send, durationMs: Number.POSITIVE_INFINITY }],
    ['an unknown role', { ...send, role: 'reflect' }],
    ['an unknown key', { ...send, burst: 1 }],
  ])('refuses %s', (_, config) => {
    expect(crossTrafficConfigSchema.safeParse(config).success).toBe(false);
  });

  it('takes what a trial writes', () => {
    expect(crossTrafficConfigSchema.safeParse(send).success).toBe(true);
  });
});
