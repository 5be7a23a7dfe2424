import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AmqpBenchResult } from '../../../bench/amqp.ts';
import type { BenchResult } from '../../../bench/compare.ts';
import type { PlaneBenchResult } from '../../../bench/control-plane.ts';
import { childrenOf } from '../../../bench/proc.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../bench/main.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bench-test-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function startBench(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, '--quick', '--rounds', '1', '--seconds', '1', ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  return { child, said };
}

describe('the benchmark', () => {
  it('measures every row against its peers, and leaves nothing behind', async () => {
    const file = path.join(folder, 'result.json');
    const { child, said } = startBench('--json', file);
    const [code] = await once(child, 'close');
    expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
    expect(code).toBe(0);

    const result = JSON.parse(await readFile(file, 'utf8')) as BenchResult;
    expect(result.schema).toBe('priomesh/bench/v1');
    expect(result.machine.versions).toEqual({
      node: process.versions.node,
      haproxy: expect.stringMatching(/^\d/),
      nginx: expect.stringMatching(/^\d/),
      wrk: expect.stringMatching(/\d/),
    });
    const measured = new Map<string, string[]>();
    for (const { measure, peer } of result.rows)
      measured.set(measure, [...(measured.get(measure) ?? []), peer]);
    const everyone = ['direct', 'haproxy', 'nginx', 'sidecar', 'chain'];
    const proxies = everyone.slice(1);
    for (const body of ['Small', 'Large']) {
      expect(measured.get(`throughput${body}Rps`)).toEqual(everyone);
      expect(measured.get(`cpuPerRequest${body}Us`)).toEqual(proxies);
    }
    for (const quantile of ['P50', 'P99']) {
      expect(measured.get(`latency${quantile}Ms`)).toEqual(everyone);
      expect(measured.get(`addedLatency${quantile}Ms`)).toEqual(proxies);
    }
    for (const measure of ['rssIdleBytes', 'anonymousIdleBytes', 'rssLoadedBytes', 'anonymousLoadedBytes']) {
      expect(measured.get(measure)).toEqual(proxies);
    }
    expect(measured.get('startMs')).toEqual(['sidecar', 'sidecar-cached']);

    const errors = result.rows.filter(({ measure }) => measure.startsWith('errors'));
    expect(errors.filter(({ max }) => max > 0)).toEqual([]);
    const cost = result.rows.filter(({ measure }) => /^(throughput|cpuPerRequest)/.test(measure));
    for (const row of cost) {
      expect(row.median, `${row.measure} of ${row.peer}`).toBeGreaterThan(0);
      if (row.peer === 'sidecar') expect(row.ratios).toMatchObject({ haproxy: {}, nginx: {} });
    }
    for (const peer of everyone) expect(said.stdout).toMatch(new RegExp(`^${peer} `, 'm'));
    expect(await readdir(folder)).toEqual(['result.json']);
  });

  it('measures connections to a message broker with and without what stands between', async () => {
    const file = path.join(folder, 'amqp.json');
    const { child, said } = startBench('--amqp', '--json', file);
    const [code] = await once(child, 'close');
    expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
    expect(code).toBe(0);

    const { rows, broker } = JSON.parse(await readFile(file, 'utf8')) as AmqpBenchResult;
    expect(broker).toMatch(/^\d/);
    const everyone = ['direct', 'haproxy-tcp', 'layer-off', 'layer-on', 'governed'];
    const measured = (measure: string): string[] =>
      rows.filter((row) => row.measure === measure && row.median > 0).map(({ peer }) => peer);
    for (const measure of ['messagesRps', 'requestP50Ms', 'requestP99Ms'])
      expect(measured(measure)).toEqual(everyone);
    for (const measure of ['cpuPerMessageUs', 'cpuPerRequestUs', 'rssBytes']) {
      expect(measured(measure)).toEqual(everyone.slice(1));
    }
    expect(rows.filter(({ measure, max }) => measure === 'errors' && max > 0)).toEqual([]);
    for (const peer of everyone) expect(said.stdout).toMatch(new RegExp(`^${peer} `, 'm'));
    await rm(file);
    expect(await readdir(folder)).toEqual(['result.json']);
  });

  it('measures the control plane with ever more sidecars', async () => {
    const file = path.join(folder, 'plane.json');
    const { child, said } = startBench('--control-plane', '--json', file);
    const [code] = await once(child, 'close');
    expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
    expect(said.stderr).not.toContain('lost');
    expect(code).toBe(0);

    const { rows, samples } = JSON.parse(await readFile(file, 'utf8')) as PlaneBenchResult;
    const counts = ['10', '100', '1000'];
    expect(samples.map(({ sidecars }) => String(sidecars))).toEqual(counts);
    const measured = (measure: string): string[] =>
      rows.filter((row) => row.measure === measure && row.median > 0).map(({ peer }) => peer);
    for (const measure of ['followMs', 'rssBytes', 'cpuPerHintsMs', 'firstMs', 'medianMs', 'lastMs'])
      expect(measured(measure)).toEqual(counts);
    for (const { firstMs, medianMs, lastMs } of samples) {
      for (const [index, last] of lastMs.entries()) {
        expect(firstMs[index]).toBeLessThanOrEqual(medianMs[index] ?? 0);
        expect(medianMs[index]).toBeLessThanOrEqual(last);
      }
    }
    for (const count of counts) expect(said.stdout).toMatch(new RegExp(`^${count} `, 'm'));
    await rm(file);
    expect((await readdir(folder)).filter((name) => name.startsWith('pm-bench-'))).toEqual([]);
  });

  it('ends everything when it is interrupted', async () => {
    const { child, said } = startBench();
    const running = Promise.withResolvers<void>();
    child.stderr.on('data', () => {
      if (said.stderr.includes('round 1 of 1')) running.resolve();
    });
    child.once('close', () => running.resolve());
    await running.promise;
    const pid = child.pid ?? 0;
    const children = await childrenOf(pid);
    const started = [...children, ...(await Promise.all(children.map(childrenOf))).flat()];
    expect(started.length).toBeGreaterThanOrEqual(6);
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
    for (const one of started) expect(() => process.kill(one, 0)).toThrow(/ESRCH/);
    expect((await readdir(folder)).filter((name) => name.startsWith('priomesh-bench-'))).toEqual([]);
  });
});
