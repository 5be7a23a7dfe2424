import type { Random, RetryCause, TimeoutSettings } from '../../core/index.ts';
import type { AttemptControl, Exchange, HeadFields } from '../exchange.ts';
import type { AnswerCode } from '../http1/index.ts';
import type { Endpoint } from '../pools/index.ts';
import { Agenda, DATES, type DateIndex } from './agenda.ts';
import type { Circuit } from './circuit.ts';
import type { TrafficCounters } from './counters.ts';
import { attemptFields, ERROR_FIELD } from './fields.ts';
import { type ClassPlan, hedgeAfterMs, type Retries, type RoutePlan, type ServicePlan } from './plan.ts';
import {
  concerns,
  hindrance,
  isGatewayError,
  isShedding,
  pauseBefore,
  rejectsStatus,
} from './retry-rules.ts';

const NO_TIMEOUTS: TimeoutSettings = {};
const NEVER = Number.POSITIVE_INFINITY;

/** What all requests of one side share here. */
export interface TrafficContext {
  readonly counters: TrafficCounters;
  readonly random: Random;
  /** Whether requests are sent on with the time that they have left. */
  readonly tellsTime: boolean;
}

/** What deadlines, timeouts, retries and hedges know of one request. It is kept with its exchange and used again for the next. */
export class RequestTraffic implements AttemptControl {
  readonly #exchange: Exchange;
  readonly #agenda = new Agenda((date, nowMs) => this.#due(date, nowMs));
  #context: TrafficContext;
  route: RoutePlan | undefined;
  service: ServicePlan | undefined;
  /** What it holds a place of; given back by the stage that took it. */
  circuit: Circuit | undefined;
  probe = false;
  bulkheadHeld = false;
  pendingHeld = false;
  /** Whether it is the service that has so much time, and not the caller that gives so much. */
  bounded = false;
  #attempt = 0;
  #sentMs = 0;
  #retryHeld = false;
  #hedged = false;
  #then: (() => void) | undefined;
  #first: Endpoint | undefined;

  private constructor(exchange: Exchange, context: TrafficContext) {
    this.#exchange = exchange;
    this.#context = context;
  }

  /** That of an exchange, ready for its next request. */
  static begin(exchange: Exchange, context: TrafficContext): RequestTraffic {
    exchange.traffic ??= new RequestTraffic(exchange, context);
    const { traffic } = exchange;
    traffic.#context = context;
    traffic.route = undefined;
    traffic.service = undefined;
    traffic.bounded = false;
    traffic.#attempt = 0;
    traffic.#hedged = false;
    traffic.#first = undefined;
    traffic.#then = undefined;
    return traffic;
  }

  get #class(): ClassPlan | undefined {
    return this.service?.classes[this.#exchange.classIndex];
  }

