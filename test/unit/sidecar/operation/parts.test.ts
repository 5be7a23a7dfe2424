import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSidecarFiles } from '../../../../src/config/index.ts';
import { Histogram, jsonLogger, silentLogger } from '../../../../src/core/index.ts';
import { LineSink } from '../../../../src/sidecar/operation/access-log/sink.ts';
import { redact } from '../../../../src/sidecar/operation/admin/redact.ts';
import { Reloader } from '../../../../src/sidecar/operation/index.ts';
import { bounded } from '../../../../src/sidecar/operation/metrics/bounded.ts';
import { Exposition } from '../../../../src/sidecar/operation/metrics/open-metrics.ts';
import { SpanQueue } from '../../../../src/sidecar/operation/traces/span-queue.ts';
import { parseOpenMetrics } from '../../../integration/sidecar/operation/open-metrics.ts';
import { repositoryText } from '../../config/support.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-operation-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** The example, with these keys no comments any more. */
async function example(change: (text: string) => string): Promise<string> {
  const file = path.join(folder, 'sidecar.yaml');
  const text = repositoryText('docs/examples/sidecar.yaml').replaceAll(
    '../../policies/case-study.yaml',
    path.resolve(import.meta.dirname, '../../../../policies/case-study.yaml'),
  );
  await writeFile(file, change(text.replaceAll(/^# (?=[a-zA-Z]+: )/gm, '')));
  return file;
}

describe('the keys by which a sidecar is operated', () => {
  it('stand in the example as they may be used', async () => {
    const { config, files } = await loadSidecarFiles(await example((text) => text));
    expect(config).toMatchObject({ watch: true, admin: {}, accessLog: { samplePercent: 1 }, traces: {} });
    expect(config.limits?.drainDelayMs).toBe(5000);
    expect(files.map((file) => path.basename(file))).toEqual(['sidecar.yaml', 'case-study.yaml']);
  });

  it('do not open the admin API to others', async () => {
    for (const host of ['0.0.0.0', '192.0.2.1', '::', 'example.org', '::ffff:192.0.2.1']) {
      const file = await example((text) =>
        text.replace('host: 127.0.0.1, port: 15020', `host: "${host}", port: 15020`),
      );
      await expect(loadSidecarFiles(file)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('no loopback address'),
        place: { file, line: expect.any(Number) },
      });
    }
    for (const host of ['127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      const file = await example((text) =>
        text.replace('host: 127.0.0.1, port: 15020', `host: "${host}", port: 15020`),
      );
      await expect(loadSidecarFiles(file)).resolves.toBeDefined();
    }
    const both = await example((text) => text.replace('admin: {', 'admin: { socket: /tmp/x,'));
    await expect(loadSidecarFiles(both)).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
  });
});

describe('a configuration for people to see', () => {
  it('has no secret', () => {
    const shown = JSON.stringify(
      redact({
        traces: { endpoint: 'http://user:hunter1@host/v1', headers: { 'x-any': 'hunter2' } },
        rules: [{ match: { headers: { authorization: 'hunter3', 'x-tenant': 'a' } } }],
        broker: { passwordFile: '/run/password', userName: 'guest' },
      }),
    );
    expect(shown).not.toContain('hunter');
    expect(shown).toContain('/run/password');
    expect(shown).toContain('"x-tenant":"a"');
  });
});

describe('a logger', () => {
  it('is set, with all that were made from it', () => {
    const lines: string[] = [];
    const logger = jsonLogger((line) => lines.push(line));
    const child = logger.with({ of: 'it' });
    child.log('debug', 'not written');
    logger.level = 'debug';
    child.log('debug', 'written');
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['written']);
  });
});

describe('the buckets of a histogram', () => {
  it('hold at powers of two exactly what lies below', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** 27 }), { maxLength: 200 }), (values) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const edges = Array.from({ length: 18 }, (_, index) => 2 ** (index + 8));
        expect(histogram.countsBelow(edges)).toEqual(
          edges.map((edge) => values.filter((value) => value < edge).length),
        );
      }),
    );
  });
});

describe('an exposition', () => {
  it('can be read whatever stands in labels and help', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), (label, help) => {
        const exposition = new Exposition();
        const sayable = `help ${help.replaceAll(/[\r\u2028\u2029]/g, '')}`;
        const family = exposition.family({ name: 'a', type: 'counter', help: sayable });
        family.add({ b: label }, 1);
        const read = parseOpenMetrics(exposition.text()).get('a')?.samples[0]?.labels['b'] ?? '';
        const unescaped = read.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
        expect(unescaped).toBe(label);
      }),
    );
  });

  it('adds up what is beyond its bound, and no counter falls', () => {
    const counts = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(bounded(counts, 2)).toEqual([
      ['a', 1],
      ['b', 2],
      ['(other)', 3],
    ]);
    counts.set('d', 4);
    expect(bounded(counts, 2).at(-1)).toEqual(['(other)', 7]);
  });
});

describe('what waits to go out', () => {
  it('is bounded where spans go nowhere, and what is lost is counted', async () => {
    let end: (arrived: boolean) => void = () => undefined;
    const sent: number[] = [];
    const queue = new SpanQueue<number>((spans) => {
      sent.push(spans.length);
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    for (let span = 0; span < 5000; span += 1) queue.add(span);
    expect(queue.statistics()).toEqual({ waiting: 2048, exported: 0, dropped: 5000 - 512 - 2048, failed: 0 });
    expect(sent).toEqual([512]);
    const closed = queue.close();
    for (let batch = 0; batch < 5; batch += 1) {
      end(batch > 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    expect(queue.statistics()).toMatchObject({ waiting: 0, exported: 2048, failed: 512 });
  });

  it('is bounded where lines are not written, and what is lost is counted', async () => {
    const file = path.join(folder, 'log');
    const sink = await LineSink.open(file, 60_000, silentLogger);
    const line = 'x'.repeat(1024);
    for (let index = 0; index < 5000; index += 1) sink.add(line);
    const { lines, dropped } = sink.statistics();
    expect(lines).toBeGreaterThan(4000);
    expect(lines + dropped).toBe(5000);
    await sink.close();
    expect(sink.statistics().bytes).toBe(lines * 1025);
  });
});

describe('reloads', () => {
  it('are one after the other, and those that are asked for meanwhile are one', async () => {
    let applying = 0;
    let loads = 0;
    const reloader = new Reloader({
      logger: silentLogger,
      load: async () => {
        loads += 1;
        return { config: { policy: { name: 'p' } } as never, files: [] };
      },
      apply: async () => {
        applying += 1;
        expect(applying).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        applying -= 1;
      },
      applied: () => undefined,
    });
    const generations = await Promise.all([
      reloader.reload(),
      reloader.reload(),
      reloader.reload(),
      reloader.replace({ policy: { name: 'q' } } as never),
    ]);
    expect(loads).toBe(2);
    expect(new Set(generations).size).toBe(3);
    expect(reloader.statistics()).toMatchObject({ generation: 4, reloads: 3, refused: 0 });
  });

  it('that fail leave the number as it is, and say why', async () => {
    const reloader = new Reloader({
      logger: silentLogger,
      load: () => Promise.reject(new Error('no such file')),
      apply: async () => undefined,
      applied: () => undefined,
    });
    await expect(reloader.reload()).rejects.toThrow('no such file');
    expect(reloader.statistics()).toEqual({
      generation: 1,
      reloads: 0,
      refused: 1,
      lastError: 'no such file',
    });
  });
});
