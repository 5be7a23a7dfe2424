import { once } from 'node:events';
import grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { sidecarBefore, type TestServer, type TestSidecarOptions, testPolicy, until } from '../harness.ts';
import { ECHO, echoClient, echoService, unary } from './grpc-service.ts';
import { classOf, sideOf } from './harness.ts';

const toEnd: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function started<T extends TestServer | Sidecar>(starting: Promise<T>): Promise<T> {
  const one = await starting;
  toEnd.push(() => one.close());
  return one;
}

/** Client, outbound sidecar, inbound sidecar, service. */
async function chain(host: string, options: TestSidecarOptions = {}) {
  const service = await started(echoService(host));
  const near = await started(sidecarBefore(service.port, { host, ...options }));
  const far = await started(
    sidecarBefore(service.port, { host, endpoints: [{ host, port: near.inboundPort ?? 0 }] }),
  );
  const client = echoClient(far.outboundPort ?? 0, host);
  toEnd.push(() => client.close());
  return { service, near, far, client };
}

describe.each(['127.0.0.1', '::1'])('gRPC through two sidecars on %s', (host) => {
  it('carries calls of all four kinds', async () => {
    const { client, near, far } = await chain(host);
    const same = (bytes: Buffer): Buffer => bytes;
    expect((await unary(client, ECHO.unary, Buffer.from('hello'))).toString()).toBe('hello');

    const down = client.makeServerStreamRequest(ECHO.down.path, same, same, Buffer.from('m'));
    const messages: Buffer[] = [];
    down.on('data', (message: Buffer) => messages.push(message));
    await once(down, 'end');
    expect(messages).toEqual(Array.from({ length: 100 }, (_, index) => Buffer.of(0x6d, index)));

    const counted = new Promise<Buffer>((resolve, reject) => {
      const up = client.makeClientStreamRequest(ECHO.up.path, same, same, (error, value) =>
        error === null ? resolve(value as Buffer) : reject(error),
      );
      for (let index = 0; index < 50; index += 1) up.write(Buffer.alloc(10_000));
      up.end();
    });
    expect((await counted).toString()).toBe('500000');

    const both = client.makeBidiStreamRequest(ECHO.both.path, same, same);
    for (const word of ['one', 'two', 'three']) {
      both.write(Buffer.from(word));
      const [message] = (await once(both, 'data')) as [Buffer];
      expect(message.toString()).toBe(word);
    }
    const status = once(both, 'status');
    both.end();
    expect(((await status) as [grpc.StatusObject])[0].code).toBe(grpc.status.OK);
    for (const [sidecar, side] of [
      [near, 'inbound'],
      [far, 'outbound'],
    ] as const) {
      expect(classOf(sidecar, 'interactive', side).grpcStatus).toEqual({ '0': 4 });
    }
  });
});

describe('gRPC', () => {
  it('is classified by service and method, and carries its class', async () => {
    const policy = testPolicy();
    const [rule] = policy.ingress.rules;
    if (rule === undefined) throw new Error('the policy has a rule');
    const { client, near, service } = await chain('127.0.0.1', {
      policy: {
        ...policy,
        ingress: {
          ...policy.ingress,
          rules: [{ ...rule, match: { grpc: 'test.Echo/Unary' } }],
        },
      },
    });
    await unary(client, ECHO.unary, Buffer.from('x'));
    expect(classOf(near, 'batch').completed).toBe(1);
    expect(String(service.seen.metadata[0]?.get('tracestate'))).toContain('c:batch');
  });

  it('passes a status and its message on, and counts it', async () => {
    const { client, near } = await chain('127.0.0.1');
    await expect(unary(client, ECHO.fails, Buffer.of())).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'nothing here',
    });
    expect(classOf(near).grpcStatus).toEqual({ [grpc.status.NOT_FOUND]: 1 });
  });

  it('passes the time that is left on as the deadline', async () => {
    const { client, service } = await chain('127.0.0.1');
    const deadline = Date.now() + 60_000;
    await unary(client, ECHO.unary, Buffer.from('x'), { deadline });
    const seen = Number(service.seen.deadlines[0]);
    expect(Math.abs(seen - deadline)).toBeLessThan(20_000);
    expect(seen).not.toBe(Number.POSITIVE_INFINITY);
  });

  it('ends what its caller gives up', async () => {
    const { client, service, near } = await chain('127.0.0.1');
    await expect(
      unary(client, ECHO.silent, Buffer.of(), { deadline: Date.now() + 100 }),
    ).rejects.toMatchObject({
      code: grpc.status.DEADLINE_EXCEEDED,
    });
    await until(() => service.seen.cancelled === 1);
    await until(() => classOf(near).inFlight === 0);
    const same = (bytes: Buffer): Buffer => bytes;
    const both = client.makeBidiStreamRequest(ECHO.both.path, same, same);
    both.on('error', () => undefined);
    both.write(Buffer.from('a'));
    await once(both, 'data');
    both.cancel();
    await until(() => service.seen.cancelled === 2);
  });

  it('is answered with a status of its own where the sidecar answers', async () => {
    const { client, service, near } = await chain('127.0.0.1', {
      policy: testPolicy({ concurrency: 1, capacity: 1 }),
    });
    const held = [1, 2].map(() =>
      unary(client, ECHO.silent, Buffer.of(), { deadline: Date.now() + 2000 }).catch((error) => error),
    );
    await until(() => classOf(near).queued === 1);
    await expect(unary(client, ECHO.unary, Buffer.of())).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: 'the request queue is full',
    });
    expect(classOf(near).grpcStatus).toEqual({ [grpc.status.RESOURCE_EXHAUSTED]: 1 });
    expect(sideOf(near)['answers']).toEqual({ QUEUE_FULL: 1 });
    for (const error of await Promise.all(held))
      expect(error).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    await service.close();
    await expect(unary(client, ECHO.unary, Buffer.of())).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
  });
});