  get #retries(): Retries | undefined {
    return this.route?.retries ?? this.service?.retries;
  }

  /** A timeout of the route, else of the service. */
  timeout(name: keyof TimeoutSettings): number | undefined {
    return (this.route?.timeouts ?? NO_TIMEOUTS)[name] ?? this.service?.timeouts[name];
  }

  /** By what the policy says of the service, the request has until then; an earlier date stays. */
  bound(deadlineMs: number): void {
    const exchange = this.#exchange;
    if (deadlineMs >= exchange.deadlineMs) return;
    this.bounded = true;
    exchange.deadlineMs = deadlineMs;
    this.watchDeadline();
  }

  /** Sees to it that the request ends when its deadline has passed. */
  watchDeadline(): void {
    const { deadlineMs, side } = this.#exchange;
    if (deadlineMs < NEVER) this.#agenda.set(side.wheel, DATES.deadline, deadlineMs);
  }

  /** The stage that says `wait` now is left after so long. @param then in place of going on */
  delay(ms: number, then?: () => void): void {
    const { wheel, clock } = this.#exchange.side;
    this.#then = then;
    this.#agenda.set(wheel, DATES.resume, clock.nowMs() + ms);
  }

  /** It goes to the service that is known now. */
  sends(): void {
    const exchange = this.#exchange;
    const { side } = exchange;
    this.#attempt = 1;
    const ofClass = this.#class;
    if (ofClass === undefined) return;
    // With it the bytes of the request are kept until it is answered.
    if (this.#retries !== undefined || ofClass.hedging !== undefined) exchange.attempts = this;
    ofClass.budget.request(exchange.arrivedMs);
    ofClass.hedging?.budget.request(exchange.arrivedMs);
    const idleMs = this.timeout('idleMs');
    if (idleMs === undefined) return;
    // The connection looks at silence too; where that is shorter it must wait for us.
    exchange.patienceMs += Math.max(0, idleMs - side.limits.responseTimeoutMs);
    this.#agenda.set(side.wheel, DATES.idle, side.clock.nowMs() + idleMs);
  }

  /** An attempt goes out now. @returns what is written into its head */
  attemptSent(nowMs: number): HeadFields {
    const { wheel } = this.#exchange.side;
    this.#sentMs = nowMs;
    const tryMs = this.timeout('tryMs');
    if (tryMs !== undefined) this.#agenda.set(wheel, DATES.try, nowMs + tryMs);
    if (this.#attempt === 1) this.#planHedge(nowMs);
    return this.#fields(nowMs, this.#attempt);
  }

  #fields(nowMs: number, attempt: number): HeadFields {
    return attemptFields(this.#context.tellsTime ? this.#exchange.deadlineMs - nowMs : NEVER, attempt);
  }

  /** The request is over. */
  end(): void {
    this.#agenda.clearAll();
    this.#endAttempt();
    if (this.#hedged) this.#exchange.dropHedge();
  }

  #endAttempt(): void {
    if (!this.#retryHeld) return;
    this.#retryHeld = false;
    const circuit = this.#class?.circuit;
    if (circuit !== undefined) circuit.retries -= 1;
  }

  takes(exchange: Exchange, status: number): boolean {
    this.#agenda.clear(DATES.try);
    this.#agenda.clear(DATES.hedge);
    const nowMs = exchange.respondedMs;
    this.#class?.latency?.record(nowMs - this.#sentMs, nowMs);
    if (this.#retries === undefined && !this.#hedged) return true;
    if (this.#rejects(exchange, status)) return false;
    this.#settleHedge(exchange);
    return true;
  }

  #rejects(exchange: Exchange, status: number): boolean {
    const retries = this.#retries;
    if (retries === undefined || !rejectsStatus(retries, status)) return false;
    const { endpoint, responseStatus } = exchange;
    if (this.#hedged && exchange.takeHedge()) {
      this.#hedged = false;
      return true;
    }
    const shedding = isShedding(exchange.responseField(ERROR_FIELD));
    if (!this.#again(status, shedding)) return false;
    // Who judges endpoints hears of answers that are passed on, and of this one only here.
    if (responseStatus === 0 && isGatewayError(status)) endpoint?.observed(-1, 'gateway-error');
    return true;
  }

  /** An answer is taken: the other attempt ends, and it is known which of the two was faster. */
  #settleHedge(exchange: Exchange): void {
    if (!this.#hedged) return;
    this.#hedged = false;
    if (exchange.endpoint !== this.#first) this.#count('hedgesWon');
    exchange.dropHedge();
  }

  recovers(exchange: Exchange, code: AnswerCode): boolean {
    if (this.#hedged) {
      this.#hedged = false;
      if (exchange.takeHedge()) return true;
    }
    if (code === 'UPSTREAM_RESET') return this.#again('reset', false);
    if (code === 'CONNECT_FAILED' || code === 'CONNECT_TIMEOUT') return this.#again('connect-failure', false);
    return false;
  }

  /** Sends the request again if it may be, after a pause. @param elsewhere whether it must be to an endpoint that has not been tried */
  #again(cause: RetryCause, elsewhere: boolean): boolean {
    const exchange = this.#exchange;
    const retries = this.#retries;
    const ofClass = this.#class;
    if (retries === undefined || ofClass === undefined) return false;
    if (!concerns(retries, exchange, cause, this.#attempt)) return false;
    const { endpoint, upstream, tried } = exchange;
    const known = endpoint === undefined || tried.includes(endpoint) ? tried.length : tried.length + 1;
    const others = (upstream?.endpoints.length ?? 0) - known;
    const nowMs = exchange.side.clock.nowMs();
    const pauseMs = pauseBefore(retries, this.#attempt, this.#context.random.next());
    const hindered = hindrance(exchange, ofClass, { nowMs, pauseMs, others, elsewhere });
    if (hindered !== undefined) return this.#refused(hindered);
    if (endpoint !== undefined && known > tried.length) tried.push(endpoint);
    if (others <= 0) tried.length = 0;
    this.#begin(ofClass.circuit, pauseMs);
    return true;
  }

  #begin(circuit: Circuit | undefined, pauseMs: number): void {
    const exchange = this.#exchange;
    this.#endAttempt();
    this.#attempt += 1;
    this.#count('retries');
    if (exchange.counters !== undefined) exchange.counters.retries += 1;
    if (circuit !== undefined) {
      circuit.retries += 1;
      this.#retryHeld = true;
    }
    this.#agenda.clear(DATES.try);
    this.#agenda.clear(DATES.hedge);
    if (this.#hedged) exchange.dropHedge();
    this.#hedged = false;
    exchange.retreat();
    if (pauseMs < 1) exchange.proceed();
    else this.delay(pauseMs);
  }

  #planHedge(nowMs: number): void {
    const exchange = this.#exchange;
    const ofClass = this.#class;
    if (ofClass?.hedging === undefined || !exchange.isIdempotent) return;
    const waitMs = hedgeAfterMs(ofClass, nowMs);
    if (waitMs < NEVER) this.#agenda.set(exchange.side.wheel, DATES.hedge, nowMs + waitMs);
  }

  #hedge(nowMs: number): void {
    const exchange = this.#exchange;
    const { endpoint, upstream, classIndex } = exchange;
    const ofClass = this.#class;
    if (endpoint === undefined || !exchange.repeatable) return;
    const other = upstream?.pick([...exchange.tried, endpoint], classIndex);
    if (other === undefined || other === endpoint) return;
    if (ofClass?.hedging?.budget.take(nowMs) !== true) {
      this.#refused('hedgesOverBudget');
      return;
    }
    if (!exchange.hedge(other, this.#fields(nowMs, this.#attempt + 1))) return;
    this.#first = endpoint;
    this.#hedged = true;
    this.#count('hedges');
  }

  #due(date: DateIndex, nowMs: number): void {
    const exchange = this.#exchange;
    if (!exchange.active) return;
    switch (date) {
      case DATES.deadline:
        exchange.answer('DEADLINE_EXCEEDED');
        return;
      case DATES.resume:
        if (this.#then === undefined) exchange.proceed();
        else this.#then();
        return;
      case DATES.try:
        this.#tryTimedOut();
        return;
      case DATES.hedge:
        this.#hedge(nowMs);
        return;
      case DATES.idle:
        this.#lookAtSilence(nowMs);
    }
  }

  #tryTimedOut(): void {
    const exchange = this.#exchange;
    this.#count('triesTimedOut');
    exchange.endpoint?.failed();
    if (this.#hedged) {
      this.#hedged = false;
      if (exchange.takeHedge()) return;
    }
    if (!this.#again('try-timeout', false)) exchange.answer('TRY_TIMEOUT');
  }

  #lookAtSilence(nowMs: number): void {
    const exchange = this.#exchange;
    const idleMs = this.timeout('idleMs') ?? NEVER;
    const dueMs = exchange.lastProgressMs + idleMs;
    if (dueMs > nowMs) {
      this.#agenda.set(exchange.side.wheel, DATES.idle, dueMs);
      return;
    }
    exchange.side.counters.hit('responseTimeoutMs');
    exchange.answer('REQUEST_TIMEOUT');
  }

  #refused(why: string): false {
    this.#count(why);
    return false;
  }

  #count(what: string): void {
    this.#context.counters.count(what, this.service?.name ?? '', this.#exchange.classIndex);
  }
}
