import type { Policy } from '../../core/index.ts';
import type { Exchange, ObservedRequest, Stage } from '../exchange.ts';

/** What an observer wants to hear of a request: all, only how it failed if it does, or nothing. */
export type Wish = 'all' | 'failure' | 'nothing';

/** Who is told of requests that have ended. It must neither throw nor wait. */
export interface Observer {
  /** Asked when the class is known; what it is told then may change with the policy. */
  wants(exchange: Exchange, className: string): Wish;
  /** The request goes on: the last moment to have something written into its head. */
  begins?(exchange: Exchange, observed: ObservedRequest): void;
  /** It has ended. */
  ended(exchange: Exchange, observed: ObservedRequest, told: EndedRequest): void;
}

/** How a request ended, in words and numbers. */
export interface EndedRequest {
  readonly className: string;
  readonly rank: number;
  readonly nowMs: number;
  readonly failed: boolean;
  /** What the caller was sent; 0 where it was sent nothing. */
  readonly status: number;
  /** -1 where there is no queue. */
  readonly queueWaitMs: number;
}

/** Stages for observers: behind the one that counts, and behind the choice of an endpoint. */
export interface ObservationStages {
  readonly begin: readonly Stage[];
  readonly sent: readonly Stage[];
}

/** Nobody observes. */
export const NO_OBSERVATION: ObservationStages = { begin: [], sent: [] };

/** Longer texts are cut off. */
const MAX_CHARACTERS = 1024;

function cut(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}...`;
}

function headOf(exchange: Exchange): ObservedRequest {
  const { method, path, query, host } = exchange.facts;
  return {
    method: cut(method),
    path: cut(path),
    query: cut(query),
    to: exchange.side.name === 'inbound' ? '' : cut(host.replace(/:\d*$/, '').toLowerCase()),
    endpoint: '',
    attempts: 0,
    wanted: 0,
    wantedIfFailed: 0,
    spanId: '',
    parentSpanId: '',
  };
}

/** On the way in there is a queue; who was not let through waited there to the end. */
function queueWaitMs({ side, arrivedMs, admittedMs }: Exchange, nowMs: number): number {
  if (side.name === 'outbound') return -1;
  return (admittedMs < 0 ? nowMs : admittedMs) - arrivedMs;
}

/** The stages that tell some observers of requests under a policy. */
export function observationStages(observers: readonly Observer[], policy: Policy): ObservationStages {
  if (observers.length === 0) return NO_OBSERVATION;
  const classes = policy.classes.map(({ name, rank }) => ({ name, rank }));
  const begin: Stage = {
    name: 'observe',
    enter(exchange) {
      exchange.observed = undefined;
      const className = classes[exchange.classIndex]?.name ?? '';
      let wanted = 0;
      let wantedIfFailed = 0;
      for (let index = 0; index < observers.length; index += 1) {
        const wish = (observers[index] as Observer).wants(exchange, className);
        if (wish === 'all') wanted |= 1 << index;
        else if (wish === 'failure') wantedIfFailed |= 1 << index;
      }
      if (wanted + wantedIfFailed === 0) return 'next';
      const observed = headOf(exchange);
      observed.wanted = wanted;
      observed.wantedIfFailed = wantedIfFailed;
      exchange.observed = observed;
      for (let index = 0; index < observers.length; index += 1) {
        if ((wanted & (1 << index)) !== 0) observers[index]?.begins?.(exchange, observed);
      }
      return 'next';
    },
    leave(exchange) {
      const { observed, outcome, responseStatus, outcomeStatus, side } = exchange;
      if (observed === undefined) return;
      exchange.observed = undefined;
      const status = responseStatus > 0 ? responseStatus : outcomeStatus;
      const failed = outcome !== 'completed' || status >= 500;
      const wanted = observed.wanted | (failed ? observed.wantedIfFailed : 0);
      if (wanted === 0) return;
      const nowMs = side.clock.nowMs();
      const row = classes[exchange.classIndex];
      const told: EndedRequest = {
        className: row?.name ?? '',
        rank: row?.rank ?? -1,
        nowMs,
        failed,
        status,
        queueWaitMs: queueWaitMs(exchange, nowMs),
      };
      for (let index = 0; index < observers.length; index += 1) {
        if ((wanted & (1 << index)) !== 0) observers[index]?.ended(exchange, observed, told);
      }
    },
  };
  const sent: Stage = {
    name: 'observe-endpoint',
    enter({ observed, endpoint }) {
      if (observed !== undefined && endpoint !== undefined) {
        observed.endpoint = endpoint.label;
        observed.attempts += 1;
      }
      return 'next';
    },
  };
  return { begin: [begin], sent: [sent] };
}
