import type { Exchange, Side, Stage, WatchedHead } from '../exchange.ts';
import { type RefusalKind, refusalStatus } from '../http1/index.ts';
import type { TapPoint } from '../tap/index.ts';

/** Of a longer path or name the tap is told the beginning. */
const MAX_CHARACTERS = 512;

/**
 * Tells the tap of each request that has ended and during all of which somebody listened. While nobody does, a request costs two
 * comparisons. Nothing is told of the query, nor of any field but the name in Host of a call.
 */
export function tellTap(tap: TapPoint): Stage {
  return {
    name: 'tell-tap',
    enter(exchange) {
      exchange.watched = tap.active ? headOf(exchange) : undefined;
      return 'next';
    },
    leave(exchange) {
      if (exchange.watched !== undefined) tell(tap, exchange, exchange.watched);
    },
  };
}

function headOf(exchange: Exchange): WatchedHead {
  const { method, path, host } = exchange.facts;
  const to = exchange.side.name === 'inbound' ? '' : host.replace(/:\d*$/, '').toLowerCase();
  return { method, path: shortened(path), to: shortened(to) };
}

function shortened(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}...`;
}

function tell(tap: TapPoint, exchange: Exchange, { method, path, to }: WatchedHead): void {
  const { side, arrivedMs, responseStatus } = exchange;
  const nowMs = side.clock.nowMs();
  tap.request({
    side: side.name,
    classIndex: exchange.classIndex,
    reason: exchange.reason,
    to,
    method,
    path,
    status: responseStatus > 0 ? responseStatus : exchange.outcomeStatus,
    queueWaitMs: queueWaitMs(exchange, nowMs),
    tookMs: nowMs - arrivedMs,
    outcome: exchange.outcome,
    code: exchange.outcomeCode,
  });
}

/** On the way in there is a queue; who was not admitted waited there to the end. */
function queueWaitMs({ side, arrivedMs, admittedMs }: Exchange, nowMs: number): number {
  if (side.name === 'outbound') return -1;
  return (admittedMs < 0 ? nowMs : admittedMs) - arrivedMs;
}

/** Tells the tap of a head that was refused: nothing that stands in it is to be trusted, so nothing of it is told. */
export function tellRefusal(tap: TapPoint, side: Side, kind: RefusalKind): void {
  tap.request({
    side: side.name,
    classIndex: -1,
    reason: '',
    to: '',
    method: '',
    path: '',
    status: refusalStatus(kind),
    queueWaitMs: -1,
    tookMs: 0,
    outcome: 'refused',
    code: kind,
  });
}
