import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { RequestRecord, ThroughputBin } from '../analysis/index.ts';
import { messageOf, PriomeshError } from '../core/index.ts';

const unzip = promisify(gunzip);

/** The most that a trial's request records may unpack to. */
const REQUESTS_LIMIT_BYTES = 512 * 1024 * 1024;

const REQUEST_COLUMNS = [
  'class',
  'workload',
  'phase',
  'intended_ms',
  'sent_ms',
  'end_ms',
  'status',
  'bytes',
  'error',
  'late',
] as const;
/** What the generators of older versions do not write. */
const LATER_COLUMNS = ['queue_wait_ms'] as const;
const THROUGHPUT_COLUMNS = ['t_ms', 'class', 'bytes'] as const;

/** Reads `requests.csv.gz` of a trial. Throws RESULTS_INVALID with file and line when it is not what the generator writes. */
export async function readRequests(file: string): Promise<RequestRecord[]> {
  const text = await readText(file, async (bytes) =>
    (await unzip(bytes, { maxOutputLength: REQUESTS_LIMIT_BYTES })).toString('utf8'),
  );
  return rows(file, text, REQUEST_COLUMNS, LATER_COLUMNS, (field, place) => {
    const phase = field('phase');
    if (phase !== 'warmup' && phase !== 'measure') throw invalid(place, `unknown phase \`${phase}\``);
    const intendedMs = numeric(field('intended_ms'), place);
    if (intendedMs === undefined) throw invalid(place, 'intended_ms is empty');
    return {
      className: field('class'),
      workload: field('workload'),
      phase,
      intendedMs,
      sentMs: numeric(field('sent_ms'), place),
      endMs: numeric(field('end_ms'), place),
      status: numeric(field('status'), place),
      bytes: numeric(field('bytes'), place) ?? 0,
      error: field('error'),
      late: field('late') === '1',
      queueWaitMs: numeric(field('queue_wait_ms'), place),
    };
  });
}

/** Reads `throughput.csv` of a trial. Throws RESULTS_INVALID with file and line when it is not what the generator writes. */
export async function readThroughput(file: string): Promise<ThroughputBin[]> {
  const text = await readText(file, async (bytes) => bytes.toString('utf8'));
  return rows(file, text, THROUGHPUT_COLUMNS, [], (field, place) => ({
    startMs: numeric(field('t_ms'), place) ?? 0,
    className: field('class'),
    bytes: numeric(field('bytes'), place) ?? 0,
  }));
}

async function readText(file: string, decode: (bytes: Buffer) => Promise<string>): Promise<string> {
  try {
    return await decode(await readFile(file));
  } catch (error) {
    throw new PriomeshError('RESULTS_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Reads a table whose header names its columns; a column that may be missing is then empty. */
function rows<Column extends string, Row>(
  file: string,
  text: string,
  columns: readonly Column[],
  optional: readonly Column[],
  read: (field: (column: Column) => string, place: string) => Row,
): Row[] {
  const lines = text.split('\n');
  const header = (lines[0] ?? '').trimEnd().split(',');
  const positions = new Map<Column, number>();
  for (const column of columns) {
    const position = header.indexOf(column);
    if (position < 0) throw invalid(`${file}:1`, `column ${column} is missing`);
    positions.set(column, position);
  }
  for (const column of optional) positions.set(column, header.indexOf(column));
  const result: Row[] = [];
  for (let index = 1; index < lines.length; index += 1) {
    const line = (lines[index] ?? '').trimEnd();
    if (line === '') continue;
    const place = `${file}:${index + 1}`;
    const fields = line.split(',');
    if (fields.length !== header.length) {
      throw invalid(place, `${fields.length} fields where the header has ${header.length}`);
    }
    result.push(read((column) => fields[positions.get(column) ?? -1] ?? '', place));
  }
  return result;
}

function numeric(field: string, place: string): number | undefined {
  if (field === '') return undefined;
  const value = Number(field);
  if (!Number.isFinite(value)) throw invalid(place, `\`${field}\` is not a number`);
  return value;
}

function invalid(place: string, message: string): PriomeshError {
  return new PriomeshError('RESULTS_INVALID', `${place}: ${message}`);
}
