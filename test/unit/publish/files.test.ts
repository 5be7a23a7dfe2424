import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCounters } from '../../../src/publish/counters.ts';
import { readManifest } from '../../../src/publish/manifest.ts';
import { readRequests, readThroughput } from '../../../src/publish/records-file.ts';
import { readTrials } from '../../../src/publish/trials.ts';

const HEADER = 'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function requestsFile(name: string, ...lines: string[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, gzipSync(`${lines.join('\n')}\n`));
  return file;
}

describe('readRequests', () => {
  it('reads what the generator writes', async () => {
    const file = await requestsFile(
      'good.csv.gz',
      HEADER,
      '0,interactive,pages,warmup,1.500,1.600,3.000,4.250,200,4000,,0',
      '1,batch,exports,measure,2.000,2.100,,,,0,timeout,1',
    );
    expect(await readRequests(file)).toEqual([
      {
        className: 'interactive',
        workload: 'pages',
        phase: 'warmup',
        intendedMs: 1.5,
        sentMs: 1.6,
        endMs: 4.25,
        status: 200,
        bytes: 4000,
        error: '',
        late: false,
      },
      {
        className: 'batch',
        workload: 'exports',
        phase: 'measure',
        intendedMs: 2,
        sentMs: 2.1,
        endMs: undefined,
        status: undefined,
        bytes: 0,
        error: 'timeout',
        late: true,
      },
    ]);
  });

  it.each([
    ['a missing column', [HEADER.replace(',late', '')], /:1: column late is missing/],
    ['a short line', [HEADER, '0,interactive'], /:2: 2 fields where the header has 12/],
    ['a strange phase', [HEADER, '0,a,b,middle,1,1,1,1,200,1,,0'], /:2: unknown phase `middle`/],
    ['no number', [HEADER, '0,a,b,measure,x,1,1,1,200,1,,0'], /:2: `x` is not a number/],
    ['no intended time', [HEADER, '0,a,b,measure,,1,1,1,200,1,,0'], /:2: intended_ms is empty/],
  ])('refuses %s, naming the line', async (name, lines, message) => {
    const file = await requestsFile(`${name.replaceAll(' ', '-')}.csv.gz`, ...lines);
    await expect(readRequests(file)).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('refuses what is not there or not compressed', async () => {
    await expect(readRequests(path.join(folder, 'none.csv.gz'))).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
    });
    const plain = path.join(folder, 'plain.csv.gz');
    await writeFile(plain, HEADER);
    await expect(readRequests(plain)).rejects.toMatchObject({ code: 'RESULTS_INVALID' });
  });
});

describe('readThroughput', () => {
  it('reads bins', async () => {
    const file = path.join(folder, 'throughput.csv');
    await writeFile(file, 't_ms,class,bytes\n0,batch,100\n100,batch,0\n');
    expect(await readThroughput(file)).toEqual([
      { startMs: 0, className: 'batch', bytes: 100 },
      { startMs: 100, className: 'batch', bytes: 0 },
    ]);
  });
});

describe('readCounters', () => {
  it('reads ports and sidecars, and a missing file as none', async () => {
    const file = path.join(folder, 'counters.jsonl');
    const port = {
      t_ms: 5,
      source: 'port',
      name: 'p',
      classes: [{ className: 'batch', bytes: 7, drops: 1, backlogBytes: 3 }],
    };
    await writeFile(
      file,
      `${JSON.stringify(port)}\n${JSON.stringify({ t_ms: 6, source: 'sidecar', classes: { a: 1 } })}\n`,
    );
    const [first, second] = await readCounters(file);
    expect(first?.classes).toEqual([{ className: 'batch', bytes: 7, drops: 1, backlogBytes: 3 }]);
    expect(second).toMatchObject({ source: 'sidecar', classes: [], raw: { classes: undefined } });
    expect(await readCounters(path.join(folder, 'none.jsonl'))).toEqual([]);
  });

  it('names the line that it cannot read', async () => {
    const file = path.join(folder, 'broken.jsonl');
    await writeFile(file, '{"t_ms":1,"source":"port"}\n{oops\n');
    await expect(readCounters(file)).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
      message: expect.stringContaining('broken.jsonl:2'),
    });
  });
});

describe('readTrials', () => {
  async function trial(root: string, name: string, audit: object | undefined): Promise<void> {
    const at = path.join(root, 'trials', name);
    await mkdir(at, { recursive: true });
    await writeFile(path.join(at, 'requests.csv.gz'), gzipSync(`${HEADER}\n`));
    await writeFile(path.join(at, 'throughput.csv'), 't_ms,class,bytes\n');
    if (audit !== undefined) await writeFile(path.join(at, 'audit.json'), JSON.stringify(audit));
  }

  it('takes the last valid attempt, counts void ones, and leaves out what did not end', async () => {
    const root = path.join(folder, 'run');
    const valid = { verdict: { valid: true, reasons: [] } };
    await trial(root, '000-interactive-only-0', valid);
    await trial(root, '001-mesh-0', { verdict: { valid: false, reasons: ['late', 'steal'] } });
    await trial(root, '001-mesh-0-again1', valid);
    await trial(root, '001-mesh-0-again2', valid);
    await trial(root, '002-mesh-1', undefined);
    await trial(root, 'notes', valid);
    const set = await readTrials(root);
    expect(set.trials.map(({ arm, block, folder: at }) => [arm, block, at])).toEqual([
      ['interactive-only', 0, 'trials/000-interactive-only-0'],
      ['mesh', 0, 'trials/001-mesh-0-again2'],
    ]);
    expect(set.void).toEqual(['late; steal']);
  });

  it('refuses a folder without trials and an audit of another form', async () => {
    await expect(readTrials(path.join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'RESULTS_INVALID' });
    const root = path.join(folder, 'odd');
    await trial(root, '000-mesh-0', { fine: true });
    await expect(readTrials(root)).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
      message: expect.stringContaining('audit.json'),
    });
  });
});

describe('readManifest', () => {
  it('names every objection', async () => {
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify({ schema: 'priomesh/manifest/v2' }));
    await expect(readManifest(folder)).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
      message: expect.stringMatching(/schema: .*experiment: .*policy: /),
    });
    await expect(readManifest(path.join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'RESULTS_INVALID',
    });
  });
});
