import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CONTROL_LIMITS, loadControlProtocol } from '../../../src/control-protocol/index.ts';
import { seededRandom } from '../../../src/core/index.ts';
import { dualPath, hintAbout } from '../../unit/control-plane/support.ts';
import { bridge, eventually, Opened, planeInside, sidecar } from './harness.ts';

const opened = new Opened();
afterEach(() => opened.close());

type Bytes = (bytes: Buffer) => Buffer;
const raw: Bytes = (bytes) => bytes;

/** How a stream that follows ends, with a request of these bytes: the status. */
async function watchStatus(target: string, request: Buffer | object): Promise<number> {
  const { grpc, watch } = await loadControlProtocol();
  const client = new grpc.Client(target, grpc.credentials.createInsecure());
  const bytes = Buffer.isBuffer(request) ? request : watch.requestSerialize(request as never);
  const call = client.makeServerStreamRequest(watch.path, raw, raw, bytes);
  call.on('data', () => call.cancel());
  const code = await new Promise<number>((resolve) =>
    call.on('error', (error: { code: number }) => resolve(error.code)),
  );
  client.close();
  return code;
}

/** How a stream of reports ends that sends one message of these bytes: the status, 0 for a good end. */
async function reportStatus(target: string, message: Buffer): Promise<number> {
  const { grpc, report } = await loadControlProtocol();
  const client = new grpc.Client(target, grpc.credentials.createInsecure());
  const code = await new Promise<number>((resolve) => {
    const call = client.makeClientStreamRequest(report.path, raw, raw, (error) => resolve(error?.code ?? 0));
    call.on('error', () => undefined);
    call.write(message);
    call.end();
  });
  client.close();
  return code;
}

/** That the plane still does its work. */
async function stillServes(target: string): Promise<void> {
  const own = new Opened();
  const report = bridge(own, target);
  report.topology(dualPath());
  const { told } = sidecar(own, target);
  await told.until(({ paths }) => paths.size > 0);
  report.hints([hintAbout('s1>s2', 1)]);
  await told.until(({ hints }) => hints.length > 0);
  await own.close();
}

describe('a control plane', () => {
  it('refuses who does not say properly who it is', async () => {
    const { target, statistics } = await planeInside(opened);
    const { status } = (await loadControlProtocol()).grpc;
    const sound = { service: 'shop', node: '10.0.0.1', instance: 'x' };
    const wrong = [
      { ...sound, service: 'Shop!' },
      { ...sound, node: 'here' },
      { ...sound, instance: 'x'.repeat(65) },
      { ...sound, endpoint: { host: 'here', port: 1 } },
      { ...sound, endpoint: { host: '10.0.0.1', port: 65_536 } },
    ];
    for (const one of wrong) expect(await watchStatus(target, one)).toBe(status.INVALID_ARGUMENT);
    expect(statistics()).toMatchObject({ watchesRefused: wrong.length, sidecars: 0, endpoints: 0 });
    expect(await watchStatus(target, sound)).toBe(status.CANCELLED);
  });

  it('lets as many follow and report as it is told, and no more', async () => {
    const { target, statistics } = await planeInside(opened, { maxSidecars: 2, maxReports: 1 });
    const { status } = (await loadControlProtocol()).grpc;
    for (const node of ['10.0.0.1', '10.0.0.2']) sidecar(opened, target, { node });
    bridge(opened, target);
    await eventually(() => statistics()['sidecars'] === 2 && statistics()['reports'] === 1);
    // All connections are taken: nobody else gets as far as to be refused by name.
    expect(await watchStatus(target, { service: 'shop', node: '10.0.0.3', instance: 'x' })).toBe(
      status.UNAVAILABLE,
    );
  });

  it('refuses by name who follows or reports one time too many on a connection that it has', async () => {
    const { target, statistics } = await planeInside(opened, { maxSidecars: 1, maxReports: 1 });
    const { grpc, watch, report } = await loadControlProtocol();
    const client = new grpc.Client(target, grpc.credentials.createInsecure());
    const request = { service: 'shop', node: '10.0.0.1', instance: 'x' };
    const { requestSerialize: ask, responseDeserialize: read } = watch;
    const first = client.makeServerStreamRequest(watch.path, ask, read, request);
    first.on('error', () => undefined);
    await once(first, 'data');
    const second = client.makeServerStreamRequest(watch.path, ask, read, request).resume();
    const [error] = await once(second, 'error').catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED });
    const { requestSerialize, responseDeserialize } = report;
    const ignore = (): void => undefined;
    const held = client.makeClientStreamRequest(report.path, requestSerialize, responseDeserialize, ignore);
    await once(held, 'metadata');
    const refused = await new Promise<number>((resolve) => {
      client
        .makeClientStreamRequest(report.path, requestSerialize, responseDeserialize, (fault) =>
          resolve(fault?.code ?? 0),
        )
        .on('error', ignore);
    });
    expect(refused).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(statistics()).toMatchObject({ watchesRefused: 1, reportsRefused: 1 });
    held.cancel();
    first.cancel();
    client.close();
  });

  it('lives through messages that are none, or too large', async () => {
    const { target, statistics } = await planeInside(opened);
    const { status } = (await loadControlProtocol()).grpc;
    const large = Buffer.alloc(CONTROL_LIMITS.messageBytes + 1);
    expect(await reportStatus(target, large)).toBe(status.RESOURCE_EXHAUSTED);
    const random = seededRandom(20_261);
    for (let round = 0; round < 200; round += 1) {
      const bytes = Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
      // Field 1 or 2 with a length that fits: the inside is what is broken.
      const message = Buffer.concat([Buffer.from([round % 2 === 0 ? 0x0a : 0x12, bytes.length]), bytes]);
      await reportStatus(target, round % 4 < 2 ? message : bytes);
      if (round % 10 === 0) await watchStatus(target, bytes);
    }
    expect(statistics()).toMatchObject({ hintsTaken: 0, links: 0 });
    await stillServes(target);
  });

  it('lives through connections that do not speak HTTP/2, or say nothing', async () => {
    const { target } = await planeInside(opened);
    const path = target.slice('unix:'.length);
    const silent = net.connect({ path });
    for (const text of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      '\0'.repeat(10_000),
      'PRI * HTTP/2.0\r\n\r\nxx',
    ]) {
      const socket = net.connect({ path });
      socket.on('error', () => undefined);
      socket.end(text);
      socket.resume();
      await once(socket, 'close');
    }
    await stillServes(target);
    silent.destroy();
  });
});
