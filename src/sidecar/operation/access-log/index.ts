import type { SidecarConfig } from '../../../config/index.ts';
import type { Clock, Logger, Random } from '../../../core/index.ts';
import type { Exchange, ObservedRequest } from '../../exchange.ts';
import type { EndedRequest, Observer, Wish } from '../observe.ts';
import { LineSink, type SinkStatistics } from './sink.ts';

type AccessLogSettings = NonNullable<SidecarConfig['accessLog']>;

/** What an access log is made of. */
export interface AccessLogOptions {
  readonly settings: AccessLogSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Times in lines are as exact as microseconds. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** Writes a JSON line for some of the requests that have ended. No header value is written, and no query unless asked for. */
export class AccessLog implements Observer {
  readonly #settings: AccessLogSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sink: LineSink;

  /** Opens it. @throws PriomeshError FILE_FAILED */
  static async open(options: AccessLogOptions): Promise<AccessLog> {
    const { file, flushMs = 1000 } = options.settings;
    return new AccessLog(options, await LineSink.open(file, flushMs, options.logger));
  }

  private constructor({ settings, clock, random }: AccessLogOptions, sink: LineSink) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.#sink = sink;
  }

  wants(_exchange: Exchange, className: string): Wish {
    const { samplePercent = 100, classes, errors = true } = this.#settings;
    const percent = classes?.[className] ?? samplePercent;
    if (percent >= 100 || (percent > 0 && this.#random.next() * 100 < percent)) return 'all';
    return errors ? 'failure' : 'nothing';
  }

  ended(exchange: Exchange, observed: ObservedRequest, told: EndedRequest): void {
    const { side, arrivedMs, reason, outcome, outcomeCode, upstream, carried } = exchange;
    const { nowMs, className, status, queueWaitMs } = told;
    const { method, path, query, to, endpoint } = observed;
    this.#sink.add(
      JSON.stringify({
        time: new Date(this.#clock.wallMs() - (nowMs - arrivedMs)).toISOString(),
        side: side.name,
        class: className,
        reason,
        method,
        path,
        ...(this.#settings.query === true && query !== '' ? { query } : {}),
        ...(to === '' ? {} : { to }),
        status,
        outcome,
        ...(outcomeCode === '' ? {} : { code: outcomeCode }),
        tookMs: round(nowMs - arrivedMs),
        ...(queueWaitMs < 0 ? {} : { queueWaitMs: round(queueWaitMs) }),
        ...(upstream === undefined ? {} : { upstream: upstream.name }),
        ...(endpoint === '' ? {} : { endpoint }),
        ...(carried.traceId === '' ? {} : { traceId: carried.traceId }),
      }),
    );
  }

  reopen(): void {
    this.#sink.reopen();
  }

  statistics(): SinkStatistics {
    return this.#sink.statistics();
  }

  /** Writes what waits, and closes. */
  close(): Promise<void> {
    return this.#sink.close();
  }
}
