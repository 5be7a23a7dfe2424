import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineTail } from '../../../src/telemetry/index.ts';

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-tail-'));
  file = path.join(folder, 'a.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the tail of a file', () => {
  it('is nothing before there is a file, and then each line once, when it is whole', async () => {
    await using tail = new LineTail(file);
    expect(await tail.read()).toEqual([]);
    await writeFile(file, 'one\ntwo\nthr');
    expect(await tail.read()).toEqual(['one', 'two']);
    expect(await tail.read()).toEqual([]);
    await appendFile(file, 'ee\n\nfour');
    expect(await tail.read()).toEqual(['three', '']);
  });

  it('does not tear a character that was written in two halves', async () => {
    await using tail = new LineTail(file);
    const bytes = Buffer.from('größe\n');
    await writeFile(file, bytes.subarray(0, 3));
    expect(await tail.read()).toEqual([]);
    await appendFile(file, bytes.subarray(3));
    expect(await tail.read()).toEqual(['größe']);
  });

  it('begins near the end of a long file, and skips what came too fast, with whole lines', async () => {
    await using tail = new LineTail(file, 20);
    await writeFile(file, 'a'.repeat(50).concat('\nlast but one\nlast\n'));
    expect(await tail.read()).toEqual(['last but one', 'last']);
    await appendFile(file, `${'b'.repeat(30)}\n${'c'.repeat(10)}\n`);
    expect(await tail.read()).toEqual(['c'.repeat(10)]);
  });

  it('remembers no line that is longer than a look, and goes on behind it', async () => {
    await using tail = new LineTail(file, 20);
    await writeFile(file, '');
    for (let round = 0; round < 5; round += 1) {
      await appendFile(file, 'x'.repeat(15));
      expect(await tail.read()).toEqual([]);
    }
    await appendFile(file, 'x\nback\n');
    expect(await tail.read()).toEqual(['back']);
  });

  it('begins anew when the file was emptied', async () => {
    await using tail = new LineTail(file);
    await writeFile(file, 'one\ntwo\n');
    expect(await tail.read()).toHaveLength(2);
    await truncate(file, 0);
    await appendFile(file, 'new\n');
    expect(await tail.read()).toEqual(['new']);
  });
});
