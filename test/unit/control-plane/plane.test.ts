import { describe, expect, it } from 'vitest';
import { CONTROL_LIMITS, writeHint, writeTopology } from '../../../src/control-protocol/index.ts';
import { dualPath, heldPlane, hintAbout } from './support.ts';

const topology = () => ({ topology: writeTopology(dualPath()) });
const linksOf = (message: { hints?: { hints: readonly { link: string }[] } | null } | undefined) =>
  message?.hints?.hints.map(({ link }) => link);

describe('who follows the control plane', () => {
  it('is given all that concerns it at once, with what is left of the time to live', async () => {
    const { plane, clock, follow, tell } = await heldPlane({
      services: { cart: { endpoints: [{ host: '10.0.0.2', port: 80 }] } },
    });
    plane.report(topology());
    tell(hintAbout('s1>s2', 1));
    clock.ms += 400;
    const [message, ...more] = follow('10.0.0.1', 8080).sink.news();
    expect(more).toEqual([]);
    expect(message?.snapshot?.epoch).toBe(1000);
    expect(message?.snapshot?.keepaliveMs).toBe(2000);
    expect(message?.snapshot?.paths?.groups).toMatchObject([
      { peers: ['10.0.0.2'], paths: [{ id: 'primary' }, { id: 'secondary' }] },
    ]);
    expect(message?.snapshot?.hints?.hints).toMatchObject([{ link: 's1>s2', sequence: 1, ttlMs: 600 }]);
    expect(message?.snapshot?.registry?.endpoints.map(({ service, port }) => [service, port])).toEqual([
      ['cart', 80],
      ['shop', 8080],
    ]);
  });

  it('gets each hint about its links, and none about others', async () => {
    const { plane, follow, tell } = await heldPlane();
    plane.report(topology());
    const here = follow('10.0.0.1').sink;
    const elsewhere = follow('10.9.9.9').sink;
    here.news();
    elsewhere.news();
    expect(tell(hintAbout('s1>s2', 1), hintAbout('s4>s3', 1))).toEqual({ taken: 2, dropped: 0 });
    expect(linksOf(here.news()[0])).toEqual(['s1>s2', 's4>s3']);
    expect(elsewhere.news()).toEqual([]);
  });

  it('is told each thing once, also when much happens in one instant', async () => {
    const { plane, follow, tell } = await heldPlane();
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    sink.news();
    tell(hintAbout('s1>s2', 1));
    tell(hintAbout('s1>s3', 1));
    tell(hintAbout('s1>s2', 2), hintAbout('s3>s1', 1));
    expect(sink.news().map(linksOf)).toEqual([['s1>s2'], ['s1>s3'], ['s1>s2', 's3>s1']]);
    // Who comes in the same instant is told what the others were told before.
    expect(follow('10.0.0.3').sink.news()[0]?.snapshot?.hints?.hints).toHaveLength(3);
  });

  it('is not told what is old, unknown, from the future or not well-formed', async () => {
    const { plane, follow, tell } = await heldPlane();
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    tell(hintAbout('s1>s2', 2));
    sink.news();
    const nan = { level: Number.NaN, queueingDelayMs: 1, utilization: 1, lossRatio: 0 };
    const late = hintAbout('s1>s2', 1);
    const unknown = hintAbout('s8>s9', 1);
    const future = hintAbout('s1>s2', 3, { epoch: 1000 + CONTROL_LIMITS.epochAheadMs + 1 });
    const lying = hintAbout('s1>s2', 3, { classes: { batch: nan } });
    expect(tell(late, unknown, future, lying)).toEqual({ taken: 0, dropped: 4 });
    expect(sink.news()).toEqual([]);
    expect(plane.counters).toMatchObject({
      hintsStale: 1,
      hintsUnknownLink: 1,
      hintsInvalid: 2,
      hintsTaken: 1,
    });
  });

  it('is told about the classes that the configuration names', async () => {
    const { plane, follow, tell } = await heldPlane({ classes: ['interactive'] });
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    sink.news();
    tell(hintAbout('s1>s2', 1));
    expect(sink.news()[0]?.hints?.hints).toMatchObject([{ link: 's1>s2', classes: [] }]);
    expect(plane.counters.classesUnknown).toBe(1);
  });

  it('gets new paths when the topology changes, then the hints about links that are new to it', async () => {
    const { plane, follow, tell } = await heldPlane();
    const { sink } = follow('10.0.0.1');
    tell(hintAbout('s1>s2', 1));
    expect(sink.news().map((message) => message.content)).toEqual(['snapshot']);
    plane.report(topology());
    const [paths, hints, ...more] = sink.news();
    expect(paths?.paths?.groups[0]?.peers).toEqual(['10.0.0.2']);
    expect(linksOf(hints)).toEqual(['s1>s2']);
    expect(more).toEqual([]);
    plane.report({ topology: { ...topology().topology, epoch: 8 } });
    expect(sink.news()).toEqual([]);
  });

  it('keeps the topology that it has when a broken one comes', async () => {
    const { plane, follow } = await heldPlane();
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    sink.news();
    const broken = {
      ...topology().topology,
      paths: [{ ...topology().topology.paths[0], forward: ['s7>s8'] }],
    };
    plane.report({ topology: broken as ReturnType<typeof topology>['topology'] });
    expect(sink.news()).toEqual([]);
    expect(plane.counters.topologiesDropped).toBe(1);
  });
});

