import type { ScavengerController } from '../../../src/transport/scavenger-controller.ts';

/** A sender in the model: says how fast it sends, and is told once a step what it would measure. */
export interface ModelSender {
  rateBps(nowMs: number): number;
  measure(nowMs: number, seen: { rttUs: number; ackedBytes: number; lostBytes: number }): void;
}

export interface ModelOptions {
  readonly rateBps: number;
  readonly baseRttMs: number;
  readonly queueBytes: number;
  readonly untilMs: number;
  /** When each sender begins; default 0. */
  readonly beginMs?: readonly number[];
  /** When each sender ends; default never. */
  readonly endMs?: readonly number[];
}

export interface ModelResult {
  /** Queueing delay at each step, ms. */
  readonly delayMs: readonly number[];
  /** Bytes that each sender got through, by step. */
  readonly delivered: readonly (readonly number[])[];
}

const STEP_MS = 1;
export const SEGMENT_BYTES = 1448;

/**
 * A fluid model of one FIFO bottleneck: in each millisecond the queue takes what the senders offer, drops what does not
 * fit in proportion, and serves in proportion to what each has in it. What left is acknowledged a base round trip later.
 */
export function runModel(senders: readonly ModelSender[], options: ModelOptions): ModelResult {
  const queued = senders.map(() => 0);
  const delayMs: number[] = [];
  const delivered: number[][] = senders.map(() => []);
  const lost: number[][] = senders.map(() => []);
  const perStep = (options.rateBps / 8000) * STEP_MS;
  const lag = Math.max(1, Math.round(options.baseRttMs / STEP_MS));
  for (let nowMs = 0; nowMs < options.untilMs; nowMs += STEP_MS) {
    senders.forEach((sender, index) => {
      const on =
        nowMs >= (options.beginMs?.[index] ?? 0) &&
        nowMs < (options.endMs?.[index] ?? Number.POSITIVE_INFINITY);
      queued[index] = (queued[index] ?? 0) + (on ? (sender.rateBps(nowMs) / 8000) * STEP_MS : 0);
    });
    let total = queued.reduce((sum, bytes) => sum + bytes, 0);
    const excess = Math.max(0, total - options.queueBytes - perStep);
    queued.forEach((bytes, index) => {
      const cut = total > 0 ? (excess * bytes) / total : 0;
      lost[index]?.push(cut);
      queued[index] = bytes - cut;
    });
    total -= excess;
    const served = total > 0 ? Math.min(1, perStep / total) : 0;
    queued.forEach((bytes, index) => {
      delivered[index]?.push(bytes * served);
      queued[index] = bytes * (1 - served);
    });
    delayMs.push((total * (1 - served)) / (options.rateBps / 8000));
    const then = delayMs.length - 1 - lag;
    senders.forEach((sender, index) => {
      sender.measure(nowMs, {
        rttUs: (options.baseRttMs + (delayMs[Math.max(0, then)] ?? 0)) * 1000,
        ackedBytes: delivered[index]?.[then] ?? 0,
        lostBytes: lost[index]?.[then] ?? 0,
      });
    });
  }
  return { delayMs, delivered };
}

/** A scavenger that samples every `intervalMs` and always has data to send. */
export function scavengerSender(
  controller: ScavengerController,
  onRate: (rateBps: number) => void = () => {},
  intervalMs = 10,
): ModelSender {
  let started = false;
  let nextMs = 0;
  let acked = 0;
  let lost = 0;
  let minRttUs = Number.POSITIVE_INFINITY;
  return {
    rateBps(nowMs) {
      if (!started) {
        started = true;
        nextMs = nowMs + intervalMs;
        controller.start(nowMs, Math.min(minRttUs, 1e9), SEGMENT_BYTES);
      }
      return controller.rateBps;
    },
    measure(nowMs, seen) {
      minRttUs = started ? Math.min(minRttUs, seen.rttUs) : seen.rttUs;
      acked += seen.ackedBytes;
      lost += seen.lostBytes;
      if (!started || nowMs < nextMs) return;
      nextMs += intervalMs;
      const rateBps = controller.sample({
        nowMs,
        rttUs: acked > 0 ? seen.rttUs : 0,
        minRttUs,
        ackedBytes: acked,
        retransmits: lost >= SEGMENT_BYTES ? 1 : 0,
        backlogged: true,
        segmentBytes: SEGMENT_BYTES,
      });
      onRate(rateBps);
      acked = 0;
      if (lost >= SEGMENT_BYTES) lost = 0;
    },
  };
}

/** A loss-driven sender: a window that grows a segment a round trip and is cut to 0.7 on loss, as CUBIC cuts (RFC 9438). */
export function lossDrivenSender(): ModelSender {
  let windowBytes = 10 * SEGMENT_BYTES;
  let rttUs = 1000;
  let quietUntilMs = 0;
  let slowStart = true;
  return {
    rateBps: () => (windowBytes * 8e6) / rttUs,
    measure(nowMs, seen) {
      rttUs = seen.rttUs;
      if (seen.lostBytes > 0 && nowMs >= quietUntilMs) {
        windowBytes *= 0.7;
        slowStart = false;
        quietUntilMs = nowMs + rttUs / 1000;
      } else if (seen.lostBytes === 0) {
        windowBytes += slowStart ? seen.ackedBytes : (SEGMENT_BYTES * seen.ackedBytes) / windowBytes;
      }
    },
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The mean rate of a sender within a span, bits per second. */
export function rateWithin(delivered: readonly number[] | undefined, fromMs: number, toMs: number): number {
  return mean((delivered ?? []).slice(fromMs, toMs)) * 8000;
}
