import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { httpApplication, request, type TestServer, until } from '../harness.ts';
import { load } from './load.ts';

const MAIN = new URL('../../../../src/sidecar/main.ts', import.meta.url).pathname;
const POLICY = new URL('../../../../policies/case-study.yaml', import.meta.url).pathname;

let folder = '';
let application: TestServer;
let child: ChildProcess | undefined;
let policy = '';
let errors = '';

interface Ready {
  readonly inboundPort: number;
  readonly adminPort: number;
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-files-'));
  application = await httpApplication((_incoming, response) => {
    response.writeHead(200, { 'content-length': 2 }).end('ok');
  });
  policy = await readFile(POLICY, 'utf8');
  await writeFile(path.join(folder, 'policy.yaml'), policy);
  errors = '';
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await application.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(more = ''): Promise<Ready> {
  const file = path.join(folder, 'sidecar.yaml');
  await writeFile(
    file,
    `service: tested
policy: policy.yaml
layers: [queue]
baselineCongestionControl: ""
inbound:
  listen: { host: 127.0.0.1, port: 0 }
  application: { host: 127.0.0.1, port: ${application.port} }
  ingress: true
admin: { listen: { host: 127.0.0.1, port: 0 } }
${more}`,
  );
  const started = spawn(process.execPath, [MAIN, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  started.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve) => {
    started.stdout.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString()) as Ready));
  });
}

async function configuration(port: number) {
  const { body } = await request(port, { path: '/config' });
  return JSON.parse(body) as {
    generation: number;
    refused: number;
    lastError: string | null;
    config: { policy: { queue: { capacity: number } } };
  };
}

async function untilConfiguration(
  port: number,
  holds: (now: Awaited<ReturnType<typeof configuration>>) => boolean,
): Promise<Awaited<ReturnType<typeof configuration>>> {
  let now = await configuration(port);
  while (!holds(now)) now = await configuration(port);
  return now;
}

/** Puts a whole file in the place of another, as editors and most tools do. */
async function replace(text: string): Promise<void> {
  const made = path.join(folder, 'new.yaml');
  await writeFile(made, text);
  await rename(made, path.join(folder, 'policy.yaml'));
}

const withCapacity = (capacity: number): string => {
  const changed = policy.replace(/capacity: \d+/, `capacity: ${capacity}`);
  expect(changed).toContain(`capacity: ${capacity}`);
  return changed;
};

describe('a sidecar whose files change', () => {
  it('reads them again on SIGHUP, and says where a wrong one is wrong', async () => {
    const { adminPort, inboundPort } = await start();
    const clients = load(8, () => ({ port: inboundPort, path: '/' }));
    await replace(withCapacity(77));
    child?.kill('SIGHUP');
    const now = await untilConfiguration(adminPort, ({ generation }) => generation === 2);
    expect(now.config.policy.queue.capacity).toBe(77);
    await replace(withCapacity(78).replace('capacity:', 'capacety:'));
    child?.kill('SIGHUP');
    const refused = await untilConfiguration(adminPort, (one) => one.refused === 1);
    expect(refused).toMatchObject({ generation: 2, config: { policy: { queue: { capacity: 77 } } } });
    expect(refused.lastError).toMatch(/policy\.yaml:\d+:\d+: CONFIG_UNKNOWN_KEY: /);
    await until(() => errors.includes('the old one holds'));
    expect(errors).toMatch(/policy\.yaml:\d+:\d+/);
    await clients.stop();
    expect(clients.seen).toMatchObject({ failed: 0, why: [] });
    child?.kill('SIGTERM');
    await until(() => child?.exitCode !== null);
    expect(child?.exitCode).toBe(0);
  });

  it('looks for changes by itself when it is told to watch', async () => {
    const { adminPort } = await start('watch: true\n');
    await replace(withCapacity(55));
    const now = await untilConfiguration(adminPort, ({ generation }) => generation === 2);
    expect(now.config.policy.queue.capacity).toBe(55);
    await replace(withCapacity(56));
    await untilConfiguration(adminPort, ({ config }) => config.policy.queue.capacity === 56);
  });
});