describe('a slow sidecar', () => {
  it('gets the newest hint of each link when it has room, and costs no more than one message', async () => {
    const { plane, follow, tell, clock } = await heldPlane();
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    sink.held = true;
    tell(hintAbout('s1>s2', 1));
    sink.news();
    for (let sequence = 2; sequence <= 500; sequence += 1) {
      tell(hintAbout('s1>s2', sequence), hintAbout('s1>s3', sequence));
    }
    expect(sink.news()).toEqual([]);
    clock.ms += 300;
    sink.release();
    const [message, ...more] = sink.news();
    expect(message?.hints?.hints.map(({ link, sequence, ttlMs }) => [link, sequence, ttlMs])).toEqual([
      ['s1>s2', 500, 700],
      ['s1>s3', 500, 700],
    ]);
    expect(more).toEqual([]);
  });

  it('is not told what has expired meanwhile', async () => {
    const { plane, follow, tell, clock } = await heldPlane();
    plane.report(topology());
    const { sink } = follow('10.0.0.1');
    sink.held = true;
    tell(hintAbout('s1>s2', 1));
    tell(hintAbout('s1>s3', 1));
    sink.news();
    clock.ms += 1000;
    sink.release();
    expect(sink.news()).toEqual([]);
  });

  it('is cut off when it takes in nothing for long, and its endpoint is missed', async () => {
    const { plane, follow, tell, clock } = await heldPlane({ graceMs: 0 });
    plane.report(topology());
    const { sink } = follow('10.0.0.1', 80);
    sink.held = true;
    tell(hintAbout('s1>s2', 1));
    clock.ms += 9999;
    plane.tick();
    expect(sink.ended).toBeUndefined();
    clock.ms += 1;
    plane.tick();
    expect(sink.ended).toBeDefined();
    plane.tick();
    expect(plane.statistics()).toMatchObject({ sidecars: 0, endpoints: 0, watchesStalled: 1 });
  });
});

describe('a quiet control plane', () => {
  it('gives a sign of life, and only where nothing else was said', async () => {
    const { plane, follow, tell, clock } = await heldPlane();
    plane.report(topology());
    const quiet = follow('10.9.9.9').sink;
    const busy = follow('10.0.0.1').sink;
    quiet.news();
    busy.news();
    clock.ms += 1500;
    tell(hintAbout('s1>s2', 1));
    clock.ms += 400;
    busy.news();
    plane.tick();
    expect(quiet.news().map(({ content }) => content)).toEqual(['keepalive']);
    expect(busy.news()).toEqual([]);
  });
});

