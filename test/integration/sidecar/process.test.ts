import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { httpApplication, request, type TestServer, testPolicy } from './harness.ts';

const MAIN = new URL('../../../src/sidecar/main.ts', import.meta.url).pathname;

let child: ChildProcess | undefined;
let application: TestServer | undefined;
let folder = '';

afterEach(async () => {
  child?.kill('SIGKILL');
  await application?.close();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
  child = undefined;
  application = undefined;
  folder = '';
});

async function start(extra: readonly string[]): Promise<{ port: number; ended: Promise<number | null> }> {
  application = await httpApplication((_incoming, response) => response.end('ok'));
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-sidecar-'));
  const file = path.join(folder, 'config.json');
  const config = {
    service: 'tested',
    policy: testPolicy(),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port: application.port },
      ingress: true,
    },
    statistics: { file: path.join(folder, 'statistics.jsonl'), intervalMs: 60_000 },
  };
  await writeFile(file, JSON.stringify(config));
  const started = spawn(process.execPath, [MAIN, '--config', file, ...extra], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child = started;
  const ended = new Promise<number | null>((resolve) => started.once('exit', resolve));
  const line = await new Promise<string>((resolve) =>
    started.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  const ready = JSON.parse(line) as { event: string; inboundPort: number };
  expect(ready.event).toBe('ready');
  return { port: ready.inboundPort, ended };
}

describe('the sidecar as a process', () => {
  it('says when it serves, ends on SIGTERM with 0, and leaves its last statistics', async () => {
    const { port, ended } = await start([]);
    expect((await request(port)).body).toBe('ok');
    child?.kill('SIGTERM');
    expect(await ended).toBe(0);
    const lines = (await readFile(path.join(folder, 'statistics.jsonl'), 'utf8')).trim().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '{}') as {
      last: boolean;
      inbound: { classes: { interactive: { completed: number } } };
      scavenger: object;
    };
    expect(last.scavenger).toEqual({ sockets: 0, overLimit: 0, pathCount: 0, paths: [] });
    expect(last.last).toBe(true);
    expect(last.inbound.classes.interactive.completed).toBe(1);
  });

  it('refuses a port that is taken with one clear answer', async () => {
    const { port } = await start([]);
    const file = path.join(folder, 'second.json');
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
    config.inbound.listen.port = port;
    await writeFile(file, JSON.stringify(config));
    const second = spawn(process.execPath, [MAIN, '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    second.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await new Promise((resolve) => second.once('close', resolve))).toBe(4);
    expect(said).toContain(`LISTEN_FAILED: inbound: 127.0.0.1 port ${port}`);
    expect(said).toContain('fix:');
    expect(said).not.toContain('node:net');
  });

  it('ends when its parent goes, if it is told so', async () => {
    const { ended } = await start(['--exit-with-stdin']);
    child?.stdin?.end();
    expect(await ended).toBe(0);
  });

  it('says what is wrong with its configuration, and exits 3', async () => {
    const started = spawn(process.execPath, [MAIN, '--config', '/nonexistent/config.json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    started.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await new Promise((resolve) => started.once('close', resolve))).toBe(3);
    expect(said).toContain('CONFIG_NOT_FOUND');
  });
});
