import type net from 'node:net';
import type { ScavengerSettings } from '../core/index.ts';
import { descriptorOf } from './descriptor.ts';
import type { RefusalLog } from './refusals.ts';
import { ScavengerController } from './scavenger-controller.ts';
import { setMaxPacingRate } from './socket-options.ts';
import { emptyTcpInfo, tcpInfoOf } from './tcp-info.ts';

/** A cap is left alone until it is off by more than this share: each change costs a system call. */
const CHANGE_SHARE = 0.03;
/** A socket whose share others do not use may go this far beyond what it took lately. */
const SPARE_GAIN = 1.25;

/** By then what the kernel had smoothed before a move weighs less than a twentieth: (7/8)^24. */
const SETTLED_SEGMENTS = 24;

interface Flow {
  readonly socket: net.Socket;
  /** It was on another path before: the smallest round-trip time that the kernel remembers may be of that one. */
  readonly moved: boolean;
  /** Segments that had come in when it was first looked at here; -1 before. For a flow that has moved. */
  firstSegmentsIn: number;
  bytesWritten: number;
  active: boolean;
  ackedBytes: number;
  segmentsIn: number;
  retransmits: number;
  rttUs: number;
  /** Acknowledged since the last tick, as a rate. */
  deliveredBps: number;
  backlogged: boolean;
  capBps: number;
}

const info = emptyTcpInfo();

/** The connections to one peer, paced by one controller. */
export class ScavengerPath {
  readonly #peer: string;
  readonly #controller: ScavengerController;
  readonly #refusals: RefusalLog;
  readonly #flows = new Map<net.Socket, Flow>();
  #active = 0;
  #lastMs = 0;

  constructor(peer: string, settings: ScavengerSettings, refusals: RefusalLog) {
    this.#peer = peer;
    this.#controller = new ScavengerController(settings);
    this.#refusals = refusals;
  }

  get size(): number {
    return this.#flows.size;
  }

  /** @param moved whether the socket was on another path before */
  add(socket: net.Socket, moved = false): void {
    const flow: Flow = {
      socket,
      moved,
      firstSegmentsIn: -1,
      bytesWritten: socket.bytesWritten,
      active: false,
      ackedBytes: 0,
      segmentsIn: 0,
      retransmits: 0,
      rttUs: 0,
      deliveredBps: 0,
      backlogged: false,
      capBps: Number.POSITIVE_INFINITY,
    };
    this.#flows.set(socket, flow);
  }