describe('endpoints', () => {
  it('come and go with the streams of their sidecars; changes are told together', async () => {
    const { plane, follow, clock, tell } = await heldPlane();
    const { sink } = follow('10.0.0.9');
    sink.news();
    const one = follow('10.0.0.1', 80).watcher;
    const again = follow('10.0.0.1', 80).watcher;
    follow('10.0.0.2', 80);
    plane.tick();
    expect(sink.news()).toEqual([]);
    // A hint does not carry half of the changes with it.
    plane.report(topology());
    tell(hintAbout('s1>s2', 1));
    expect(sink.news()).toEqual([]);
    clock.ms += 100;
    plane.tick();
    const told = sink.news();
    expect(told).toHaveLength(1);
    expect(told[0]?.registry).toMatchObject({
      whole: false,
      endpoints: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }],
    });
    plane.unfollow(one);
    plane.unfollow(one);
    clock.ms += 3000;
    plane.tick();
    clock.ms += 100;
    plane.tick();
    expect(sink.news().filter(({ registry }) => registry)).toEqual([]);
    plane.unfollow(again);
    clock.ms += 3000;
    plane.tick();
    clock.ms += 100;
    plane.tick();
    const news = sink.news().flatMap(({ registry }) => registry?.endpoints ?? []);
    expect(news).toEqual([
      expect.objectContaining({ service: 'shop', host: '10.0.0.1', port: 80, healthy: false, gone: true }),
    ]);
  });
});

describe('hints on the wire', () => {
  it('survive encoding, in all their parts', async () => {
    const { protocol } = await heldPlane();
    const hint = hintAbout('s1>s2', 2 ** 40, { epoch: 1_790_000_000_000, down: true });
    const { requestSerialize, requestDeserialize } = protocol.report;
    const read = requestDeserialize(requestSerialize({ hints: { hints: [writeHint(hint, 250.5)] } }));
    expect(read.hints?.hints[0]).toEqual(writeHint(hint, 250.5));
  });
});

describe('an endpoint that is about to go', () => {
  it('is told of at once, and waits until everybody has taken it in', async () => {
    const { plane, clock, follow } = await heldPlane();
    clock.sleep = () => new Promise(() => undefined);
    follow('10.0.0.1', 80);
    const one = follow('10.0.0.2');
    const slow = follow('10.0.0.3');
    clock.ms += 1000;
    plane.tick();
    one.sink.news();
    slow.sink.held = true;
    let told: boolean | undefined;
    const address = { service: 'shop', host: '10.0.0.1', port: 80 };
    const done = plane.drain(address, '').then((all) => {
      told = all;
    });
    const news = one.sink.news().flatMap(({ registry }) => registry?.endpoints ?? []);
    expect(news).toEqual([expect.objectContaining({ ...address, healthy: true, draining: true })]);
    await Promise.resolve();
    expect(told).toBeUndefined();
    slow.sink.release();
    await done;
    expect(told).toBe(true);
  });

  it('waits for nobody longer than its time, nor for who is gone', async () => {
    const { plane, clock, follow } = await heldPlane();
    const address = { service: 'shop', host: '10.0.0.1', port: 80 };
    follow('10.0.0.1', 80);
    const stuck = follow('10.0.0.2');
    stuck.sink.held = true;
    clock.sleep = () => Promise.resolve();
    expect(await plane.drain(address, '')).toBe(false);
    clock.sleep = () => new Promise(() => undefined);
    plane.unfollow(stuck.watcher);
    expect(await plane.drain(address, '')).toBe(true);
    expect(await plane.drain({ ...address, port: 81 }, '')).toBe(false);
  });
});
