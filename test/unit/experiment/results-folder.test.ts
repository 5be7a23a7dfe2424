import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendJournal, readJournal, repairJournal } from '../../../src/experiment/journal.ts';
import { checksums, lockFolder, makeFolder } from '../../../src/experiment/results-folder.ts';
import { joinSoftware } from '../../../src/experiment/run.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh résultats '));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a results folder', () => {
  it('is made with those that it lies in, and may be there already', async () => {
    const deep = path.join(folder, 'a b', 'ü', 'c');
    await makeFolder(deep);
    await makeFolder(deep);
    expect((await stat(deep)).isDirectory()).toBe(true);
  });

  it('ends with an error where the system lets nobody make one, or a file stands', async () => {
    await expect(makeFolder('/proc/priomesh/results')).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(path.join(folder, 'file'), '');
    await expect(makeFolder(path.join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('belongs to one run at a time, by whatever path it is named', async () => {
    const lock = await lockFolder(folder);
    await expect(lockFolder(path.join(folder, '.'))).rejects.toMatchObject({ code: 'RESULTS_EXIST' });
    await mkdir(path.join(folder, 'other'));
    await (await lockFolder(path.join(folder, 'other')))[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
    await (await lockFolder(folder))[Symbol.asyncDispose]();
  });

  it('has checksums of its raw files, not of logs that are still written', async () => {
    await makeFolder(path.join(folder, 'trials', '000-mesh-0'));
    await makeFolder(path.join(folder, 'logs'));
    await writeFile(path.join(folder, 'trials', '000-mesh-0', 'requests.csv.gz'), '');
    await writeFile(path.join(folder, 'logs', 'lab.log'), 'x');
    expect(await checksums(folder, ['trials'])).toEqual({
      'trials/000-mesh-0/requests.csv.gz': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    });
  });

  it('goes on after a line that was cut off without growing onto it', async () => {
    const file = path.join(folder, 'journal.jsonl');
    await appendJournal(file, { kind: 'plan', digest: 'abc' });
    await writeFile(file, `${await readFile(file, 'utf8')}{"kind":"tri`);
    await repairJournal(file);
    await appendJournal(file, { kind: 'plan', digest: 'def' });
    expect((await readJournal(file)).digest).toBe('def');
  });
});

describe('trials that are joined', () => {
  const versions = {
    priomesh: '1',
    node: 'v26',
    npm: { yaml: '2' },
    debian: {},
    kernel: '6',
    distribution: 'Debian',
    processor: 'x',
    processors: 2,
    memoryBytes: 1,
  };
  const now = { commit: 'abc', dirty: false, versions };

  it('are of one commit and of the same versions', () => {
    expect(joinSoftware(undefined, now, folder)).toEqual(now);
    expect(joinSoftware(now, { ...now, versions: { ...versions, npm: { yaml: '2' } } }, folder)).toEqual(now);
    expect(() => joinSoftware({ ...now, commit: 'def' }, now, folder)).toThrow(/another commit/);
    expect(() => joinSoftware({ ...now, versions: { ...versions, kernel: '5' } }, now, folder)).toThrow(
      /another kernel/,
    );
  });

  it('stay marked as run from changed sources', () => {
    expect(joinSoftware({ ...now, dirty: true }, now, folder).dirty).toBe(true);
  });
});
