import type { QueuedResponse } from './message-format.ts';

/** An execution under way, with all who wait for it. */
export interface Running<Waiter> {
  readonly fingerprint: string;
  readonly waiters: Waiter[];
  /** Which execution of this request it is on this worker, from 1. */
  readonly attempt: number;
  /** Breaks it off. */
  readonly abort: AbortController;
}

/** What a worker knows of a request that has come. */
export type Known<Waiter> =
  | { readonly kind: 'new'; readonly running: Running<Waiter> }
  | { readonly kind: 'joined'; readonly running: Running<Waiter> }
  | { readonly kind: 'remembered'; readonly response: QueuedResponse };

/** How much is remembered. */
export interface ExecutionsLimits {
  readonly entries: number;
  readonly ageMs: number;
  readonly bytes: number;
}

interface Remembered {
  readonly response: QueuedResponse;
  readonly untilMs: number;
  readonly bytes: number;
}

/** What an entry weighs beside its body. */
const ENTRY_BYTES = 1024;

/**
 * Which requests a worker executes, and what it answered to those that it has executed a short while ago: a copy of a request joins the
 * execution or gets the same response. Bounded in number, age and bytes; the oldest go first. Time is handed in.
 */
export class Executions<Waiter> {
  readonly #limits: ExecutionsLimits;
  readonly #running = new Map<string, Running<Waiter>>();
  readonly #remembered = new Map<string, Remembered>();
  /** How often a request was executed here without a response of the application. */
  readonly #attempts = new Map<string, number>();
  #bytes = 0;

  constructor(limits: ExecutionsLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.size;
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  get rememberedBytes(): number {
    return this.#bytes;
  }

  /** All executions under way. */
  all(): Iterable<Running<Waiter>> {
    return this.#running.values();
  }

  /** Somebody asks for a request: it runs anew, or the waiter joins, or the response is there. */
  ask(fingerprint: string, waiter: Waiter, nowMs: number): Known<Waiter> {
    this.#forgetOld(nowMs);
    const remembered = this.#remembered.get(fingerprint);
    if (remembered !== undefined) return { kind: 'remembered', response: remembered.response };
    const running = this.#running.get(fingerprint);
    if (running !== undefined) {
      running.waiters.push(waiter);
      return { kind: 'joined', running };
    }
    const attempt = (this.#attempts.get(fingerprint) ?? 0) + 1;
    const begun = { fingerprint, waiters: [waiter], attempt, abort: new AbortController() };
    this.#running.set(fingerprint, begun);
    return { kind: 'new', running: begun };
  }

  /** An execution has ended with a response. @param remember whether a copy may be answered with it */
  answered(
    { fingerprint }: Running<Waiter>,
    response: QueuedResponse,
    remember: boolean,
    nowMs: number,
  ): void {
    this.#running.delete(fingerprint);
    this.#attempts.delete(fingerprint);
    const bytes = response.body.length + ENTRY_BYTES;
    if (!remember || bytes > this.#limits.bytes / 4) return;
    this.#remembered.set(fingerprint, { response, untilMs: nowMs + this.#limits.ageMs, bytes });
    this.#bytes += bytes;
    this.#forgetOld(nowMs);
  }

  /** An execution has ended without a response. @param counts whether the application had the request and may have died of it */
  unanswered({ fingerprint, attempt }: Running<Waiter>, counts: boolean): void {
    this.#running.delete(fingerprint);
    if (!counts) return;
    this.#attempts.delete(fingerprint);
    this.#attempts.set(fingerprint, attempt);
    if (this.#attempts.size <= this.#limits.entries) return;
    for (const oldest of this.#attempts.keys()) {
      this.#attempts.delete(oldest);
      return;
    }
  }

  #forgetOld(nowMs: number): void {
    // In the order in which they were remembered, which is that of their ends.
    for (const [fingerprint, { untilMs, bytes }] of this.#remembered) {
      const tooMuch = this.#remembered.size > this.#limits.entries || this.#bytes > this.#limits.bytes;
      if (!tooMuch && untilMs > nowMs) return;
      this.#remembered.delete(fingerprint);
      this.#bytes -= bytes;
    }
  }
}
