import { monitorEventLoopDelay } from 'node:perf_hooks';
import { abortError, type Clock } from '../core/index.ts';
import { auditRequests, type GeneratorReport } from './generator-audit.ts';
import type { CheckedGeneratorConfig } from './generator-config.ts';
import { type Exchange, HttpClient, prepareRequest } from './http-client.ts';
import type { Pacer } from './pacer.ts';
import type { ProcessEvent } from './process-main.ts';
import { writeRequests, writeThroughput } from './recorder.ts';
import { RequestLog } from './request-log.ts';
import { makeSchedule } from './schedule.ts';
import { ThroughputLog } from './throughput-log.ts';

const TIMEOUT_SWEEP_MS = 20;
const LAG_RESOLUTION_MS = 10;

/** What a run of the generator is given beside its configuration. */
export interface GeneratorPort {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Closed by the caller. */
  readonly pacer: Pacer;
  /** Hears `ready`, `started`, `phase` and `done` events. */
  emit(event: ProcessEvent): void;
}

interface InFlight {
  readonly exchange: Exchange;
  readonly deadlineMs: number;
}

/**
 * Runs a schedule of requests in open loop: each is sent at its intended time whatever became of those before it. Writes the two
 * files and reports on itself. Rejects with ABORTED, writing nothing, when the signal fires first.
 */
export async function runGenerator(
  config: CheckedGeneratorConfig,
  port: GeneratorPort,
): Promise<GeneratorReport> {
  const { clock, signal, pacer, emit } = port;
  const { workloads, warmupMs } = config;
  const arrivals = workloads.map((workload) => ({
    ...workload,
    steps: workload.steps.map(({ atMs, rateRps }) => ({ atMs: warmupMs + atMs, rateRps })),
  }));
  const schedule = makeSchedule(arrivals, warmupMs + config.measureMs, config.seed, config.trial);
  const log = new RequestLog(schedule);
  const classes = [...new Set(workloads.map((workload) => workload.class))];
  const throughput = new ThroughputLog(classes, schedule.durationMs + config.drainMs);
  const templates = workloads.map((workload) => ({
    request: prepareRequest(workload.method, workload.path, config.host),
    classPosition: classes.indexOf(workload.class),
    timeoutMs: workload.timeoutMs,
  }));
  const client = new HttpClient({ ...config.target, maxConnections: config.maxConnections, clock });
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  const inFlight = new Map<number, InFlight>();
  const drained = Promise.withResolvers<void>();
  const timers: NodeJS.Timeout[] = [];
  let allSent = false;
  let originMs = 0;

  const finish = (id: number) => {
    inFlight.delete(id);
    if (allSent && inFlight.size === 0) drained.resolve();
  };

  const send = (id: number) => {
    const template = templates[schedule.workload[id] ?? 0];
    const intendedMs = schedule.intendedMs[id] ?? 0;
    if (template === undefined) return;
    const sentMs = clock.nowMs() - originMs;
    log.sent(id, sentMs, sentMs - intendedMs > config.lateMs);
    const exchange = client.send(template.request, {
      onFirstByte: (nowMs) => log.firstByte(id, nowMs - originMs),
      onBody(bytes, nowMs) {
        log.body(id, bytes);
        throughput.add(template.classPosition, nowMs - originMs, bytes);
      },
      onEnd(status, nowMs, queueWaitMs) {
        log.ended(id, nowMs - originMs, status, queueWaitMs);
        finish(id);
      },
      onError(error, status) {
        log.failed(id, error, status);
        finish(id);
      },
    });
    inFlight.set(id, { exchange, deadlineMs: intendedMs + template.timeoutMs });
  };

  // One sweep for all requests: a timer for each would cost more than the request.
  const sweep = () => {
    const nowMs = clock.nowMs() - originMs;
    for (const { exchange, deadlineMs } of inFlight.values()) {
      if (nowMs >= deadlineMs) exchange.abort('timeout');
    }
  };

  try {
    emit({ event: 'ready', requests: log.length });
    if (config.startAt !== undefined) {
      await clock.sleep(Math.max(0, config.startAt - clock.nowMs()), signal);
    }
    originMs = config.startAt ?? clock.nowMs();
    emit({ event: 'started', monotonicMs: originMs });
    const cpuBefore = process.cpuUsage();
    timers.push(setInterval(sweep, TIMEOUT_SWEEP_MS));
    timers.push(
      setTimeout(() => {
        lag.enable();
        emit({ event: 'phase', phase: 'measure' });
      }, warmupMs),
    );

    await pacer.run({ intendedMs: schedule.intendedMs, originMs }, send, signal);
    await clock.sleep(Math.max(0, originMs + schedule.durationMs - clock.nowMs()), signal);
    lag.disable();
    emit({ event: 'phase', phase: 'drain', inFlight: inFlight.size });
    allSent = true;
    if (inFlight.size > 0) {
      timers.push(setTimeout(drained.resolve, config.drainMs));
      const abort = () => drained.resolve();
      signal.addEventListener('abort', abort, { once: true });
      await drained.promise;
      signal.removeEventListener('abort', abort);
      if (signal.aborted) throw abortError(signal);
    }
    for (const { exchange } of inFlight.values()) exchange.abort('unfinished');
    const elapsedMs = clock.nowMs() - originMs;
    const cpu = process.cpuUsage(cpuBefore);
    client.close();

    await writeRequests(config.requestsFile, log, workloads, warmupMs);
    await writeThroughput(config.throughputFile, throughput, Math.max(schedule.durationMs, elapsedMs));
    const report: GeneratorReport = {
      ...auditRequests(log, warmupMs),
      loopLagP99Ms: Math.max(0, lag.percentile(99) / 1e6 - LAG_RESOLUTION_MS),
      loopLagMaxMs: Math.max(0, lag.max / 1e6 - LAG_RESOLUTION_MS),
      cpuMs: (cpu.user + cpu.system) / 1000,
      elapsedMs,
      connectionsOpened: client.connectionsOpened,
    };
    emit({ event: 'done', ...report });
    return report;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    client.close();
  }
}
