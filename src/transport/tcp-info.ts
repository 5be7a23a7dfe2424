import type net from 'node:net';
import { descriptorOf } from './descriptor.ts';
import { ffi } from './ffi.ts';
import { readTcpInfo } from './socket-options.ts';

/** The members of struct tcp_info that priomesh uses. */
export interface TcpInfo {
  /** Connection state; 1 is ESTABLISHED (net/tcp_states.h). */
  state: number;
  /** Whether the last delivery-rate sample was bounded by the application and not by the network. */
  appLimited: boolean;
  /** Sender's maximum segment size, bytes. */
  segmentBytes: number;
  /** Segments that are sent and not acknowledged. */
  unackedSegments: number;
  /** Smoothed round-trip time (RFC 6298), microseconds. */
  rttUs: number;
  rttVarUs: number;
  /** Smallest round-trip time within net.ipv4.tcp_min_rtt_wlen (300 s), microseconds. */
  minRttUs: number;
  /** Congestion window, segments. */
  cwndSegments: number;
  /** Segments sent again since the connection began. */
  totalRetransmits: number;
  /** What the kernel paces at now, bits per second; Infinity when it does not pace. */
  pacingRateBps: number;
  /** Bytes acknowledged since the connection began. */
  bytesAcked: number;
  /** Segments received since the connection began, acknowledgements included. */
  segmentsIn: number;
  /** Bytes in the socket's buffer that were never sent. */
  notSentBytes: number;
  /** The most recent delivery rate, bits per second. */
  deliveryRateBps: number;
}

/**
 * Offsets in struct tcp_info, include/uapi/linux/tcp.h. The structure only ever grows at its end; these members all
 * stand in every kernel since 4.9.
 */
const OFFSET = {
  state: 0,
  deliveryRateAppLimited: 7,
  sndMss: 16,
  unacked: 24,
  rtt: 68,
  rttvar: 72,
  sndCwnd: 80,
  totalRetrans: 100,
  pacingRate: 104,
  bytesAcked: 120,
  segsIn: 140,
  notsentBytes: 144,
  minRtt: 148,
  deliveryRate: 160,
} as const;

const NEEDED_BYTES = OFFSET.deliveryRate + 8;
const UNLIMITED = 2 ** 52;

const raw = new Uint8Array(256);
const view = new DataView(raw.buffer);

/** An empty record to hand to {@link tcpInfo}; reuse it. */
export function emptyTcpInfo(): TcpInfo {
  return {
    state: 0,
    appLimited: false,
    segmentBytes: 0,
    unackedSegments: 0,
    rttUs: 0,
    rttVarUs: 0,
    minRttUs: 0,
    cwndSegments: 0,
    totalRetransmits: 0,
    pacingRateBps: 0,
    bytesAcked: 0,
    segmentsIn: 0,
    notSentBytes: 0,
    deliveryRateBps: 0,
  };
}

function u32(offset: number): number {
  return view.getUint32(offset, true);
}

function u64(offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** Fills `into` with what the kernel knows about a connection (TCP_INFO, tcp(7)). False when there is nothing to ask. */
export function tcpInfo(socket: net.Socket, into: TcpInfo): boolean {
  const descriptor = descriptorOf(socket);
  return descriptor >= 0 && ffi().calls !== undefined && tcpInfoOf(descriptor, into);
}

/** The same by descriptor, for those who have made sure that it is theirs. */
export function tcpInfoOf(descriptor: number, into: TcpInfo): boolean {
  if (readTcpInfo(descriptor, raw) < NEEDED_BYTES) return false;
  into.state = raw[OFFSET.state] ?? 0;
  into.appLimited = ((raw[OFFSET.deliveryRateAppLimited] ?? 0) & 1) === 1;
  into.segmentBytes = u32(OFFSET.sndMss);
  into.unackedSegments = u32(OFFSET.unacked);
  into.rttUs = u32(OFFSET.rtt);
  into.rttVarUs = u32(OFFSET.rttvar);
  into.minRttUs = u32(OFFSET.minRtt);
  into.cwndSegments = u32(OFFSET.sndCwnd);
  into.totalRetransmits = u32(OFFSET.totalRetrans);
  const pacing = u64(OFFSET.pacingRate);
  into.pacingRateBps = pacing >= UNLIMITED ? Number.POSITIVE_INFINITY : pacing * 8;
  into.bytesAcked = u64(OFFSET.bytesAcked);
  into.segmentsIn = u32(OFFSET.segsIn);
  into.notSentBytes = u32(OFFSET.notsentBytes);
  into.deliveryRateBps = u64(OFFSET.deliveryRate) * 8;
  return true;
}
