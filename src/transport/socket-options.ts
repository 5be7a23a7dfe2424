import { errnoName, ffi, type SystemCalls } from './ffi.ts';

/** Address families of socket(2), from linux/socket.h. */
export const FAMILY = { ipv4: 2, ipv6: 10 } as const;

/** A family number of {@link FAMILY}. */
export type Family = (typeof FAMILY)[keyof typeof FAMILY];

/** The options that this folder sets, by the name that a refusal is reported under. */
export type OptionName =
  | 'TCP_NODELAY'
  | 'TCP_CONGESTION'
  | 'IP_TOS'
  | 'IPV6_TCLASS'
  | 'SO_PRIORITY'
  | 'SO_MAX_PACING_RATE';

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SOL_TCP = 6;
const SO_PRIORITY = 12;
const SO_DOMAIN = 39;
const SO_MAX_PACING_RATE = 47;
const IP_TOS = 1;
const IPV6_TCLASS = 67;
const TCP_NODELAY = 1;
const TCP_INFO = 11;
const TCP_CONGESTION = 13;

/** Includes the terminating zero: TCP_CA_NAME_MAX of net/tcp.h. */
const ALGORITHM_NAME_BYTES = 16;

const cell = new Uint32Array(2);
const cellBytes = new Uint8Array(cell.buffer);
const nameBytes = new Uint8Array(ALGORITHM_NAME_BYTES);
const encoder = new TextEncoder();

const encodedNames = new Map<string, Uint8Array>();
const ENCODED_NAMES_MAX = 64;

/** The calls; reaching this without FFI is a mistake of the caller, who asks `ffi()` first. */
function calls(): SystemCalls {
  const state = ffi();
  if (state.calls === undefined) throw new Error(`socket options cannot be set: ${state.why}`);
  return state.calls;
}

