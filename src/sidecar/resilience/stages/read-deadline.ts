import type { DeadlineSettings, Policy } from '../../../core/index.ts';
import type { Exchange, Stage } from '../../exchange.ts';
import { TIME_LEFT_FIELD } from '../fields.ts';
import { changeHead } from '../head-changes.ts';

const NEVER = Number.POSITIVE_INFINITY;
/** What came from the caller's hop ends here; the next one is told anew. */
const STRIPPED = { remove: [TIME_LEFT_FIELD], add: [] };

/** Whole milliseconds, or nothing where a field says something else. */
function milliseconds(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : NEVER;
}

/** What the stage needs to know. */
export interface DeadlineParts {
  readonly settings: DeadlineSettings;
  readonly policy: Policy;
  /** Whether the caller's field of ours counts; the one for callers outside always does, since it can only take time from themselves. */
  readonly believed: (callerAddress: string) => boolean;
  /** Until when the request inside has that caused this one; Infinity where none is known. */
  readonly inherited: ((exchange: Exchange) => number) | undefined;
}

/**
 * Finds until when a request has: the earliest of what its caller says, in a field or by `grpc-timeout`, and what the request has that
 * caused it; else what its class has. One whose time is over is not begun.
 */
export function readDeadline({ settings, policy, believed, inherited }: DeadlineParts): Stage {
  const header = settings.header.toLowerCase();
  const ofClass = policy.classes.map(({ name }) => settings.classMs?.[name] ?? NEVER);
  return {
    name: 'read-deadline',
    enter(exchange) {
      const { facts, arrivedMs, caller, traffic } = exchange;
      const own = believed(caller.address) ? milliseconds(facts.header(TIME_LEFT_FIELD)) : NEVER;
      let deadlineMs = arrivedMs + Math.min(own, milliseconds(facts.header(header)));
      if (inherited !== undefined) deadlineMs = Math.min(deadlineMs, inherited(exchange));
      if (deadlineMs === NEVER && exchange.deadlineMs === NEVER) {
        deadlineMs = arrivedMs + (ofClass[exchange.classIndex] ?? NEVER);
      }
      exchange.deadlineMs = Math.min(exchange.deadlineMs, deadlineMs);
      if (exchange.deadlineMs <= arrivedMs) return exchange.answer('DEADLINE_EXCEEDED');
      traffic?.watchDeadline();
      changeHead(exchange, STRIPPED);
      return 'next';
    },
  };
}