  remove(socket: net.Socket): void {
    if (this.#flows.get(socket)?.active === true) this.#active -= 1;
    this.#flows.delete(socket);
  }

  statistics() {
    const { rateBps, baseDelayUs, queueingDelayUs } = this.#controller;
    return { peer: this.#peer, active: this.#active, rateBps, baseDelayUs, queueingDelayUs };
  }

  /** Measures, decides, and sets the caps. */
  tick(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    const wasActive = this.#active > 0;
    let rttUs = 0;
    let minRttUs = 0;
    let ackedBytes = 0;
    let retransmits = 0;
    let segmentBytes = 0;
    let backlogged = 0;
    let spareBps = 0;
    for (const flow of this.#flows.values()) {
      const written = flow.socket.bytesWritten;
      if (!flow.active && written === flow.bytesWritten) continue;
      flow.bytesWritten = written;
      const descriptor = descriptorOf(flow.socket);
      if (descriptor < 0 || !tcpInfoOf(descriptor, info) || info.rttUs === 0) continue;
      if (flow.moved && !isSettled(flow, info.segmentsIn)) continue;
      const leastUs = flow.moved ? info.rttUs : info.minRttUs;
      const acked = info.bytesAcked - flow.ackedBytes;
      if (flow.active) {
        const segmentsIn = info.segmentsIn - flow.segmentsIn;
        const perAck = acked / Math.max(1, info.segmentBytes * segmentsIn);
        const waitedUs = acknowledgementDelayUs(perAck, (info.segmentBytes * 8e6) / flow.capBps);
        const fresh = Math.max(flow.moved ? 1 : leastUs, recentRtt(flow, info.rttUs, segmentsIn) - waitedUs);
        if (acked > 0 && (rttUs === 0 || fresh < rttUs)) rttUs = fresh;
        ackedBytes += acked;
        retransmits += info.totalRetransmits - flow.retransmits;
        flow.deliveredBps = elapsedMs > 0 ? (acked * 8000) / elapsedMs : 0;
      } else {
        flow.active = true;
        this.#active += 1;
        flow.deliveredBps = 0;
        if (!wasActive && (rttUs === 0 || info.rttUs < rttUs)) rttUs = info.rttUs;
      }
      flow.ackedBytes = info.bytesAcked;
      flow.segmentsIn = info.segmentsIn;
      flow.retransmits = info.totalRetransmits;
      flow.rttUs = info.rttUs;
      flow.backlogged = info.notSentBytes > 0;
      if (minRttUs === 0 || leastUs < minRttUs) minRttUs = leastUs;
      if (info.segmentBytes > segmentBytes) segmentBytes = info.segmentBytes;
      if (flow.backlogged) backlogged += 1;
      else spareBps += flow.deliveredBps;
      if (!flow.backlogged && info.unackedSegments === 0 && acked === 0) {
        flow.active = false;
        this.#active -= 1;
        // Packets that are sent at a low cap wait for their turn even if the cap is raised then.
        this.#cap(flow, Math.max(flow.capBps, this.#controller.resumeRateBps));
      }
    }
    if (this.#active === 0) return;
    const controller = this.#controller;
    const rateBps = wasActive
      ? controller.sample({
          nowMs,
          rttUs,
          minRttUs,
          ackedBytes,
          retransmits,
          backlogged: backlogged > 0,
          segmentBytes,
        })
      : controller.start(nowMs, Math.min(rttUs, minRttUs || rttUs), segmentBytes);
    this.#share(rateBps, backlogged, spareBps);
  }

  /** Splits the rate equally; what connections without a backlog do not use goes to those that have one. */
  #share(rateBps: number, backlogged: number, spareBps: number): void {
    const equalBps = rateBps / this.#active;
    const backlogBps =
      backlogged === 0 ? equalBps : Math.max(equalBps, (rateBps - SPARE_GAIN * spareBps) / backlogged);
    for (const flow of this.#flows.values()) {
      if (flow.active) this.#cap(flow, flow.backlogged ? backlogBps : equalBps);
    }
  }

  #cap(flow: Flow, capBps: number): void {
    if (Math.abs(capBps - flow.capBps) <= CHANGE_SHARE * capBps) return;
    const descriptor = descriptorOf(flow.socket);
    if (descriptor < 0) return;
    flow.capBps = capBps;
    const result = setMaxPacingRate(descriptor, capBps);
    if (result < 0) this.#refusals.record('SO_MAX_PACING_RATE', 'rate', result);
  }
}

/** Whether enough has come in over the new path for the smoothed round-trip time to be that of it. */
function isSettled(flow: Flow, segmentsIn: number): boolean {
  if (flow.firstSegmentsIn < 0) flow.firstSegmentsIn = segmentsIn;
  return flow.active || segmentsIn - flow.firstSegmentsIn >= SETTLED_SEGMENTS;
}

/**
 * The round-trip time of the latest acknowledgements, taken out of the kernel's smoothed one. Each acknowledgement moves
 * that by an eighth of the difference (RFC 6298), so after n of them m = (new - r old) / (1 - r) with r = (7/8)^n. Counting
 * segments that acknowledge nothing new makes n too large, which only moves the answer towards the smoothed value.
 */
function recentRtt(flow: Flow, smoothedUs: number, segmentsIn: number): number {
  if (flow.rttUs === 0 || segmentsIn <= 0) return smoothedUs;
  const kept = (7 / 8) ** segmentsIn;
  return Math.max(1, (smoothedUs - kept * flow.rttUs) / (1 - kept));
}

/** The receiver's delayed-acknowledgement timer in Linux, TCP_DELACK_MIN of net/tcp.h. */
const DELAYED_ACK_US = 40_000;

/**
 * How much of a round-trip time was the receiver's wait for more segments. The kernel measures from the first segment
 * that an acknowledgement covers, so with `perAck` of them, sent `spacingUs` apart, the first waited for the others; a
 * slow sender without a second one waits for the timer. Without this a scavenger that was driven to a low rate takes its own
 * slowness for a queue, and never comes back.
 */
function acknowledgementDelayUs(perAck: number, spacingUs: number): number {
  if (spacingUs >= DELAYED_ACK_US) return DELAYED_ACK_US;
  return Math.min(DELAYED_ACK_US, Math.max(0, perAck - 1) * spacingUs);
}
