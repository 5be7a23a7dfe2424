import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { RequestLine } from '../../../src/sidecar/index.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';
import { exchangeRaw, httpApplication, request, type TestServer } from '../sidecar/harness.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'src/cli/main.ts');

let folder = '';
let application: TestServer;
let started: (PromiseLike<unknown> & { kill(signal: 'SIGKILL'): boolean })[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-tap-'));
  application = await httpApplication((_incoming, response) => response.end('ok'));
});

afterEach(async () => {
  for (const one of started) one.kill('SIGKILL');
  await Promise.all(started);
  started = [];
  await application.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts `priomesh ARGV`; it is ended after the test. */
function priomesh(...argv: string[]) {
  const child = execa(process.execPath, [MAIN, ...argv], { reject: false, cwd: folder });
  started.push(child);
  return child;
}

/** Resolves when a command has said these words on standard error. */
function said(child: ReturnType<typeof priomesh>, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) resolve();
    });
    child.stderr.on('end', () => reject(new Error(`it ended without saying "${words}":\n${text}`)));
  });
}

/** A sidecar in a process of its own, as a person configures it. */
async function sidecar(withTap = true) {
  const config = path.join(folder, 'sidecar.yaml');
  const written = {
    service: 'shop',
    policy: path.join(ROOT, 'policies/case-study.yaml'),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port: application.port },
      ingress: true,
    },
    outbound: {
      listen: { host: '127.0.0.1', port: 0 },
      upstreams: { reviews: { endpoints: [{ host: '127.0.0.1', port: application.port }] } },
    },
    ...(withTap ? { tap: { socket: 'tap.sock' } } : {}),
  };
  await writeFile(config, stringify(written));
  const child = priomesh('sidecar', '--config', config);
  const ready = await new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  const ports = JSON.parse(ready) as { inboundPort: number; outboundPort: number };
  return { child, config, socket: path.join(folder, 'tap.sock'), ...ports };
}

describe('priomesh tap of one sidecar', () => {
  it('shows each request on a line under titles, and ends after so many', async () => {
    const { socket, inboundPort, outboundPort } = await sidecar();
    const tap = priomesh('tap', socket, '--count', '3');
    await said(tap, 'listening to the sidecar of shop');
    await request(inboundPort, { path: '/product/7?token=secret' });
    await request(inboundPort, { path: '/export/all' });
    await request(outboundPort, {
      path: '/reviews/7',
      headers: { host: 'reviews', baggage: 'priomesh.class=batch' },
    });
    await request(inboundPort, { path: '/one-too-many' });
    const { exitCode, stdout } = await tap;
    expect(exitCode).toBe(0);
    const lines = stdout
      .split('\n')
      .map((line) => line.replaceAll(/\d+\.\d ms/g, 'N ms').replaceAll(/ +/g, ' '));
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, 'TIME '))).toEqual([
      'time (UTC) service event class reason what result waited took',
      'TIME shop in interactive rule pages GET /product/7 200 N ms N ms',
      'TIME shop in batch rule exports GET /export/all 200 N ms N ms',
      'TIME shop out batch wire GET reviews/reviews/7 200 - N ms',
    ]);
    expect(stdout).not.toContain('\u001b');
  });

  it('takes the configuration of a sidecar, prints JSON, and shows only what is asked for', async () => {
    const { config, inboundPort, outboundPort } = await sidecar();
    const ofClass = priomesh('tap', config, '--json', '--class', 'batch', '--count', '1');
    const ofService = priomesh('tap', config, '--json', '--service', 'reviews', '--count', '1');
    await Promise.all([said(ofClass, 'listening'), said(ofService, 'listening')]);
    await request(inboundPort, { path: '/product' });
    await request(inboundPort, { path: '/export/1' });
    await request(outboundPort, { path: '/reviews/1', headers: { host: 'reviews' } });
    expect(JSON.parse((await ofClass).stdout)).toMatchObject({
      event: 'request',
      service: 'shop',
      class: 'batch',
      path: '/export/1',
    });
    expect(JSON.parse((await ofService).stdout)).toMatchObject({ side: 'outbound', to: 'reviews' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly on %s', async (signal) => {
    const { socket, inboundPort } = await sidecar();
    const tap = priomesh('tap', socket);
    await said(tap, 'listening');
    tap.kill(signal);
    expect((await tap).exitCode).toBe(0);
    expect((await request(inboundPort)).body).toBe('ok');
  });

  it('ends cleanly when the sidecar does, also when that is killed', async () => {
    const first = await sidecar();
    const tap = priomesh('tap', first.socket);
    await said(tap, 'listening');
    first.child.kill('SIGTERM');
    expect(await tap).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('has ended the stream') });
    expect((await first.child).exitCode).toBe(0);
    const second = await sidecar();
    const again = priomesh('tap', second.socket);
    await said(again, 'listening');
    second.child.kill('SIGKILL');
    expect((await again).exitCode).toBe(0);
    // What the killed one left behind does not keep the next from starting.
    await sidecar();
  });

  it('says where events are missing because its reader was slow, and counts them', async () => {
    const { socket, inboundPort } = await sidecar();
    const tap = priomesh('tap', socket, '--json');
    await said(tap, 'listening');
    tap.kill('SIGSTOP');
    const requests = 12_000;
    const raw = 'GET /product HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(requests - 1);
    const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    await exchangeRaw(inboundPort, [raw, last]);
    const events: { event: string; count?: number; path?: string }[] = [];
    let rest = '';
    tap.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) events.push(JSON.parse(line));
      if (events.some((one) => one.path === '/end')) tap.kill('SIGINT');
      else if (events.some((one) => one.event === 'dropped')) void request(inboundPort, { path: '/end' });
    });
    tap.kill('SIGCONT');
    expect((await tap).exitCode).toBe(0);
    const dropped = events.reduce((sum, one) => sum + (one.count ?? 0), 0);
    const told = events.filter((one) => one.event === 'request' && one.path !== '/end').length;
    expect(dropped).toBeGreaterThan(0);
    expect(told + dropped).toBe(requests);
  });

  it('has colours on a terminal, unless NO_COLOR is set', async () => {
    const { socket, inboundPort } = await sidecar();
    const onTerminal = (env: Record<string, string>) => {
      const command = `${process.execPath} ${MAIN} tap ${socket} --count 1`;
      const child = execa('script', ['-qec', command, '/dev/null'], { reject: false, env });
      started.push(child);
      return child;
    };
    const taps = [onTerminal({}), onTerminal({ NO_COLOR: '1' })];
    // Both at once: what a terminal shows before somebody looks is not shown again.
    const listening = taps.map(
      (tap) =>
        new Promise<void>((resolve) => {
          let text = '';
          tap.stdout.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            if (text.includes('listening')) resolve();
          });
        }),
    );
    await Promise.all(listening);
    await request(inboundPort, { path: '/product' });
    const [coloured, plain] = await Promise.all(taps);
    expect(coloured?.stdout).toContain('\u001b[36minteractive');
    expect(plain?.stdout).toContain('interactive');
    expect(plain?.stdout).not.toContain('\u001b');
  });
});

