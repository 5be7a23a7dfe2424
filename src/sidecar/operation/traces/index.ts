import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { SidecarConfig } from '../../../config/index.ts';
import { type Clock, fillRandom, type Logger, type Random } from '../../../core/index.ts';
import type { Exchange, ObservedRequest } from '../../exchange.ts';
import type { EndedRequest, Observer, Wish } from '../observe.ts';
import { otlpExport } from './exporter.ts';
import { SpanQueue, type SpanStatistics } from './span-queue.ts';

/** What spans are made of. */
export interface TracesOptions {
  readonly settings: NonNullable<SidecarConfig['traces']>;
  readonly service: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const DEFAULT_RATIO = 0.01;
/** How long closing may take. */
const CLOSE_MS = 1500;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1e6;

/** Random hexadecimal digits, not all zero. */
function hexId(bytes: number): string {
  const drawn = Buffer.alloc(bytes);
  do fillRandom(drawn);
  while (drawn.every((byte) => byte === 0));
  return drawn.toString('hex');
}

/** Milliseconds as OpenTelemetry has times: seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  return [seconds, Math.round((ms - seconds * MS_PER_SECOND) * NS_PER_MS)];
}

/**
 * Reports a span for each request of a sampled trace: of kind SERVER on the way in, CLIENT on the way out. Whether a trace is sampled says the
 * traceparent that came; of traces that begin here, chance. The span stands in the traceparent that goes on, as the parent of what follows.
 */
export class Traces implements Observer {
  readonly #options: TracesOptions;
  readonly #ratio: number;
  readonly #exporter: ReturnType<typeof otlpExport>;
  readonly #queue: SpanQueue<ReadableSpan>;
  readonly #resource: ReadableSpan['resource'];
  readonly #scope: ReadableSpan['instrumentationScope'];

  constructor(options: TracesOptions) {
    const { settings, service, version, logger } = options;
    this.#options = options;
    this.#ratio = settings.sampleRatio ?? DEFAULT_RATIO;
    this.#exporter = otlpExport(settings, logger);
    this.#queue = new SpanQueue(this.#exporter.send);
    this.#resource = resourceFromAttributes({ 'service.name': service });
    this.#scope = { name: 'priomesh', version };
  }

  wants({ carried }: Exchange): Wish {
    if (carried.sampled >= 0) return carried.sampled === 1 ? 'all' : 'nothing';
    return this.#options.random.next() < this.#ratio ? 'all' : 'nothing';
  }

  begins({ carried }: Exchange, observed: ObservedRequest): void {
    observed.parentSpanId = carried.trace.length === 0 ? '' : carried.spanId;
    observed.spanId = hexId(SPAN_BYTES);
    if (carried.trace.length === 0) carried.trace.text = hexId(TRACE_BYTES);
    carried.span.text = observed.spanId;
    carried.spanIsOurs = true;
    carried.sampled = 1;
  }

  ended(exchange: Exchange, observed: ObservedRequest, told: EndedRequest): void {
    const { side, carried, arrivedMs } = exchange;
    const traceId = carried.traceId;
    const endMs = this.#options.clock.wallMs();
    const tookMs = told.nowMs - arrivedMs;
    const context = { traceId, spanId: observed.spanId, traceFlags: TraceFlags.SAMPLED };
    this.#queue.add({
      name: `${observed.method} ${side.name === 'inbound' ? this.#options.service : observed.to}`,
      kind: side.name === 'inbound' ? SpanKind.SERVER : SpanKind.CLIENT,
      spanContext: () => context,
      ...(observed.parentSpanId === ''
        ? {}
        : { parentSpanContext: { ...context, spanId: observed.parentSpanId, isRemote: true } }),
      startTime: hrTime(endMs - tookMs),
      endTime: hrTime(endMs),
      duration: hrTime(tookMs),
      status: { code: told.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
      attributes: attributesOf(exchange, observed, told),
      links: [],
      events: [],
      ended: true,
      resource: this.#resource,
      instrumentationScope: this.#scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    });
  }

  statistics(): SpanStatistics {
    return this.#queue.statistics();
  }

  /** Sends what waits, once, and closes; a collector that does not answer holds nobody up for long. */
  async close(): Promise<void> {
    const enough = new AbortController();
    const late = this.#options.clock.sleep(CLOSE_MS, enough.signal).catch(() => undefined);
    await Promise.race([this.#queue.close().then(() => this.#exporter.close()), late]);
    enough.abort();
  }
}

/** Names are those of OpenTelemetry's semantic conventions for HTTP where there is one. */
function attributesOf(
  { reason, outcome, outcomeCode, upstream }: Exchange,
  { method, path, to, endpoint, attempts }: ObservedRequest,
  { className, rank, status, queueWaitMs }: EndedRequest,
): ReadableSpan['attributes'] {
  return {
    'http.request.method': method,
    'url.path': path,
    ...(to === '' ? {} : { 'server.address': to }),
    ...(status === 0 ? {} : { 'http.response.status_code': status }),
    ...(endpoint === '' ? {} : { 'network.peer.address': endpoint }),
    'priomesh.class': className,
    'priomesh.rank': rank,
    'priomesh.reason': reason,
    'priomesh.outcome': outcome,
    ...(outcomeCode === '' ? {} : { 'priomesh.code': outcomeCode }),
    ...(queueWaitMs < 0 ? {} : { 'priomesh.queue_wait_ms': queueWaitMs }),
    ...(upstream === undefined ? {} : { 'priomesh.upstream': upstream.name }),
    ...(attempts < 2 ? {} : { 'http.request.resend_count': attempts - 1 }),
  };
}
