import { REQUEST_ERRORS, type RequestError } from './http-client.ts';
import type { Schedule } from './schedule.ts';

const NO_TIME = Number.NaN;

/** What became of one request. Times are milliseconds from the start of the schedule, NaN when missing. */
export interface RequestRecord {
  readonly id: number;
  /** Position in the list of workloads. */
  readonly workload: number;
  readonly intendedMs: number;
  readonly sentMs: number;
  readonly firstByteMs: number;
  readonly endMs: number;
  /** 0 when no response head came. */
  readonly status: number;
  readonly bytes: number;
  readonly error: RequestError | undefined;
  readonly late: boolean;
  /** How long it waited in a queue, as its response says. */
  readonly queueWaitMs: number;
}

/** The outcome of every request of a schedule, in columns that are allocated before the first is sent (about 50 bytes a request). */
export class RequestLog {
  readonly #schedule: Schedule;
  readonly #sentMs: Float64Array;
  readonly #firstByteMs: Float64Array;
  readonly #endMs: Float64Array;
  readonly #bytes: Float64Array;
  readonly #queueWaitMs: Float64Array;
  readonly #status: Uint16Array;
  readonly #error: Uint8Array;
  readonly #late: Uint8Array;

  constructor(schedule: Schedule) {
    const { length } = schedule.intendedMs;
    this.#schedule = schedule;
    this.#sentMs = new Float64Array(length).fill(NO_TIME);
    this.#firstByteMs = new Float64Array(length).fill(NO_TIME);
    this.#endMs = new Float64Array(length).fill(NO_TIME);
    this.#bytes = new Float64Array(length);
    this.#queueWaitMs = new Float64Array(length).fill(NO_TIME);
    this.#status = new Uint16Array(length);
    this.#error = new Uint8Array(length);
    this.#late = new Uint8Array(length);
  }

  get length(): number {
    return this.#sentMs.length;
  }

  sent(id: number, atMs: number, late: boolean): void {
    this.#sentMs[id] = atMs;
    this.#late[id] = late ? 1 : 0;
  }

  firstByte(id: number, atMs: number): void {
    this.#firstByteMs[id] = atMs;
  }

  body(id: number, bytes: number): void {
    this.#bytes[id] = (this.#bytes[id] ?? 0) + bytes;
  }

  ended(id: number, atMs: number, status: number, queueWaitMs: number): void {
    this.#endMs[id] = atMs;
    this.#status[id] = status;
    this.#queueWaitMs[id] = queueWaitMs;
  }

  failed(id: number, error: RequestError, status: number): void {
    this.#error[id] = REQUEST_ERRORS.indexOf(error) + 1;
    this.#status[id] = status;
  }

  /** The record of one request; `id` counts from 0 in the order of intended times. */
  record(id: number): RequestRecord {
    return {
      id,
      workload: this.#schedule.workload[id] ?? 0,
      intendedMs: this.#schedule.intendedMs[id] ?? NO_TIME,
      sentMs: this.#sentMs[id] ?? NO_TIME,
      firstByteMs: this.#firstByteMs[id] ?? NO_TIME,
      endMs: this.#endMs[id] ?? NO_TIME,
      status: this.#status[id] ?? 0,
      bytes: this.#bytes[id] ?? 0,
      error: REQUEST_ERRORS[(this.#error[id] ?? 0) - 1],
      late: this.#late[id] === 1,
      queueWaitMs: this.#queueWaitMs[id] ?? NO_TIME,
    };
  }

  *[Symbol.iterator](): Generator<RequestRecord, void> {
    for (let id = 0; id < this.length; id += 1) yield this.record(id);
  }
}
