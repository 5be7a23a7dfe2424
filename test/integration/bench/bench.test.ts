import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AmqpBenchResult } from '../../../bench/amqp.ts';
import type { BenchResult } from '../../../bench/compare.ts';
import type { PlaneBenchResult } from '../../../bench/control-plane.ts';
import { childrenOf } from '../../../bench/proc.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../bench/main.ts');

/** A folder that is the run's only place for temporary files. */
async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bench-test-'));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function startBench(folder: string, ...args: string[]) {
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

// At the same time, each in a folder of its own: nothing here is about speed.
describe.concurrent('the benchmark', () => {
  it('measures every row against its peers, and leaves nothing behind', () =>
    inFolder(async (folder) => {
      const json = path.join(folder, 'result.json');
      const chart = path.join(folder, 'result.svg');
      const asked = ['--only', 'http1,start', '--rows', 'direct,haproxy,sidecar,sidecar-sources'];
      const { child, said } = startBench(folder, ...asked, '--json', json, '--chart', chart);
      const [code] = await once(child, 'close');
      expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
      expect(code).toBe(0);

      const result = JSON.parse(await readFile(json, 'utf8')) as BenchResult;
      expect(result.schema).toBe('priomesh/bench/v2');
      expect(result.machine.versions).toMatchObject({
        node: process.versions.node,
        haproxy: expect.stringMatching(/^\d/),
        nginx: expect.stringMatching(/^\d/),
        wrk: expect.stringMatching(/\d/),
      });
      const peersOf = (of: string, measure: string): string[] =>
        result.rows.filter((row) => row.case === of && row.measure === measure).map(({ peer }) => peer);
      const everyone = ['direct', 'haproxy', 'sidecar'];
      const proxies = everyone.slice(1);
      for (const load of ['http1-200', 'http1-1m']) {
        const of = `http1: ${load}, 64 connections`;
        expect(peersOf(of, 'throughputRps')).toEqual(everyone);
        expect(peersOf(of, 'cpuPerRequestUs')).toEqual(proxies);
      }
      const [fixed, half] = ['1000/s', 'half of the capacity'].map(
        (rate) => `http1: http1-200, latency at ${rate}`,
      );
      for (const quantile of ['P50', 'P99', 'P999']) {
        expect(peersOf(fixed ?? '', `added${quantile}Ms`)).toEqual(proxies);
        expect(peersOf(half ?? '', `added${quantile}Ms`)).toEqual(proxies);
      }
      expect(peersOf('start', 'startMs')).toEqual([...proxies, 'sidecar-sources']);

      const errors = result.rows.filter(({ measure }) => measure === 'errors');
      expect(errors.filter(({ max }) => max > 0)).toEqual([]);
      for (const row of result.rows.filter(({ measure }) =>
        /^(throughputRps|cpuPerRequestUs)$/.test(measure),
      )) {
        expect(row.median, `${row.measure} of ${row.peer}`).toBeGreaterThan(0);
        if (row.peer === 'sidecar') expect(row.ratios).toHaveProperty('haproxy');
      }
      expect(result.skipped).toEqual([]);
      for (const peer of everyone) expect(said.stdout).toMatch(new RegExp(`^${peer} `, 'm'));
      expect(await readFile(chart, 'utf8')).toContain('>http1: http1-1m, 64 connections<');
      expect((await readdir(folder)).sort()).toEqual(['result.json', 'result.svg']);
    }));

  it('measures connections to a message broker with and without what stands between', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'amqp.json');
      const { child, said } = startBench(folder, '--amqp', '--rows', 'direct,layer-on', '--json', file);
      const [code] = await once(child, 'close');
      expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
      expect(code).toBe(0);

      const { rows, broker } = JSON.parse(await readFile(file, 'utf8')) as AmqpBenchResult;
      expect(broker).toMatch(/^\d/);
      const everyone = ['direct', 'layer-on'];
      const measured = (measure: string): string[] =>
        rows.filter((row) => row.measure === measure && row.median > 0).map(({ peer }) => peer);
      for (const measure of ['messagesRps', 'requestP50Ms', 'requestP99Ms'])
        expect(measured(measure)).toEqual(everyone);
      for (const measure of ['cpuPerMessageUs', 'cpuPerRequestUs', 'rssBytes']) {
        expect(measured(measure)).toEqual(['layer-on']);
      }
      expect(rows.filter(({ measure, max }) => measure === 'errors' && max > 0)).toEqual([]);
      for (const peer of everyone) expect(said.stdout).toMatch(new RegExp(`^${peer} `, 'm'));
      expect(await readdir(folder)).toEqual(['amqp.json']);
    }));

  it('measures the control plane with ever more sidecars', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'plane.json');
      const { child, said } = startBench(folder, '--control-plane', '--rows', '10,100', '--json', file);
      const [code] = await once(child, 'close');
      expect(said.stderr).not.toMatch(/^[A-Z_]+: /m);
      expect(said.stderr).not.toContain('lost');
      expect(code).toBe(0);

      const { rows, samples } = JSON.parse(await readFile(file, 'utf8')) as PlaneBenchResult;
      const counts = ['10', '100'];
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
      expect(await readdir(folder)).toEqual(['plane.json']);
    }));

  it('ends everything when it is interrupted', () =>
    inFolder(async (folder) => {
      const { child, said } = startBench(folder, '--only', 'http1');
      const running = Promise.withResolvers<void>();
      child.stderr.on('data', () => {
        if (said.stderr.includes('warming nginx up')) running.resolve();
      });
      child.once('close', () => running.resolve());
      await running.promise;
      const pid = child.pid ?? 0;
      const children = await childrenOf(pid);
      const started = [...children, ...(await Promise.all(children.map(childrenOf))).flat()];
      // Upstreams, proxies and the load.
      expect(started.length).toBeGreaterThanOrEqual(6);
      child.kill('SIGINT');
      const [code] = await once(child, 'close');
      expect(code).toBe(130);
      for (const one of started) expect(() => process.kill(one, 0)).toThrow(/ESRCH/);
      expect(await readdir(folder)).toEqual([]);
    }));
});
