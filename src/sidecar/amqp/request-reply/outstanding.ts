import type { ClassIndex } from '../../../core/index.ts';
import { Timeout, type Timeout as WheelTimeout } from '../../io/index.ts';
import type { QueueAnswerCode } from './answers.ts';
import type { QueuedRequest, QueuedResponse } from './message-format.ts';

/** What became of a request: a response, or an answer in its place. */
export type Outcome = QueuedResponse | QueueAnswerCode;

/**
 * Where a request stands: its body is being read; it waits for the broker; it was published on the present connection; a worker has
 * said that it is being executed; it was answered.
 */
export type TicketState = 'reading' | 'waiting' | 'published' | 'started' | 'answered';

/** What a gateway says of a request that comes. */
export interface Arrival {
  readonly classIndex: ClassIndex;
  readonly queue: string;
  /** How long it may wait from now on until it is started. */
  readonly deadlineMs: number;
  /** Called once. */
  readonly answered: (outcome: Outcome) => void;
}

/** A request that waits for its response. */
export class Ticket {
  readonly arrival: Arrival;
  readonly timeout: WheelTimeout;
  state: TicketState = 'reading';
  request: QueuedRequest | undefined;
  /** Bytes of its body that are held. */
  bytes = 0;
  /** When waiting for an execution ends, or, once it has started, waiting for its response. */
  dueMs: number;
  /** How often it was published. */
  publications = 0;

  constructor(arrival: Arrival, nowMs: number, due: (ticket: Ticket) => void) {
    this.arrival = arrival;
    this.dueMs = nowMs + arrival.deadlineMs;
    this.timeout = new Timeout(() => due(this));
  }

  get classIndex(): ClassIndex {
    return this.arrival.classIndex;
  }
}

/** How much may wait. */
export interface OutstandingLimits {
  readonly requests: number;
  readonly bytes: number;
  readonly classes: number;
}

/**
 * The requests that wait for a response, bounded in number and in bytes. A request that finds it full takes the place of the youngest
 * one of the least important class that has not been started, if that class is less important than its own.
 */
export class Outstanding {
  readonly #limits: OutstandingLimits;
  readonly #byClass: readonly Set<Ticket>[];
  readonly #byId = new Map<string, Ticket>();
  #count = 0;
  #bytes = 0;

  constructor(limits: OutstandingLimits) {
    this.#limits = limits;
    this.#byClass = Array.from({ length: limits.classes }, () => new Set<Ticket>());
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The request that an id of a message names. */
  byId(id: string): Ticket | undefined {
    return this.#byId.get(id);
  }

  /** All tickets, those of important classes first, the oldest of a class first. */
  *all(): Iterable<Ticket> {
    for (const tickets of this.#byClass) yield* tickets;
  }

  /** Whether a request of a class finds a place. @returns the ticket whose place it may take; undefined when there is none */
  room(classIndex: ClassIndex): 'free' | Ticket | undefined {
    if (this.#count < this.#limits.requests) return 'free';
    for (let other = this.#byClass.length - 1; other > classIndex; other -= 1) {
      let youngest: Ticket | undefined;
      for (const ticket of this.#byClass[other] ?? []) if (ticket.state !== 'started') youngest = ticket;
      if (youngest !== undefined) return youngest;
    }
    return undefined;
  }

  add(ticket: Ticket): void {
    this.#byClass[ticket.classIndex]?.add(ticket);
    this.#count += 1;
  }

  /** Knows the ticket by the id of its request from now on. */
  name(ticket: Ticket, id: string): void {
    this.#byId.set(id, ticket);
  }

  /** Counts bytes of a body. @returns whether there is room for them; they are counted only then */
  hold(ticket: Ticket, bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.bytes) return false;
    this.#bytes += bytes;
    ticket.bytes += bytes;
    return true;
  }

  remove(ticket: Ticket): void {
    if (this.#byClass[ticket.classIndex]?.delete(ticket) !== true) return;
    if (ticket.request !== undefined) this.#byId.delete(ticket.request.id);
    this.#count -= 1;
    this.#bytes -= ticket.bytes;
    ticket.bytes = 0;
  }
}
