import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Published, publishResults } from '../../../src/publish/index.ts';
import { writeSyntheticStepResults } from '../../support/synthetic-step-results.ts';

let folder: string;
let published: Published;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-step-'));
  await writeSyntheticStepResults(folder);
  published = await publishResults(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the results of an experiment with a step of the load', () => {
  it('tell how much was served within the objective, and how soon it was settled', () => {
    const { arms, findings } = published.summary;
    const shed = arms['shed']?.classes['interactive']?.step;
    expect(shed?.goodShare.before?.value).toBe(1);
    expect(shed?.goodShare.during?.value).toBeGreaterThan(0.9);
    expect(shed?.timeToSettleMs.up?.value).toBeGreaterThan(30);
    expect(shed?.timeToSettleMs.up?.value).toBeLessThan(110);
    const plain = arms['plain']?.classes['interactive']?.step;
    expect(plain?.goodShare.during?.value).toBe(0);
    expect(plain?.timeToSettleMs.up?.value).toBe(1500);
    expect(plain?.timeToSettleMs.down?.value).toBe(0);
    const batch = arms['shed']?.classes['batch']?.step;
    expect(batch?.goodShare.during?.value).toBeGreaterThan(0.4);
    expect(batch?.goodShare.during?.value).toBeLessThan(0.6);
    expect(findings.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', 'holds', 'fails']);
    expect(published.summary.words.paragraph).toContain('While the load was higher');
  });

  it('are computed a second time by the notebook, with the same numbers', async () => {
    const notebook = await readFile(published.notebook, 'utf8');
    expect(notebook).toMatch(/numbers recomputed from the raw records; all equal/);
    expect(notebook).toContain('step.timeToSettleMs');
  });

  it('are drawn, and stand in the page', async () => {
    const page = await readFile(published.page, 'utf8');
    expect(page).toContain('While the load is higher');
    expect(page).toContain('good share');
    expect(page).toContain('300 from 1.5 s of the measurement on, 50 from 3 s');
    const chart = await readFile(path.join(folder, 'charts', 'load-step.vl.json'), 'utf8');
    const { concat } = JSON.parse(chart) as { concat: { vconcat: { layer: unknown[] }[] }[] };
    expect(concat).toHaveLength(2);
    expect(concat[0]?.vconcat).toHaveLength(2);
    expect(concat[0]?.vconcat[0]?.layer).toHaveLength(3);
  });
});
