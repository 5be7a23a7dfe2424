import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, request, sidecarBefore, type TestServer, until } from '../harness.ts';
import { load } from './load.ts';

let application: TestServer | undefined;
const sidecars: Sidecar[] = [];

afterEach(async () => {
  await Promise.all(sidecars.splice(0).map((one) => one.close()));
  await application?.close();
});

async function opened(drainDelayMs: number): Promise<Sidecar> {
  const sidecar = await sidecarBefore(application?.port ?? 0, { limits: { drainDelayMs } });
  sidecars.push(sidecar);
  return sidecar;
}

describe('a sidecar that takes its leave', () => {
  it('is not ready at once, serves on, asks to be left, and loses no request of those who do', async () => {
    application = await httpApplication((_incoming, response) => {
      setTimeout(() => response.writeHead(200, { 'content-length': 2 }).end('ok'), 2);
    });
    for (let round = 0; round < 3; round += 1) {
      const [going, staying] = [await opened(150), await opened(0)];
      // As a balancer does: new connections go to who is ready, old ones are used until they are closed.
      const clients = load(16, () => {
        const to = going.readiness().ready ? going : staying;
        return { port: to.inboundPort ?? 0, path: '/' };
      });
      const stuck = load(8, () =>
        going.readiness().phase === 'drained' ? undefined : { port: going.inboundPort ?? 0, path: '/' },
      );
      await until(() => clients.seen.completed > 200 && stuck.seen.completed > 100);
      const drained = going.drain();
      expect(going.readiness()).toMatchObject({
        ready: false,
        phase: 'draining',
        listening: { inbound: true },
      });
      await stuckAre(going, stuck);
      await drained;
      expect(going.readiness()).toMatchObject({ phase: 'drained', listening: { inbound: false } });
      const after = clients.seen.completed;
      await until(() => clients.seen.completed > after + 100);
      await clients.stop();
      expect(clients.seen).toMatchObject({ failed: 0, why: [] });
      expect(stuck.seen).toMatchObject({ failed: 0, why: [] });
    }
  });

  it('says with each response that it is the last one on its connection', async () => {
    application = await httpApplication((_incoming, response) => response.end('ok'));
    const sidecar = await opened(200);
    const port = sidecar.inboundPort ?? 0;
    const headers = { connection: 'keep-alive' };
    expect((await request(port, { headers })).headers.connection).not.toBe('close');
    const drained = sidecar.drain();
    const told = await request(port, { headers });
    expect(told).toMatchObject({ status: 200, body: 'ok' });
    expect(told.headers.connection).toBe('close');
    await drained;
    await expect(request(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

/** Those who come to one that leaves, for as long as they are let in, are served; they go before it closes. */
async function stuckAre(going: Sidecar, stuck: ReturnType<typeof load>): Promise<void> {
  const before = stuck.seen.completed;
  await until(() => stuck.seen.completed > before + 10 || going.readiness().phase !== 'draining');
  expect(stuck.seen.completed).toBeGreaterThan(before + 10);
  await stuck.stop();
}