describe('priomesh tap of something else', () => {
  async function refused(where: string, ...more: string[]): Promise<{ exitCode: number; stderr: string }> {
    const { exitCode = -1, stderr, stdout } = await priomesh('tap', where, ...more);
    expect(stdout).toBe('');
    expect(stderr).toContain('fix: ');
    return { exitCode, stderr };
  }

  it('is refused with one clear error', async () => {
    expect(await refused(path.join(folder, 'nothing'))).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('TAP_FAILED'),
    });
    await mkdir(path.join(folder, 'results'));
    expect((await refused('results')).stderr).toContain('no run is writing into this folder now');
    const { config, child } = await sidecar(false);
    expect((await refused(config)).stderr).toContain('the sidecar of shop has no tap');
    child.kill('SIGTERM');
    await child;
    await writeFile(path.join(folder, 'policy.yaml'), 'classes: [');
    expect(await refused('policy.yaml')).toMatchObject({ exitCode: 3 });
    const other = net.createServer((socket) => socket.end('220 mail.example ESMTP\r\n'));
    await new Promise<void>((resolve) => other.listen({ path: path.join(folder, 'other.sock') }, resolve));
    expect((await refused('other.sock')).stderr).toContain('not the stream of a tap');
    await new Promise((resolve) => other.close(resolve));
  });

  it('is refused for a class that the sidecar does not know, and for a wrong count', async () => {
    const { socket } = await sidecar();
    const unknown = await refused(socket, '--class', 'urgent');
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('interactive, batch') });
    expect((await refused(socket, '--count', '0')).exitCode).toBe(2);
  });

  it('is refused for a sidecar that was killed', async () => {
    const { socket, config, child } = await sidecar();
    child.kill('SIGKILL');
    await child;
    expect(await refused(socket)).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('ECONNREFUSED'),
    });
    expect((await refused(config)).exitCode).toBe(4);
  });
});

describe('priomesh tap of a run in progress', () => {
  it('shows all its sidecars, those of later trials too, and ends with it', async () => {
    const experiment = await writeSmallExperiment({
      arms: ['mesh'],
      trials: 2,
      warmupMs: 200,
      measureMs: 1500,
    });
    const out = path.join(experiment, 'results');
    await mkdir(out);
    const run = priomesh('run', experiment, '--quick', '--lab', 'local', '--out', out);
    await said(run, 'laboratory');
    const tap = priomesh('tap', out, '--json');
    const [ran, told] = await Promise.all([run, tap]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(told.exitCode, told.stderr).toBe(0);
    expect(told.stderr).toMatch(/000-mesh-0: listening to the sidecar of frontend/);
    expect(told.stderr).toMatch(/001-mesh-1: listening to the sidecar of frontend/);
    expect(told.stderr).toContain('the run has ended');
    const lines = told.stdout.split('\n').map((line) => JSON.parse(line) as RequestLine);
    const services = new Set(lines.map((line) => line.service));
    expect(services).toContain('frontend');
    expect(services.size).toBeGreaterThan(1);
    expect(new Set(lines.map((line) => line.class))).toEqual(new Set(['interactive', 'batch']));
    expect(new Set(lines.map((line) => line.side))).toEqual(new Set(['inbound', 'outbound']));
    await rm(experiment, { recursive: true, force: true });
  }, 120_000);
});
