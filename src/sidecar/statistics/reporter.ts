import { appendFile, stat } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Clock, type Histogram, type Logger, messageOf } from '../../core/index.ts';
import type { PropagationCounters, ProvenanceTableCounters } from '../../propagation/index.ts';
import {
  congestionControlOf,
  emptyTcpInfo,
  type TcpInfo,
  type Transport,
  tcpInfo,
} from '../../transport/index.ts';
import type { AcceptedConnection } from '../accepted-connection.ts';
import type { LiveSide, Side } from '../exchange.ts';
import type { TimerWheel } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { Upstream } from '../pools/index.ts';
import type { Admission } from '../queue/index.ts';
import type { ClassCounters } from './counters.ts';

/** One side as the statistics see it. */
export interface ReportedSide {
  /** Under which it stands in the statistics; the side's own name when absent. */
  readonly name?: string;
  readonly live: LiveSide;
  readonly listener: { readonly connections: ReadonlySet<AcceptedConnection> };
  readonly upstreams: readonly Upstream[];
  readonly queue: Admission | undefined;
}

/** What the reporter reads. */
export interface ReporterOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly transport: Transport;
  readonly classNames: readonly string[];
  readonly propagation: Readonly<PropagationCounters>;
  readonly provenanceTable: ProvenanceTableCounters;
}

/** What another configuration replaces of it. */
export type FollowedParts = Pick<ReporterOptions, 'classNames' | 'propagation' | 'provenanceTable'>;

/** How many sockets of a class are asked for TCP_INFO at each line. */
const SAMPLES_PER_CLASS = 4;
/** How many scavenged paths stand in a line. */
const SCAVENGED_PATHS = 16;
const NS_PER_MS = 1e6;

