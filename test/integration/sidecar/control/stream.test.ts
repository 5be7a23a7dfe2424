import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { CONTROL_LIMITS, type WatchRequest, writeHint } from '../../../../src/control-protocol/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import { hintAbout } from '../../../unit/control-plane/support.ts';
import { eventually, Opened, sidecar } from '../../control-plane/harness.ts';
import { HandClock, scriptedPlane } from './double.ts';

const SOURCES = new URL('../../../../src', import.meta.url).pathname;
const opened = new Opened();
afterEach(() => opened.close());

const snapshot = (keepaliveMs = 1000) => ({ snapshot: { epoch: 1, keepaliveMs } });
const hints = (...sequences: number[]) => ({
  hints: { hints: sequences.map((sequence) => writeHint(hintAbout('s1>s2', sequence), 100)) },
});

describe('the stream of a sidecar', () => {
  it('says who it is, the same on every stream', async () => {
    const asked: WatchRequest[] = [];
    const plane = await scriptedPlane((call, say) => {
      asked.push(call.request);
      say(snapshot());
      call.end();
    });
    opened.add(plane);
    const endpoint = { host: 'fd00::1', port: 8080 };
    const { told } = sidecar(opened, plane.target, { node: 'fd00::1', endpoint });
    await told.until(({ losses }) => losses === 2);
    expect(asked[0]).toMatchObject({ service: 'shop', node: 'fd00::1', endpoint });
    expect(asked[1]).toEqual(asked[0]);
  });

  it('does not believe what comes before a snapshot, nor what is not well-formed', async () => {
    const plane = await scriptedPlane((_call, say) => {
      say(hints(1));
      say(snapshot());
      say({ hints: { hints: [{ ...writeHint(hintAbout('s1>s2', 2), 100), ttlMs: Number.NaN }] } });
      say(hints(3));
    });
    opened.add(plane);
    const { told, stream } = sidecar(opened, plane.target);
    await told.until(() => told.hints.length > 0);
    expect(told.hints.map(({ sequence }) => sequence)).toEqual([3]);
    expect(stream.statistics()).toMatchObject({ hintsDropped: 1, hints: 1 });
  });

  it('lives through bytes that are no messages, and messages that are too large, and tries again', async () => {
    const random = seededRandom(7);
    const streams = 40;
    let count = 0;
    const plane = await scriptedPlane((call, say) => {
      count += 1;
      say(snapshot());
      if (count === streams) say(hints(1));
      else if (count % 8 === 0) call.write(Buffer.alloc(CONTROL_LIMITS.messageBytes + 1));
      else call.write(Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256))));
      if (count < streams) call.end();
    });
    opened.add(plane);
    const clock = new HandClock();
    const { told, stream } = sidecar(opened, plane.target, { clock });
    // Between two streams it sleeps for the back-off alone; while it follows, for as long as it may be silent.
    while (told.hints.length === 0) {
      await eventually(() => told.hints.length > 0 || stream.statistics()['connected'] === false);
      clock.advance(200);
    }
    expect(count).toBe(streams);
    expect(told.losses).toBe(streams - 1);
  });

  it('gives up a peer that accepts and says nothing, and one that falls silent', async () => {
    const clock = new HandClock();
    const peers: net.Socket[] = [];
    const silent = net.createServer((socket) => {
      peers.push(socket);
      socket.on('error', () => undefined).resume();
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as net.AddressInfo;
    const first = sidecar(opened, `127.0.0.1:${port}`, { clock });
    await eventually(() => peers.length === 1);
    clock.advance(5000);
    // A moment to catch up, then the back-off.
    for (const mostMs of [100, 300]) {
      await eventually(() => clock.asleepMs.some((ms) => ms <= mostMs));
      clock.advance(mostMs);
    }
    await eventually(() => peers.length === 2);
    expect(first.told.losses).toBe(0);
    await first.stream.close();
    for (const peer of peers) peer.destroy();
    silent.close();

    const plane = opened.add(await scriptedPlane((_call, say) => say(snapshot(1000))));
    const second = sidecar(opened, plane.target, { clock });
    await eventually(() => clock.asleepMs.includes(3000));
    clock.advance(3000);
    await eventually(() => clock.asleepMs.includes(100));
    expect(second.told.losses).toBe(0);
    clock.advance(100);
    await second.told.until(({ losses }) => losses === 1);
  });

  it('loads gRPC when it is opened, and not when its code is', async () => {
    const script = `
      import { Module } from 'node:module';
      const grpc = () => Object.keys(Module._cache).filter((file) => file.includes('grpc-js')).length;
      await import('${SOURCES}/sidecar/control/index.ts');
      await import('${SOURCES}/control-plane/index.ts');
      const before = grpc();
      await (await import('${SOURCES}/control-protocol/index.ts')).loadControlProtocol();
      console.log(before, grpc() > 0);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout.trim()).toBe('0 true');
  });
});
