import type { Clock } from '../../core/index.ts';
import { type Exchange, ExchangeQueueEntry, type Stage } from '../exchange.ts';
import type { AnswerCode } from '../http1/index.ts';
import type { TimerWheel } from '../io/index.ts';
import { Admission, type AdmissionOwner, type AdmissionSettings, type QueueEntry } from '../queue/index.ts';

function exchangeOf(entry: QueueEntry): Exchange | undefined {
  return entry instanceof ExchangeQueueEntry ? entry.exchange : undefined;
}

const owner: AdmissionOwner = {
  admitted(entry, nowMs) {
    const exchange = exchangeOf(entry);
    if (exchange === undefined) return;
    settle(exchange, nowMs);
    exchange.queueHeld = true;
    exchange.proceed();
  },
  expired(entry) {
    const exchange = exchangeOf(entry);
    if (exchange === undefined) return;
    if (exchange.counters !== undefined) exchange.counters.expired += 1;
    left(exchange);
    exchange.answer(tooLate(entry, exchange.side.clock.nowMs()));
  },
  displaced(entry) {
    const exchange = exchangeOf(entry);
    if (exchange === undefined) return;
    if (exchange.counters !== undefined) exchange.counters.shed += 1;
    left(exchange);
    exchange.answer('QUEUE_SHED');
  },
};

/** Whose time is up: what the caller gave, or what the class has. */
function tooLate(entry: QueueEntry, nowMs: number): AnswerCode {
  return nowMs >= entry.callerDeadlineMs ? 'CALLER_DEADLINE' : 'QUEUE_DEADLINE';
}

function left(exchange: Exchange): void {
  if (!exchange.queueWaiting) return;
  exchange.queueWaiting = false;
  if (exchange.counters !== undefined) exchange.counters.queued -= 1;
}

function settle(exchange: Exchange, nowMs: number): void {
  left(exchange);
  exchange.admittedMs = nowMs;
  exchange.counters?.queueWaitUs.record((nowMs - exchange.queueEntry.offeredMs) * 1000);
}

/** The stage with what stands behind it. Several stacks in front of one application share it. */
export type RequestQueueStage = Stage & { readonly admission: Admission };

/** What stands in front of the application. */
export function openAdmission(settings: AdmissionSettings, clock: Clock, wheel: TimerWheel): Admission {
  return new Admission(settings, clock, wheel, owner);
}

/** Lets at most so many requests to the application at once as it can handle, the important ones first. */
export function requestQueue(admission: Admission): RequestQueueStage {
  return {
    name: 'request-queue',
    admission,
    enter(exchange) {
      // Not for this application: it goes through a queue of the broker.
      if (exchange.upstream !== undefined) {
        exchange.admittedMs = exchange.arrivedMs;
        return 'next';
      }
      const entry = exchange.queueEntry;
      entry.classIndex = exchange.classIndex;
      entry.arrivedMs = exchange.arrivedMs;
      entry.callerDeadlineMs = exchange.deadlineMs;
      exchange.queueHeld = false;
      switch (admission.offer(entry, exchange.arrivedMs)) {
        case 'run':
          exchange.queueHeld = true;
          exchange.admittedMs = exchange.arrivedMs;
          exchange.counters?.queueWaitUs.record(0);
          return 'next';
        case 'wait':
          exchange.queueWaiting = true;
          if (exchange.counters !== undefined) exchange.counters.queued += 1;
          return 'wait';
        case 'too-late':
          if (exchange.counters !== undefined) exchange.counters.expired += 1;
          return exchange.answer(tooLate(entry, exchange.arrivedMs));
        case 'overloaded':
          if (exchange.counters !== undefined) exchange.counters.shed += 1;
          return exchange.answer('QUEUE_OVERLOAD');
        default:
          exchange.side.counters.hit('queueCapacity');
          if (exchange.counters !== undefined) exchange.counters.shed += 1;
          return exchange.answer('QUEUE_FULL');
      }
    },
    leave(exchange) {
      left(exchange);
      if (exchange.queueHeld) {
        exchange.queueHeld = false;
        exchange.queueEntry.holder?.release(exchange.queueEntry, exchange.respondedMs);
      } else {
        exchange.queueEntry.holder?.cancel(exchange.queueEntry);
      }
    },
  };
}