/** Writes what the sidecar has counted as JSON lines, one an interval, and hands it out on request. */
export class StatisticsReporter {
  #options: ReporterOptions;
  readonly #sides: ReportedSide[] = [];
  readonly #sections = new Map<string, () => Readonly<Record<string, unknown>>>();
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });
  #timer: NodeJS.Timeout | undefined;
  #file: string | undefined;
  #logger: Logger | undefined;
  #writtenBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #full = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  add(side: ReportedSide): void {
    this.#sides.push(side);
  }

  /** Another configuration holds. */
  follow({ classNames, propagation, provenanceTable }: FollowedParts): void {
    this.#options = { ...this.#options, classNames, propagation, provenanceTable };
  }

  /** What is counted of each side, and the sections beside them. */
  get sides(): readonly ReportedSide[] {
    return this.#sides;
  }

  get sections(): ReadonlyMap<string, () => Readonly<Record<string, unknown>>> {
    return this.#sections;
  }

  /** Adds a section of its own beside the sides. */
  addSection(name: string, read: () => Readonly<Record<string, unknown>>): void {
    this.#sections.set(name, read);
  }

  /** Begins to append lines to a file. */
  async start(to: { readonly file: string; readonly intervalMs: number }, logger: Logger): Promise<void> {
    this.#file = to.file;
    this.#logger = logger;
    this.#writtenBytes = await stat(to.file).then(
      ({ size }) => size,
      () => 0,
    );
    await appendFile(to.file, '');
    this.#lag.enable();
    this.#timer = setInterval(() => this.#write(false), to.intervalMs);
    this.#timer.unref();
  }

  /** Writes the last line and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#file !== undefined) this.#write(true);
    await this.#writing;
    this.#file = undefined;
    this.#lag.disable();
  }

  /** Appends a line of its own: something has happened. */
  event(line: Readonly<Record<string, unknown>>): void {
    if (this.#file !== undefined) this.#append(line);
  }

  #write(last: boolean): void {
    if (this.#file !== undefined && !this.#full) this.#append({ ...this.snapshot(), last });
  }

  #append(value: Readonly<Record<string, unknown>>): void {
    const file = this.#file;
    if (file === undefined || this.#full) return;
    let line = `${JSON.stringify(value)}\n`;
    if (this.#writtenBytes + line.length > FIXED_LIMITS.statisticsFileBytes) {
      this.#full = true;
      line = `${JSON.stringify({ event: 'statistics-full', limitBytes: FIXED_LIMITS.statisticsFileBytes })}\n`;
    }
    this.#writtenBytes += line.length;
    this.#writing = this.#writing
      .then(() => appendFile(file, line))
      .catch((error: unknown) => {
        this.#logger?.log('error', 'statistics could not be written', { file, cause: messageOf(error) });
      });
  }

  /** Everything that is counted, as one value that JSON can hold. */
  snapshot(): Readonly<Record<string, unknown>> {
    const { service, clock, wheel, transport, propagation, provenanceTable } = this.#options;
    return {
      event: 'statistics',
      service,
      timeMs: clock.nowMs(),
      wallMs: clock.wallMs(),
      rssBytes: process.memoryUsage.rss(),
      eventLoopLagMs: {
        wheel: round(wheel.lagMs),
        p99: round(this.#lag.percentile(99) / NS_PER_MS),
        max: round(this.#lag.max / NS_PER_MS),
      },
      refusedSocketOptions: transport.refusals.counts(),
      scavenger: scavengerNumbers(transport),
      propagation,
      provenanceTable,
      ...Object.fromEntries(
        this.#sides.map((reported) => [reported.name ?? reported.live.current.name, this.#side(reported)]),
      ),
      ...Object.fromEntries([...this.#sections].map(([name, read]) => [name, read()])),
    };
  }

  #side({ live, listener, upstreams, queue }: ReportedSide): Readonly<Record<string, unknown>> {
    const side = live.current;
    const { counters } = side;
    return {
      connections: counters.connections,
      connectionsAccepted: counters.connectionsAccepted,
      classes: Object.fromEntries(
        this.#options.classNames.map((name, index) => [
          name,
          {
            ...classNumbers(counters.classes[index] as ClassCounters),
            transport: transportSample(side, listener.connections, upstreams, index),
          },
        ]),
      ),
      ...(queue === undefined ? {} : { queue: queue.statistics() }),
      reasons: Object.fromEntries(counters.reasons),
      refusals: Object.fromEntries(counters.refusals),
      answers: Object.fromEntries(counters.answers),
      limits: counters.limits,
      pools: upstreams.flatMap((upstream) => this.#pools(upstream)),
    };
  }

  #pools(upstream: Upstream): Readonly<Record<string, unknown>>[] {
    const { classNames } = this.#options;
    return upstream.endpoints.flatMap(({ label, pools, inFlight, ejections }) =>
      pools.map((pool, index) => ({
        upstream: upstream.name,
        endpoint: label,
        class: classNames[index],
        connections: pool.size,
        idle: pool.idle,
        waiting: pool.waiting,
        inFlight,
        ejections,
      })),
    );
  }
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : 0;
}

function scavengerNumbers(transport: Transport): Readonly<Record<string, unknown>> {
  const { paths, ...numbers } = transport.scavenger.statistics();
  return { ...numbers, pathCount: paths.length, paths: paths.slice(0, SCAVENGED_PATHS) };
}

function classNumbers({
  queueWaitUs,
  durationUs,
  ...numbers
}: ClassCounters): Readonly<Record<string, unknown>> {
  return { ...numbers, queueWaitUs: histogramNumbers(queueWaitUs), durationUs: histogramNumbers(durationUs) };
}

function histogramNumbers(histogram: Histogram): Readonly<Record<string, number>> {
  const { count, max } = histogram;
  return { count, p50: histogram.quantile(0.5), p99: histogram.quantile(0.99), max };
}

/** What the kernel says about some connections of a class. */
export interface TransportSample {
  readonly congestionControl: string | null;
  readonly samples: readonly TcpInfo[];
}

/** What the kernel says about some connections of a class: those that carry its bytes over the network on this side. */
export function transportSample(
  side: Side,
  callers: ReadonlySet<AcceptedConnection>,
  upstreams: readonly Upstream[],
  classIndex: number,
): TransportSample {
  const sockets = [];
  if (side.name === 'inbound') {
    for (const caller of callers) {
      if (sockets.length === SAMPLES_PER_CLASS) break;
      const socket = caller.stream?.socket;
      if (caller.lastClassIndex === classIndex && socket !== undefined) sockets.push(socket);
    }
  } else {
    for (const { endpoints } of upstreams) {
      for (const { pools } of endpoints) {
        const socket = pools[classIndex]?.sampleSocket();
        if (socket !== undefined && sockets.length < SAMPLES_PER_CLASS) sockets.push(socket);
      }
    }
  }
  const samples = [];
  for (const socket of sockets) {
    const into = emptyTcpInfo();
    if (tcpInfo(socket, into)) samples.push(into);
  }
  const first = sockets[0];
  return {
    congestionControl: first === undefined ? null : (congestionControlOf(first) ?? null),
    samples,
  };
}
