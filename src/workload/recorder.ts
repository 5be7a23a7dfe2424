import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Workload } from './generator-config.ts';
import type { RequestLog, RequestRecord } from './request-log.ts';
import type { ThroughputLog } from './throughput-log.ts';

/** The columns of requests.csv.gz. */
const REQUEST_COLUMNS = [
  'id',
  'class',
  'workload',
  'phase',
  'intended_ms',
  'sent_ms',
  'first_byte_ms',
  'end_ms',
  'status',
  'bytes',
  'error',
  'late',
  'queue_wait_ms',
] as const;

/** The columns of throughput.csv. */
const THROUGHPUT_COLUMNS = ['t_ms', 'class', 'bytes'] as const;

const ROWS_A_PIECE = 1000;

function time(ms: number): string {
  return Number.isNaN(ms) ? '' : ms.toFixed(3);
}

/** One row of requests.csv.gz, without the line's end. */
export function requestRow(
  record: RequestRecord,
  workload: Pick<Workload, 'name' | 'class'>,
  warmupMs: number,
): string {
  return [
    record.id,
    workload.class,
    workload.name,
    record.intendedMs < warmupMs ? 'warmup' : 'measure',
    time(record.intendedMs),
    time(record.sentMs),
    time(record.firstByteMs),
    time(record.endMs),
    record.status,
    record.bytes,
    record.error ?? '',
    record.late ? 1 : 0,
    time(record.queueWaitMs),
  ].join(',');
}

function* pieces(header: readonly string[], rows: Iterable<string>): IterableIterator<string> {
  let piece = `${header.join(',')}\n`;
  let count = 0;
  for (const row of rows) {
    piece += `${row}\n`;
    count += 1;
    if (count % ROWS_A_PIECE === 0) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

async function writeLines(
  file: string,
  header: readonly string[],
  rows: Iterable<string>,
  compress: boolean,
): Promise<void> {
  const source = Readable.from(pieces(header, rows));
  const sink = createWriteStream(file, { flush: true });
  if (compress) await pipeline(source, createGzip(), sink);
  else await pipeline(source, sink);
}

/** Writes requests.csv.gz and waits until it is on the disk. */
export async function writeRequests(
  file: string,
  log: RequestLog,
  workloads: readonly Pick<Workload, 'name' | 'class'>[],
  warmupMs: number,
): Promise<void> {
  const rows = log[Symbol.iterator]().map((record) => {
    const workload = workloads[record.workload] ?? { name: '', class: '' };
    return requestRow(record, workload, warmupMs);
  });
  await writeLines(file, REQUEST_COLUMNS, rows, true);
}

/** Writes throughput.csv and waits until it is on the disk. `endMs` is when the trial ended. */
export async function writeThroughput(file: string, log: ThroughputLog, endMs: number): Promise<void> {
  const rows = log.rows(endMs).map((row) => `${row.tMs},${row.className},${row.bytes}`);
  await writeLines(file, THROUGHPUT_COLUMNS, rows, false);
}
