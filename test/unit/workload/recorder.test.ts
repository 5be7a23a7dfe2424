import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditRequests } from '../../../src/workload/generator-audit.ts';
import { requestRow, writeRequests, writeThroughput } from '../../../src/workload/recorder.ts';
import { RequestLog } from '../../../src/workload/request-log.ts';
import { makeSchedule } from '../../../src/workload/schedule.ts';
import { ThroughputLog } from '../../../src/workload/throughput-log.ts';

const workloads = [
  { name: 'pages', class: 'interactive', arrivals: 'constant' as const, rateRps: 10 },
  { name: 'exports', class: 'batch', arrivals: 'poisson' as const, rateRps: 5 },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'recorder-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('requests.csv.gz', () => {
  test('has the columns and one row for each request, in order', async () => {
    const log = new RequestLog(makeSchedule(workloads, 1000, 1, 0));
    for (let id = 0; id < log.length; id += 1) {
      log.sent(id, log.record(id).intendedMs + 0.25, false);
      log.firstByte(id, 1200);
      log.body(id, 1000);
      log.body(id, 24);
      log.ended(id, 1201.23456, 200, id === 1 ? 12.5 : Number.NaN);
    }
    const file = path.join(folder, 'requests.csv.gz');
    await writeRequests(file, log, workloads, 500);
    const lines = gunzipSync(await readFile(file))
      .toString()
      .split('\n');
    expect(lines[0]).toBe(
      'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late,queue_wait_ms',
    );
    expect(lines.at(-1)).toBe('');
    expect(lines).toHaveLength(log.length + 2);
    for (const [id, line] of lines.slice(1, -1).entries()) {
      const cells = line.split(',');
      expect(cells).toHaveLength(13);
      expect(cells[0]).toBe(String(id));
      expect(cells[3]).toBe(Number(cells[4]) < 500 ? 'warmup' : 'measure');
      expect(cells.slice(6)).toEqual([
        '1200.000',
        '1201.235',
        '200',
        '1024',
        '',
        '0',
        id === 1 ? '12.500' : '',
      ]);
    }
  });

  test('leaves missing times empty and names the error', () => {
    const log = new RequestLog(makeSchedule(workloads, 1000, 1, 0));
    log.sent(0, 9.5, true);
    log.failed(0, 'timeout', 0);
    const cells = requestRow(log.record(0), { name: 'pages', class: 'interactive' }, 0).split(',');
    expect(cells.slice(5)).toEqual(['9.500', '', '', '0', '0', 'timeout', '1', '']);
  });

  test('says of a request that was never sent nothing but when it was intended', () => {
    const log = new RequestLog(makeSchedule(workloads, 1000, 1, 0));
    const cells = requestRow(log.record(0), { name: 'pages', class: 'interactive' }, 0).split(',');
    expect(cells.slice(5)).toEqual(['', '', '', '0', '0', '', '0', '']);
  });
});

describe('throughput.csv', () => {
  test('has every class in every bin', async () => {
    const log = new ThroughputLog(['interactive', 'batch'], 1000);
    log.add(0, 0, 5);
    log.add(1, 99.9, 7);
    log.add(1, 100, 11);
    const file = path.join(folder, 'throughput.csv');
    await writeThroughput(file, log, 250);
    expect(await readFile(file, 'utf8')).toBe(
      't_ms,class,bytes\n0,interactive,5\n0,batch,7\n100,interactive,0\n100,batch,11\n200,interactive,0\n200,batch,0\n',
    );
  });

  test('loses no byte, even one that comes after the end', () => {
    const event = fc.tuple(
      fc.integer({ min: 0, max: 1 }),
      fc.double({ min: 0, max: 5000, noNaN: true }),
      fc.nat(1e6),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const log = new ThroughputLog(['a', 'b'], 2000);
        for (const [position, atMs, bytes] of events) log.add(position, atMs, bytes);
        const total = [...log.rows(0)].reduce((sum, row) => sum + row.bytes, 0);
        expect(total).toBe(events.reduce((sum, [, , bytes]) => sum + bytes, 0));
      }),
    );
  });
});

test('the audit tells the phases apart and counts lateness, errors and statuses', () => {
  const log = new RequestLog(makeSchedule([{ name: 'a', arrivals: 'constant', rateRps: 100 }], 2000, 1, 0));
  for (let id = 0; id < log.length; id += 1) {
    const latenessMs = id < 100 ? 50 : id - 100;
    log.sent(id, log.record(id).intendedMs + latenessMs, latenessMs > 5);
    if (id % 2 === 0) log.ended(id, 5000, id % 4 === 0 ? 200 : 503, Number.NaN);
    else log.failed(id, 'timeout', 0);
  }
  const audit = auditRequests(log, 1000);
  expect(audit.warmup).toMatchObject({ sent: 100, late: 100 });
  expect(audit).toMatchObject({
    sent: 100,
    late: 94,
    errors: { timeout: 50 },
    statuses: { 200: 25, 503: 25 },
  });
  expect(audit.p50LatenessMs).toBeCloseTo(49, 6);
  expect(audit.p99LatenessMs).toBeCloseTo(98, 6);
  expect(audit.maxLatenessMs).toBeCloseTo(99, 6);
});
