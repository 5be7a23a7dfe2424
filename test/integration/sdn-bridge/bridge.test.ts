import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL_PLANE_MAIN } from '../../../src/control-plane/index.ts';
import { type Hint, seededRandom, silentLogger, systemClock } from '../../../src/core/index.ts';
import { openControlStream } from '../../../src/sidecar/control/index.ts';
import { Laboratory, policyWith, RATE_BPS, until } from './laboratory.ts';

const INTERACTIVE = 46;
const BATCH = 1;

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await Laboratory.open([INTERACTIVE, BATCH]);
});
afterAll(() => laboratory.close());

describe('a bridge beside the controller of a real network', () => {
  test('tells of congestion in which direction it is, moves what the controller owns, and takes it back', async () => {
    const { process, log } = await laboratory.bridge(await policyWith([{ classes: ['batch'] }]));
    await log.until(({ event, what }) => event === 'found' && what === 'northbound');
    await log.until(({ event }) => event === 'links');

    const startMs = systemClock.nowMs();
    const flood = await laboratory.flood('left1', 'right1', 1.5 * RATE_BPS, 0);
    const hint = await log.until((one) => one['event'] === 'hint' && one['class'] === 'batch', startMs);
    expect(hint).toMatchObject({ link: 's1>s2', congested: true });
    const move = await log.until(({ event }) => event === 'move', startMs);
    expect(move).toMatchObject({
      owner: 'controller',
      class: 'batch',
      from: 'primary',
      to: 'secondary',
      reason: 'congested',
    });
    expect((await laboratory.controller.routes()).marks).toEqual({ [BATCH]: 'secondary' });

    const light = await laboratory.flood('left1', 'right1', 400_000, BATCH);
    const before = await laboratory.marked('s1>s3', BATCH);
    await until(async () => ((await laboratory.marked('s1>s3', BATCH)) > before + 20_000 ? true : undefined));
    await light.stop();
    const others = (await log.lines()).filter(({ event, link }) => event === 'hint' && link !== 's1>s2');
    expect(others).toEqual([]);

    await flood.stop();
    const back = await log.until(({ event, to }) => event === 'move' && to === 'primary', startMs);
    expect(back).toMatchObject({ from: 'secondary', reason: 'calm' });
    expect((await laboratory.controller.routes()).marks).toEqual({});
    await process.signal('SIGTERM');
    expect(await process.exited).toEqual({ exitCode: 0 });
  });

  test('goes on looking while the controller is away, and its moves outlive that', async () => {
    const { process, log } = await laboratory.bridge(await policyWith([{ classes: ['batch'] }]));
    await log.until(({ event, what }) => event === 'found' && what === 'northbound');
    const flood = await laboratory.flood('left1', 'right1', 1.5 * RATE_BPS, 0);
    const move = await log.until(({ event }) => event === 'move');
    await laboratory.controller.kill('SIGKILL');
    const lost = await log.until(({ event }) => event === 'lost', move.timeMs);
    await log.until(({ event }) => event === 'links', lost.timeMs + 500);
    await laboratory.controller.restart();
    const found = await log.until(({ event }) => event === 'found', lost.timeMs);
    await until(async () =>
      (await laboratory.controller.routes()).marks[BATCH] === 'secondary' ? true : undefined,
    );
    const between = (await log.lines()).filter(
      ({ event, timeMs }) =>
        event === 'move' && Number(timeMs) > move.timeMs && Number(timeMs) < found.timeMs,
    );
    expect(between).toEqual([]);
    await flood.stop();
    await process.signal('SIGTERM');
    await process.exited;
    expect((await laboratory.controller.routes()).marks).toEqual({});
  });

  test('leaves a path that is dead, at once and with all that it owns', async () => {
    const { process, log } = await laboratory.bridge(
      await policyWith([{ classes: ['interactive', 'batch'] }]),
    );
    await log.until(({ event, what }) => event === 'found' && what === 'northbound');
    await log.until(({ event }) => event === 'links');
    const device = laboratory.lab.links.find(({ id }) => id === 's2>s4')?.device ?? '';
    await laboratory.run('s2', 'ip', 'link', 'set', device, 'down');
    const dead = await log.until(({ event, link }) => event === 'hint' && link === 's2>s4');
    expect(dead).toMatchObject({ congested: true, level: 1 });
    for (const name of ['interactive', 'batch']) {
      const move = await log.until((one) => one['event'] === 'move' && one['class'] === name);
      expect(move).toMatchObject({ from: 'primary', to: 'secondary', reason: 'dead' });
    }
    await laboratory.run('s2', 'ip', 'link', 'set', device, 'up');
    await log.until(({ event, class: name, to }) => event === 'move' && name === 'batch' && to === 'primary');
    await process.signal('SIGTERM');
    await process.exited;
  });

  test('reaches sidecars through the control plane, and finds it again', async () => {
    const socket = path.join(laboratory.directory, 'cp.sock');
    const file = path.join(laboratory.directory, 'control-plane.json');
    await writeFile(file, JSON.stringify({ listen: `unix:${socket}` }));
    const startPlane = async (): Promise<Awaited<ReturnType<typeof laboratory.lab.spawn>>> => {
      const plane = await laboratory.lab.spawn(
        's1',
        [process.execPath, CONTROL_PLANE_MAIN, '--config', file],
        {
          stderrFile: path.join(laboratory.directory, 'control-plane.log'),
        },
      );
      await plane.waitForLine((line) => line['event'] === 'ready', 60_000);
      return plane;
    };
    const { process: bridge, log } = await laboratory.bridge(await policyWith([]), {
      controlPlane: { target: `unix:${socket}` },
    });
    const plane = await startPlane();
    await log.until(({ event, what }) => event === 'found' && what === 'control-plane');
    const hints: Hint[] = [];
    const paths = Promise.withResolvers<ReadonlyMap<string, readonly { readonly id: string }[]>>();
    const stream = openControlStream({
      target: `unix:${socket}`,
      node: laboratory.lab.nodes['left1']?.address ?? '',
      service: 'frontend',
      endpoint: undefined,
      events: {
        paths: (peers) => {
          if (peers.size > 0) paths.resolve(peers);
        },
        hints: (some) => {
          hints.push(...some);
        },
        registry: () => {},
        lost: () => {},
      },
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    const peers = await paths.promise;
    expect(peers.get(laboratory.lab.nodes['right1']?.address ?? '')?.map(({ id }) => id)).toEqual([
      'primary',
      'secondary',
    ]);
    const congested = (hint: Hint): boolean =>
      hint.link === 's4>s2' && (hint.classes['interactive']?.level ?? 0) >= 0.7;
    const flood = await laboratory.flood('right1', 'left1', 1.5 * RATE_BPS, 0);
    await until(async () => hints.find(congested));
    await plane.signal('SIGKILL');
    const lost = await log.until(({ event, what }) => event === 'lost' && what === 'control-plane');
    hints.length = 0;
    const second = await startPlane();
    await log.until(({ event, what }) => event === 'found' && what === 'control-plane', lost.timeMs);
    await until(async () => hints.find(congested));
    await flood.stop();
    await stream.close();
    for (const one of [bridge, second]) {
      await one.signal('SIGTERM');
      expect(await one.exited).toEqual({ exitCode: 0 });
    }
  });
});
