import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/index.ts';
import { openNetworkLog } from '../../../src/sdn-bridge/network-log.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-log-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('lines stand in the file in their order, with figures of three places', async () => {
  const file = path.join(directory, 'deep', 'network.jsonl');
  const log = await openNetworkLog(file, silentLogger);
  log.write({ event: 'found', timeMs: 1.23456, what: 'northbound' });
  log.write({ event: 'hint', timeMs: 2, link: 's1>s2', class: 'batch', congested: true, level: 0.123456 });
  await log.close();
  const again = await openNetworkLog(file, silentLogger);
  again.write({ event: 'lost', timeMs: 3, what: 'northbound' });
  await again.close();
  expect((await readFile(file, 'utf8')).split('\n')).toEqual([
    '{"event":"found","timeMs":1.23456,"what":"northbound"}',
    '{"event":"hint","timeMs":2,"link":"s1>s2","class":"batch","congested":true,"level":0.123}',
    '{"event":"lost","timeMs":3,"what":"northbound"}',
    '',
  ]);
});

test('the file has a bound, and says when it is reached', async () => {
  const file = path.join(directory, 'network.jsonl');
  const log = await openNetworkLog(file, silentLogger, 100);
  for (let timeMs = 0; timeMs < 50; timeMs += 1) log.write({ event: 'lost', timeMs, what: 'northbound' });
  await log.close();
  expect((await readFile(file, 'utf8')).split('\n')).toEqual([
    '{"event":"lost","timeMs":0,"what":"northbound"}',
    '{"event":"lost","timeMs":1,"what":"northbound"}',
    '{"event":"log-full","timeMs":2,"limitBytes":100}',
    '',
  ]);
});

test('a file that cannot be opened is an error, no file is none', async () => {
  await expect(openNetworkLog(directory, silentLogger)).rejects.toThrow(
    expect.objectContaining({ code: 'FILE_FAILED' }) as Error,
  );
  const log = await openNetworkLog(undefined, silentLogger);
  log.write({ event: 'lost', timeMs: 1, what: 'northbound' });
  await log.close();
});
