import { afterEach, describe, expect, it } from 'vitest';
import { loadControlProtocol, type WatchResponse } from '../../../src/control-protocol/index.ts';
import { dualPath, hintAbout } from '../../unit/control-plane/support.ts';
import { bridge, eventually, Opened, PlaneProcess, planeInside, sidecar } from './harness.ts';

const opened = new Opened();
afterEach(() => opened.close());

describe('a hint', () => {
  it('goes from the bridge to every sidecar on whose ways the link lies', async () => {
    const plane = await planeInside(opened);
    const report = bridge(opened, plane.target);
    report.topology(dualPath());
    const near = sidecar(opened, plane.target).told;
    const far = sidecar(opened, plane.target, { node: '10.0.0.2' }).told;
    const stranger = sidecar(opened, plane.target, { node: '10.9.9.9' });
    await Promise.all([near, far].map((told) => told.until(({ paths }) => paths.size > 0)));
    expect(near.paths.get('10.0.0.2')?.map(({ id }) => id)).toEqual(['primary', 'secondary']);
    expect([...far.paths.keys()]).toEqual(['10.0.0.1', 'fd00::1', '10.0.0.3']);
    report.hints([hintAbout('s2>s1', 1)]);
    await Promise.all([near, far].map((told) => told.until(({ hints }) => hints.length > 0)));
    expect(near.hints[0]).toMatchObject({ link: 's2>s1', sequence: 1, classes: { batch: { level: 0.5 } } });
    expect(near.hints[0]?.ttlMs).toBeLessThanOrEqual(1000);
    expect(stranger.told.hints).toEqual([]);
  });

  it('is in the snapshot of who comes later, and is forgotten when the bridge is gone and its time has passed', async () => {
    const plane = await planeInside(opened);
    const report = bridge(opened, plane.target);
    report.topology(dualPath());
    report.hints([hintAbout('s1>s2', 1, { ttlMs: 30_000 }), hintAbout('s1>s3', 1, { ttlMs: 200 })]);
    await eventually(() => plane.statistics()['hintsTaken'] === 2);
    await report.close();
    await eventually(() => plane.statistics()['hintsHeld'] === 1);
    const { told } = sidecar(opened, plane.target);
    await told.until(({ hints }) => hints.length > 0);
    expect(told.hints.map(({ link }) => link)).toEqual(['s1>s2']);
    expect(told.hints[0]?.ttlMs).toBeLessThan(30_000);
  });

  it('does not wait in line for a sidecar that reads nothing: it gets the newest ones when it reads again', async () => {
    const plane = await planeInside(opened);
    const report = bridge(opened, plane.target);
    report.topology(dualPath());
    await eventually(() => plane.statistics()['topologies'] === 1);
    const { grpc, watch } = await loadControlProtocol();
    const client = new grpc.Client(plane.target, grpc.credentials.createInsecure());
    const request = { service: 'slow', node: '10.0.0.1', instance: '1' };
    const call = client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      watch.responseDeserialize,
      request,
    );
    call.on('error', () => undefined);
    const quick = sidecar(opened, plane.target).told;
    await new Promise((resolve) => call.once('data', resolve));
    call.pause();
    const rounds = 400;
    const links = dualPath().links.map(({ id }) => id);
    // Some 10 KB a round, 4 MB in all: more than buffers between two processes hold.
    const one = { level: 1, queueingDelayMs: 1, utilization: 1, lossRatio: 0 };
    const classes = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`c${'x'.repeat(25)}${n}`, one]));
    for (let sequence = 1; sequence <= rounds; sequence += 1) {
      report.hints(links.map((link) => hintAbout(link, sequence, { classes, ttlMs: 60_000 })));
      await quick.until((told) => told.newest('s1>s2')?.sequence === sequence);
    }
    const seen: number[] = [];
    call.on('data', ({ hints }: WatchResponse) => {
      for (const hint of hints?.hints ?? []) if (hint.link === 's1>s2') seen.push(hint.sequence);
    });
    call.resume();
    await eventually(() => seen.at(-1) === rounds);
    expect(seen.length).toBeLessThan(rounds / 2);
    expect(quick.hints.filter(({ link }) => link === 's1>s2')).toHaveLength(rounds);
    call.cancel();
    client.close();
  });
});

describe('the registry', () => {
  it('knows an endpoint for as long as its sidecar follows, and a grace', async () => {
    const configured = { host: '10.0.0.7', port: 7 };
    const plane = await planeInside(opened, { services: { cart: { endpoints: [configured] } } });
    const { told } = sidecar(opened, plane.target);
    const other = sidecar(opened, plane.target, {
      node: '10.0.0.2',
      endpoint: { host: '10.0.0.2', port: 80 },
    });
    await told.until(({ registry }) => registry.length === 2);
    expect(told.registry).toEqual([
      { service: 'cart', ...configured, healthy: true },
      { service: 'shop', host: '10.0.0.2', port: 80, healthy: true },
    ]);
    await other.stream.close();
    await told.until(({ registry }) => registry.length === 1);
    expect(told.registry).toEqual([{ service: 'cart', ...configured, healthy: true }]);
  });
});

describe('a control plane that dies', () => {
  it('is missed once by each who follows, and found again with all that it has to be told', async () => {
    const plane = await PlaneProcess.start(opened);
    const states: boolean[] = [];
    const report = bridge(opened, plane.target, (connected) => states.push(connected));
    report.topology(dualPath());
    const { told, stream } = sidecar(opened, plane.target);
    await told.until(({ paths }) => paths.size > 0);
    report.hints([hintAbout('s1>s2', 1)]);
    await told.until(({ hints }) => hints.length === 1);
    await plane.close();
    await told.until(({ losses }) => losses === 1);
    expect(stream.statistics()).toMatchObject({ connected: false, losses: 1 });
    // The socket file of the one that was killed still stands there.
    await plane.start();
    await eventually(() => stream.statistics()['connected'] === true);
    await eventually(() => report.statistics()['connected'] === true);
    report.hints([hintAbout('s1>s2', 2)]);
    await told.until(({ hints }) => hints.length === 2);
    expect(told.losses).toBe(1);
    expect(states).toEqual([true, false, true]);
  });

  it('or that stands still is missed for its silence, and found when it goes on', async () => {
    const plane = await PlaneProcess.start(opened, { keepaliveMs: 100 });
    const { told, stream } = sidecar(opened, plane.target);
    await eventually(() => stream.statistics()['connected'] === true);
    plane.signal('SIGSTOP');
    await told.until(({ losses }) => losses === 1);
    plane.signal('SIGCONT');
    await eventually(() => stream.statistics()['connected'] === true);
  });

  it('does not hold up a sidecar that ends, whether it is there or not', async () => {
    const plane = await planeInside(opened);
    const here = sidecar(opened, plane.target);
    await eventually(() => here.stream.statistics()['connected'] === true);
    const nowhere = sidecar(opened, 'unix:/nowhere/at-all.sock');
    await Promise.all([here.stream.close(), nowhere.stream.close(), nowhere.stream.close()]);
    expect(here.told.losses).toBe(0);
    await eventually(() => plane.statistics()['sidecars'] === 0);
  });
});
