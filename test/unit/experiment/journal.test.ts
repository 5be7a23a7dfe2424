import { appendFile, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendJournal, readJournal, type TrialEntry } from '../../../src/experiment/journal.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

const trial = (index: number): TrialEntry => ({
  kind: 'trial',
  index,
  block: 0,
  arm: 'mesh',
  attempt: 0,
  folder: `trials/${index}`,
  verdict: { valid: true, reasons: [] },
});

describe('the journal', () => {
  it('is empty where there is no file', async () => {
    expect(await readJournal(path.join(folder, 'none'))).toEqual({ digest: undefined, trials: [] });
  });

  it('gives back what was written, and forgets a line that a crash cut off, wherever it was cut', async () => {
    const file = path.join(folder, 'journal.jsonl');
    await appendJournal(file, { kind: 'plan', digest: 'abc' });
    await appendJournal(file, trial(0));
    const whole = (await readFile(file)).length;
    await appendJournal(file, trial(1));
    const full = (await readFile(file)).length;
    expect((await readJournal(file)).trials).toEqual([trial(0), trial(1)]);
    for (let size = full - 1; size >= whole; size -= 7) {
      await truncate(file, size);
      expect(await readJournal(file)).toEqual({ digest: 'abc', trials: [trial(0)] });
    }
  });

  it('names the line that cannot be read', async () => {
    const file = path.join(folder, 'journal.jsonl');
    await appendFile(file, '{"kind":"plan","digest":"x"}\nnonsense\n{}\n');
    await expect(readJournal(file)).rejects.toThrow(/line 2/);
  });
});
