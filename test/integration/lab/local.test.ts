import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/index.ts';
import { type Lab, type LabLine, openLab } from '../../../src/lab/index.ts';

const SERVER = `
const http = require('node:http');
const [host] = process.argv.slice(1);
const server = http.createServer((_, response) => response.end(host));
server.listen(8080, host, () => console.log(JSON.stringify({ event: 'ready' })));
process.on('SIGTERM', () => { console.log('words'); console.error('bye'); process.exit(0); });
`;

let directory = '';
const labs: Lab[] = [];
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-local-'));
});
afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.close()));
  await rm(directory, { recursive: true, force: true });
});

async function open(): Promise<Lab> {
  const topology = { name: 'dumbbell', rateBps: 1, delayMs: 0, queuePackets: 1, nodes: ['right2'] } as const;
  const options = { kind: 'local', topology, logDirectory: directory, logger: silentLogger } as const;
  const lab = await openLab(options, new AbortController().signal);
  labs.push(lab);
  return lab;
}

test('nodes have addresses of their own, and it says which layers are off', async () => {
  const lab = await open();
  const addresses = Object.values(lab.nodes).map(({ address }) => address);
  expect(Object.keys(lab.nodes)).toEqual(['left1', 'right1', 'right2']);
  expect(new Set(addresses).size).toBe(3);
  expect(lab.kind).toBe('local');
  expect(lab.ports).toEqual([]);
  expect(lab.limitations.join('\n')).toMatch(/kernel layer: off, because/);
  const { stdout } = await lab.execOn('left1').run(['echo', 'here']);
  expect(stdout).toBe('here\n');
  expect(() => lab.execOn('s1')).toThrow('no node s1');
});

test('two laboratories serve the same port on the same node at once', async () => {
  const two = await Promise.all([open(), open()]);
  const answers = two.map(async (lab) => {
    const address = lab.nodes['right2']?.address ?? '';
    const lines: LabLine[] = [];
    const stderrFile = path.join(directory, `${address}.log`);
    const server = await lab.spawn('right2', [process.execPath, '-e', SERVER, address], {
      stderrFile,
      onLine: (line) => lines.push(line),
    });
    await server.waitForLine((line) => line['event'] === 'ready', 60_000);
    const answer = await fetch(`http://${address}:8080/`);
    expect(await answer.text()).toBe(address);
    await server.signal('SIGTERM');
    await expect(server.exited).resolves.toEqual({ exitCode: 0 });
    expect(lines).toEqual([{ event: 'ready' }, { text: 'words' }]);
    expect(await readFile(stderrFile, 'utf8')).toBe('bye\n');
  });
  await Promise.all(answers);
});

test('close ends a process that does not listen, and later spawns are refused', async () => {
  const lab = await open();
  const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("{}")';
  const stderrFile = path.join(directory, 'deaf.log');
  const deaf = await lab.spawn('left1', [process.execPath, '-e', script], { stderrFile });
  await deaf.waitForLine(() => true, 60_000);
  await lab.close();
  await expect(deaf.exited).resolves.toEqual({ signal: 'SIGKILL' });
  await expect(lab.spawn('left1', ['true'], { stderrFile })).rejects.toMatchObject({ code: 'LAB_FAILED' });
});

test('a program that does not exist is an error of the spawn', async () => {
  const lab = await open();
  const options = { stderrFile: path.join(directory, 'none.log') };
  await expect(lab.spawn('left1', ['no-such-program'], options)).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
  });
});
