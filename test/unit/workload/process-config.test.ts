import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ApplicationGraph } from '../../../src/config/index.ts';
import { applicationConfigSchema } from '../../../src/workload/application-config.ts';
import { generatorConfigSchema } from '../../../src/workload/generator-config.ts';
import type { ApplicationConfig, GeneratorConfig } from '../../../src/workload/index.ts';
import { checkConfig, configFileFrom, readProcessConfig } from '../../../src/workload/process-config.ts';

const graph: ApplicationGraph = {
  schema: 'priomesh/graph/v1',
  name: 'g',
  services: {
    a: {
      workers: 2,
      routes: [
        {
          path: '/',
          method: 'GET',
          computeMs: 1,
          responseBytes: 10,
          calls: [{ service: 'b', path: '/', via: 'http', relay: false }],
          parallel: false,
        },
      ],
    },
    b: { workers: 2, routes: [] },
  },
};

const application: ApplicationConfig = {
  graph,
  service: 'a',
  listen: { host: '127.0.0.1', port: 8080 },
  upstreams: { b: { host: '::1', port: 15001 } },
  baselineCongestionControl: 'cubic',
};

const broker = { address: { host: '127.0.0.1', port: 5672 } };

/** The same graph, in which b is called through a queue. */
function queued(consumes: { queue: string; prefetch: number } | undefined): ApplicationConfig['graph'] {
  const call = { service: 'b', path: '/', via: 'amqp' as const, relay: false };
  const route = { path: '/', method: 'GET', computeMs: 1, responseBytes: 10, calls: [call], parallel: false };
  return {
    ...graph,
    services: { a: { workers: 2, routes: [route] }, b: { workers: 2, consumes, routes: [] } },
  };
}

const workload = {
  name: 'pages',
  class: 'interactive',
  method: 'GET',
  path: '/page/7?x=1',
  arrivals: 'poisson' as const,
  rateRps: 60,
  timeoutMs: 1000,
};

const generator: GeneratorConfig = {
  target: { host: '127.0.0.1', port: 80 },
  host: 'frontend',
  workloads: [workload],
  seed: 1,
  warmupMs: 0,
  measureMs: 1000,
  drainMs: 100,
  requestsFile: 'a',
  throughputFile: 'b',
};

describe('the configuration of a process', () => {
  test('is taken as the experiment writes it, with defaults', () => {
    expect(checkConfig(applicationConfigSchema, application, 'f')).toMatchObject({
      ...application,
      maxWaiting: 16_384,
    });
    const messages = { ...application, graph: queued({ queue: 'jobs', prefetch: 3 }), upstreams: {}, broker };
    expect(checkConfig(applicationConfigSchema, messages, 'f').broker).toEqual({
      ...broker,
      virtualHost: '/',
    });
    expect(checkConfig(generatorConfigSchema, generator, 'f')).toMatchObject({ trial: 0, lateMs: 5 });
  });

  test.each([
    ['an unknown key', { ...application, clas: 1 }, 'CONFIG_UNKNOWN_KEY', 'clas'],
    [
      'a service that is not in the graph',
      { ...application, service: 'c' },
      'CONFIG_INVALID',
      'no service c',
    ],
    [
      'a call by amqp without a broker',
      { ...application, graph: queued({ queue: 'jobs', prefetch: 0 }), upstreams: {} },
      'CONFIG_INVALID',
      'no address of a message broker, which a uses',
    ],
    [
      'a consumer without a broker',
      { ...application, graph: queued({ queue: 'jobs', prefetch: 0 }), service: 'b', upstreams: {} },
      'CONFIG_INVALID',
      'no address of a message broker, which b uses',
    ],
    [
      'a call by amqp of a service without a queue',
      { ...application, graph: queued(undefined), upstreams: {}, broker },
      'CONFIG_INVALID',
      'b, which a calls by amqp, consumes no queue',
    ],
    ['a callee without address', { ...application, upstreams: {} }, 'CONFIG_INVALID', 'no address for b'],
    [
      'a host name',
      { ...application, listen: { host: 'localhost', port: 1 } },
      'CONFIG_INVALID',
      'listen.host',
    ],
  ])('of the application with %s is refused', (_name, value, code, words) => {
    expect(() => checkConfig<unknown>(applicationConfigSchema, value, 'f.json')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });

  test.each([
    ['a line break in the path', { ...workload, path: '/a\r\nx: y' }, 'workloads.0.path'],
    ['a comma in the name', { ...workload, name: 'a,b' }, 'workloads.0.name'],
    ['more requests than fit', { ...workload, rateRps: 99_999 }, 'more than'],
    ['a rate of nothing', { ...workload, rateRps: 0 }, 'workloads.0.rateRps'],
  ])('of the generator with %s is refused', (_name, bad, words) => {
    const value = { ...generator, measureMs: 100_000, workloads: [bad] };
    expect(() => checkConfig<unknown>(generatorConfigSchema, value, 'f.json')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(words) }),
    );
  });

  test('of the generator with two workloads of one name is refused', () => {
    const value = { ...generator, workloads: [workload, workload] };
    expect(() => checkConfig(generatorConfigSchema, value, 'f.json')).toThrow(/same name/);
  });

  test('names all findings', () => {
    const value = { ...generator, seed: -1, host: 'a b' };
    expect(() => checkConfig(generatorConfigSchema, value, 'f.json')).toThrow(/host: .*; seed: /);
  });

  test('is refused with the right code when it cannot be read', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'config-'));
    try {
      const file = path.join(folder, 'c.json');
      const read = () => readProcessConfig(file, generatorConfigSchema);
      await expect(read()).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
      await writeFile(file, '{"a": ');
      await expect(read()).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
      await writeFile(file, ' '.repeat(5_000_000));
      await expect(read()).rejects.toMatchObject({ code: 'CONFIG_TOO_LARGE' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('is named by --config and by nothing else', () => {
    expect(configFileFrom(['--config', 'x.json'])).toBe('x.json');
    for (const argv of [[], ['x.json'], ['--other', 'x'], ['--config']]) {
      expect(() => configFileFrom(argv)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});
