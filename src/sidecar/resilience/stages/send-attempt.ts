import type { Stage } from '../../exchange.ts';
import { endPending } from './take-bounded.ts';

/** Just before a request goes out: not when its time is over; else with the time that it has left, and the number of the attempt. */
export function sendAttempt(): Stage {
  return {
    name: 'send-attempt',
    enter(exchange) {
      endPending(exchange);
      const nowMs = exchange.side.clock.nowMs();
      if (exchange.deadlineMs <= nowMs) return exchange.answer('DEADLINE_EXCEEDED');
      if (exchange.traffic !== undefined) exchange.sentFields = exchange.traffic.attemptSent(nowMs);
      return 'next';
    },
  };
}
