import type { RetryCause } from '../../core/index.ts';
import type { Exchange } from '../exchange.ts';
import type { ClassPlan, Retries } from './plan.ts';

/** Answers by which somebody says that who is behind could not be reached or had no time. */
export function isGatewayError(status: number): boolean {
  return status >= 502 && status <= 504;
}

/** Answers by which a peer's sidecar sheds load: the same endpoint is not to be troubled again. */
export function isShedding(code: string | undefined): boolean {
  return code !== undefined && /^(?:QUEUE_|CIRCUIT_|BULKHEAD_|POOL_FULL|TOO_MANY|SHUTTING_DOWN)/.test(code);
}

/** Whether a final response of this status is one to be sent again for. */
export function rejectsStatus({ causes }: Retries, status: number): boolean {
  return causes.has(status) || (isGatewayError(status) && causes.has('gateway-error'));
}

/** Whether a request may be sent again at all, for this reason, after so many attempts. */
export function concerns(retries: Retries, exchange: Exchange, cause: RetryCause, attempts: number): boolean {
  const wanted = typeof cause === 'number' || retries.causes.has(cause);
  if (!wanted || attempts >= retries.attempts) return false;
  // Where no connection was made nothing was sent, so that any method is safe.
  return exchange.isIdempotent || retries.anyMethod || cause === 'connect-failure';
}

/** One more attempt as it would be. */
export interface NextAttempt {
  readonly nowMs: number;
  readonly pauseMs: number;
  /** Endpoints that have not been tried. */
  readonly others: number;
  /** Whether it must go to one of them. */
  readonly elsewhere: boolean;
}

/** Why there is no further attempt although the request is one to be sent again, as it is counted; undefined: there is one, and it is taken from the budget. */
export function hindrance(
  exchange: Exchange,
  { circuit, budget }: ClassPlan,
  { nowMs, pauseMs, others, elsewhere }: NextAttempt,
): string | undefined {
  if (!exchange.repeatable) return 'retriesImpossible';
  if (elsewhere && others <= 0) return 'retriesNowhere';
  if (nowMs + pauseMs >= exchange.deadlineMs) return 'retriesTooLate';
  if (circuit?.retriesFull === true) return 'retriesBounded';
  return budget.take(nowMs) ? undefined : 'retriesOverBudget';
}

/**
 * The pause before the next attempt, with full jitter: between nothing and a longest one that doubles (Brooker, "Exponential Backoff And
 * Jitter", 2015). @param chance from 0 to 1
 */
export function pauseBefore({ baseMs, maxMs }: Retries, attempts: number, chance: number): number {
  return chance * Math.min(maxMs, baseMs * 2 ** (attempts - 1));
}
