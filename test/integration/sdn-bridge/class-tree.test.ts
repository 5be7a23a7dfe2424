import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPort } from '../../../src/kernel-qos/index.ts';
import { caseStudy, plainKernel } from '../../unit/kernel-qos/fixture.ts';
import { Laboratory, type Line, policyWith, RATE_BPS } from './laboratory.ts';

const INTERACTIVE = 46;
const BATCH = 1;

let laboratory: Laboratory;
beforeAll(async () => {
  laboratory = await Laboratory.open([INTERACTIVE, BATCH], (port) =>
    planPort(caseStudy, plainKernel, port, { leaves: 'fifo' }),
  );
});
afterAll(() => laboratory.close());

/** What a line says of a class on the link that is flooded. */
function figureOf(line: Line, name: string, figure: string): number {
  const links = line['links'] as readonly { link: string; classes: Record<string, Record<string, number>> }[];
  return links.find(({ link }) => link === 's1>s2')?.classes[name]?.[figure] ?? Number.NaN;
}

test('where each class has a queue of its own, only the one that is too much for the link is congested', async () => {
  const { process, log } = await laboratory.bridge(await policyWith([]));
  await log.until(({ event }) => event === 'links');
  const light = await laboratory.flood('left1', 'right1', 0.1 * RATE_BPS, INTERACTIVE);
  const flood = await laboratory.flood('left1', 'right1', 1.5 * RATE_BPS, BATCH);
  const hint = await log.until(({ event }) => event === 'hint');
  expect(hint).toMatchObject({ link: 's1>s2', class: 'batch', congested: true });
  const full = await log.until(
    (line) =>
      line['event'] === 'links' &&
      figureOf(line, 'batch', 'lossRatio') > 0 &&
      figureOf(line, 'batch', 'utilization') > 0.7,
    hint.timeMs,
  );
  // 100 packets of 1,250 bytes at what the other class leaves of 10 Mbit/s.
  expect(figureOf(full, 'batch', 'queueingDelayMs')).toBeGreaterThan(80);
  expect(figureOf(full, 'interactive', 'utilization')).toBeGreaterThan(0.04);
  await Promise.all([flood.stop(), light.stop()]);
  await log.until(({ event, congested }) => event === 'hint' && congested === false, hint.timeMs);
  const hints = (await log.lines()).filter(({ event }) => event === 'hint');
  expect(hints.map(({ class: name, congested }) => [name, congested])).toEqual([
    ['batch', true],
    ['batch', false],
  ]);
  await process.signal('SIGTERM');
  await process.exited;
});
