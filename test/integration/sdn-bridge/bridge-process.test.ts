import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT_CODES } from '../../../src/core/index.ts';
import { BRIDGE_MAIN } from '../../../src/sdn-bridge/index.ts';
import { policyWith } from './laboratory.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bridge-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function start(config: object) {
  const file = path.join(directory, 'bridge.json');
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [BRIDGE_MAIN, '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return { child, ended: once(child, 'close'), said: () => said };
}

test('a bridge works, and ends, where nobody is there whom it knows', async () => {
  const { child, ended, said } = await start({
    northbound: { kind: 'priomesh', url: `unix:${path.join(directory, 'none.sock')}` },
    controlPlane: { target: `unix:${path.join(directory, 'nobody.sock')}` },
    policy: await policyWith([{}]),
    ports: [{ link: 's1>s2', device: 'none0', rateBps: 1e6 }],
    log: path.join(directory, 'network.jsonl'),
  });
  for await (const line of createInterface({ input: child.stdout })) {
    expect(JSON.parse(line)).toMatchObject({ event: 'ready', pid: child.pid });
    break;
  }
  while (!said().includes('does not answer')) await once(child.stderr, 'data');
  child.kill('SIGTERM');
  expect(await ended).toEqual([EXIT_CODES.ok, null]);
});

test('a wrong configuration ends it with the place and the fix', async () => {
  const { ended, said } = await start({ northbound: { kind: 'faucet' }, policy: await policyWith([{}]) });
  expect(await ended).toEqual([EXIT_CODES.configuration, null]);
  expect(said()).toMatch(/bridge\.json:1:\d+.*CONFIG_INVALID/);
  expect(said()).toContain('fix:');
});
