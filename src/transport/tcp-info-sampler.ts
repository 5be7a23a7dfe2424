import type net from 'node:net';
import type { ClassIndex } from '../core/index.ts';
import { emptyTcpInfo, tcpInfo } from './tcp-info.ts';

/** What the connections of one class looked like when they were sampled last. Means are over the connections that answered. */
export interface TcpClassStatistics {
  readonly connections: number;
  readonly rttUsMean: number;
  readonly rttUsMax: number;
  readonly minRttUs: number;
  readonly cwndSegmentsMean: number;
  /** Segments sent again since the sampler began, connections that are gone included. */
  readonly retransmits: number;
  /** Sum over the connections of their latest delivery rates: what the kernel believes it can deliver. */
  readonly deliveryRateBps: number;
  /** Mean over the connections that are paced; 0 when none is. */
  readonly pacingRateBpsMean: number;
}

/** Bounds of a {@link TcpInfoSampler}. */
export interface TcpInfoSamplerOptions {
  /** Connections beyond it are counted and not sampled. Default 4096. */
  readonly maxSockets?: number;
}

interface Member {
  classIndex: ClassIndex;
  retransmits: number;
}

/**
 * Reads TCP_INFO of registered connections when it is asked and sums up by class, for the statistics that a sidecar
 * writes. It has no timer of its own: the caller's interval is the interval. A closed connection leaves by itself.
 */
export class TcpInfoSampler {
  readonly #members = new Map<net.Socket, Member>();
  readonly #maxSockets: number;
  readonly #retransmits: number[];
  #overLimit = 0;

  constructor(classCount: number, options: TcpInfoSamplerOptions = {}) {
    this.#retransmits = Array.from({ length: classCount }, () => 0);
    this.#maxSockets = options.maxSockets ?? 4096;
  }

  /** Connections that were not taken because of the limit. */
  get overLimit(): number {
    return this.#overLimit;
  }

  /** Registers a connection, or moves it to another class; cheap when nothing changes. */
  register(socket: net.Socket, classIndex: ClassIndex): void {
    const member = this.#members.get(socket);
    if (member !== undefined) {
      member.classIndex = classIndex;
      return;
    }
    if (socket.destroyed) return;
    if (this.#members.size >= this.#maxSockets) {
      this.#overLimit += 1;
      return;
    }
    this.#members.set(socket, { classIndex, retransmits: 0 });
    socket.once('close', () => this.#members.delete(socket));
  }

  /** Samples every connection now; one entry per class, by index. */
  sample(): TcpClassStatistics[] {
    const info = emptyTcpInfo();
    const sums = this.#retransmits.map(() => ({ ...EMPTY_SUM }));
    for (const [socket, member] of this.#members) {
      const sum = sums[member.classIndex];
      if (sum === undefined || !tcpInfo(socket, info) || info.rttUs === 0) continue;
      const again = info.totalRetransmits - member.retransmits;
      member.retransmits = info.totalRetransmits;
      this.#retransmits[member.classIndex] = (this.#retransmits[member.classIndex] ?? 0) + again;
      sum.connections += 1;
      sum.rttUs += info.rttUs;
      sum.rttUsMax = Math.max(sum.rttUsMax, info.rttUs);
      sum.minRttUs = Math.min(sum.minRttUs, info.minRttUs);
      sum.cwndSegments += info.cwndSegments;
      sum.deliveryRateBps += info.deliveryRateBps;
      if (Number.isFinite(info.pacingRateBps)) {
        sum.paced += 1;
        sum.pacingRateBps += info.pacingRateBps;
      }
    }
    return sums.map((sum, classIndex) => ({
      connections: sum.connections,
      rttUsMean: sum.rttUs / Math.max(1, sum.connections),
      rttUsMax: sum.rttUsMax,
      minRttUs: sum.connections === 0 ? 0 : sum.minRttUs,
      cwndSegmentsMean: sum.cwndSegments / Math.max(1, sum.connections),
      retransmits: this.#retransmits[classIndex] ?? 0,
      deliveryRateBps: sum.deliveryRateBps,
      pacingRateBpsMean: sum.pacingRateBps / Math.max(1, sum.paced),
    }));
  }
}

const EMPTY_SUM = {
  connections: 0,
  rttUs: 0,
  rttUsMax: 0,
  minRttUs: Number.POSITIVE_INFINITY,
  cwndSegments: 0,
  deliveryRateBps: 0,
  paced: 0,
  pacingRateBps: 0,
};