/** A new TCP socket, non-blocking and closed on exec, or the negated errno. The caller closes it or hands it on. */
export function openTcpSocket(family: Family): number {
  return calls().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/** Closes a descriptor that no stream owns. */
export function closeDescriptor(descriptor: number): void {
  calls().close(descriptor);
}

function setNumber(descriptor: number, level: number, name: number, value: number): number {
  cell[0] = value;
  return calls().setsockopt(descriptor, level, name, cellBytes, 4);
}

function getNumber(descriptor: number, level: number, name: number): number {
  cell[0] = 0;
  cell[1] = 0;
  const result = calls().getsockopt(descriptor, level, name, cellBytes.subarray(0, 4));
  return result < 0 ? result : (cell[0] ?? 0);
}

/** The address family of a socket (SO_DOMAIN, socket(7)), or the negated errno. */
export function familyOf(descriptor: number): number {
  return getNumber(descriptor, SOL_SOCKET, SO_DOMAIN);
}

/** Switches Nagle's algorithm off. 0, or the negated errno. */
export function setNoDelay(descriptor: number): number {
  return setNumber(descriptor, SOL_TCP, TCP_NODELAY, 1);
}

/** 1 when Nagle's algorithm is off, 0 when it is on, or the negated errno. */
export function readNoDelay(descriptor: number): number {
  return getNumber(descriptor, SOL_TCP, TCP_NODELAY);
}

/** Sets the DSCP of IPv4 packets, ECN bits left to TCP. Overwrites SO_PRIORITY (ip(7)). 0, or the negated errno. */
export function setIpv4Dscp(descriptor: number, dscp: number): number {
  return setNumber(descriptor, SOL_IP, IP_TOS, dscp << 2);
}

/** Sets the DSCP of IPv6 packets (RFC 3542, section 6.5). 0, or the negated errno. */
export function setIpv6Dscp(descriptor: number, dscp: number): number {
  return setNumber(descriptor, SOL_IPV6, IPV6_TCLASS, dscp << 2);
}

/** The DSCP that a socket's packets carry, by its family, or the negated errno. */
export function readDscp(descriptor: number): number {
  const six = familyOf(descriptor) === FAMILY.ipv6;
  const value = getNumber(descriptor, six ? SOL_IPV6 : SOL_IP, six ? IPV6_TCLASS : IP_TOS);
  return value < 0 ? value : value >> 2;
}

/** The DSCP of the IPv4 packets of a socket, of whatever family, or the negated errno. */
export function readIpv4Dscp(descriptor: number): number {
  const value = getNumber(descriptor, SOL_IP, IP_TOS);
  return value < 0 ? value : value >> 2;
}

/** Sets the priority that qdiscs see (SO_PRIORITY, socket(7)); above 6 needs CAP_NET_ADMIN. 0, or the negated errno. */
export function setKernelPriority(descriptor: number, priority: number): number {
  return setNumber(descriptor, SOL_SOCKET, SO_PRIORITY, priority);
}

/** The priority that qdiscs see, or the negated errno. */
export function readKernelPriority(descriptor: number): number {
  return getNumber(descriptor, SOL_SOCKET, SO_PRIORITY);
}

/**
 * Sets the congestion-control algorithm, also of a live connection (TCP_CONGESTION, tcp(7)). 0, or the negated errno:
 * ENOENT where the kernel has no such algorithm, EPERM where net.ipv4.tcp_allowed_congestion_control does not list it.
 */
export function setCongestionControl(descriptor: number, algorithm: string): number {
  let encoded = encodedNames.get(algorithm);
  if (encoded === undefined) {
    encoded = encoder.encode(algorithm);
    if (encodedNames.size < ENCODED_NAMES_MAX) encodedNames.set(algorithm, encoded);
  }
  return calls().setsockopt(descriptor, SOL_TCP, TCP_CONGESTION, encoded, encoded.byteLength);
}

/** The congestion-control algorithm of a socket, or undefined when the kernel does not say. */
export function readCongestionControl(descriptor: number): string | undefined {
  const length = calls().getsockopt(descriptor, SOL_TCP, TCP_CONGESTION, nameBytes);
  if (length < 0) return undefined;
  const end = nameBytes.indexOf(0);
  return String.fromCharCode(...nameBytes.subarray(0, end < 0 ? length : end));
}

/**
 * Caps the pacing rate of a TCP socket (SO_MAX_PACING_RATE, socket(7)), bits per second; Infinity takes the cap away.
 * TCP paces by itself since Linux 4.13, no fq qdisc is needed. 0, or the negated errno.
 */
export function setMaxPacingRate(descriptor: number, rateBps: number): number {
  const bytesPerSecond = Math.max(1, Math.round(rateBps / 8));
  if (bytesPerSecond >= 2 ** 52) {
    cell[0] = 0xffff_ffff;
    cell[1] = 0xffff_ffff;
  } else {
    cell[0] = bytesPerSecond % 2 ** 32;
    cell[1] = Math.floor(bytesPerSecond / 2 ** 32);
  }
  return calls().setsockopt(descriptor, SOL_SOCKET, SO_MAX_PACING_RATE, cellBytes, 8);
}

/** The cap of the pacing rate, bits per second (Infinity: none), or the negated errno. */
export function readMaxPacingRate(descriptor: number): number {
  cell[0] = 0;
  cell[1] = 0;
  const length = calls().getsockopt(descriptor, SOL_SOCKET, SO_MAX_PACING_RATE, cellBytes);
  if (length < 0) return length;
  const low = cell[0] ?? 0;
  const high = cell[1] ?? 0;
  const unlimited = length === 4 ? low === 0xffff_ffff : high === 0xffff_ffff;
  return unlimited ? Number.POSITIVE_INFINITY : (high * 2 ** 32 + low) * 8;
}

/** Fills `into` with struct tcp_info (linux/tcp.h): how many bytes this kernel's has, or the negated errno. */
export function readTcpInfo(descriptor: number, into: Uint8Array): number {
  return calls().getsockopt(descriptor, SOL_TCP, TCP_INFO, into);
}

export { errnoName };
