import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import { Laboratory, policyWith, RATE_BPS, until } from './laboratory.ts';

const INTERACTIVE = 46;
const BATCH = 1;

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await Laboratory.open([INTERACTIVE, BATCH, 0]);
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
});
