import net from 'node:net';
import { abortError, type ScavengerSettings } from '../core/index.ts';
import { descriptorOf } from './descriptor.ts';
import { ffi } from './ffi.ts';
import type { Refusal } from './refusals.ts';
import {
  closeDescriptor,
  errnoName,
  FAMILY,
  type Family,
  familyOf,
  type OptionName,
  openTcpSocket,
  readCongestionControl,
  readDscp,
  readIpv4Dscp,
  readKernelPriority,
  setCongestionControl,
  setIpv4Dscp,
  setIpv6Dscp,
  setKernelPriority,
  setNoDelay,
} from './socket-options.ts';
import type { Transport } from './transport.ts';

/** How the packets of a connection are sent. An absent member means the kernel's default. Make one for each class and hand in the same object: that makes the comparison cheap. */
export interface ConnectionProfile {
  /** A congestion-control algorithm of the kernel. */
  readonly congestionControl?: string;
  /** The six-bit DSCP value (RFC 2474). */
  readonly dscp?: number;
  /** The priority that qdiscs see (SO_PRIORITY), 0 to 6. */
  readonly kernelPriority?: number;
  /** Paces the connection so that it yields to others. */
  readonly scavenger?: ScavengerSettings;
  /** Which of several network paths its mark chooses, 0 or absent for the default. Each has delays of its own, which the scavenger must not confuse. */
  readonly networkPath?: number;
}

/** An IP literal and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How a connection is opened. */
export interface ConnectOptions {
  readonly transport: Transport;
  /** Reads go into this buffer instead of `data` events (see `onread` of node:net's socket.connect). */
  readonly onread?: net.OnReadOpts;
  readonly signal?: AbortSignal;
}

interface Applied {
  profile: ConnectionProfile;
  readonly family: Family;
  /** What the kernel had chosen, for going back to it. */
  readonly originalCongestionControl: string | undefined;
  /** Not 0 where the listener has a mark, or net.ipv4.tcp_reflect_tos gives the peer's SYN's. */
  readonly originalDscp: number;
  congestionControl: string | undefined;
  dscp: number;
  kernelPriority: number;
  scavenger: ScavengerSettings | undefined;
  networkPath: number;
}

const NO_PROFILE: ConnectionProfile = {};
const NO_REFUSALS: readonly Refusal[] = [];

const applied = new WeakMap<net.Socket, Applied>();

/**
 * Opens a TCP connection whose options stand before connect(2), so that even the SYN carries the mark. TCP_NODELAY is
 * set. Works as net.connect otherwise: errors, also those of socket(2), arrive as `error` events. The host must be an
 * IP literal; RangeError if it is none.
 */
export function connectWithProfile(
  address: Address,
  profile: ConnectionProfile,
  options: ConnectOptions,
): net.Socket {
  const version = net.isIP(address.host);
  if (version === 0) throw new RangeError(`not an IP literal: ${address.host}`);
  if (options.signal?.aborted === true) return new net.Socket().destroy(abortError(options.signal));
  const common = {
    ...(options.onread === undefined ? {} : { onread: options.onread }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const target = { host: address.host, port: address.port };
  if (ffi().calls === undefined || isEmpty(profile)) {
    return new net.Socket({ ...common }).setNoDelay(true).connect(target);
  }
  const family = version === 6 ? FAMILY.ipv6 : FAMILY.ipv4;
  const descriptor = openTcpSocket(family);
  if (descriptor < 0) return failedSocket(descriptor);
  let socket: net.Socket;
  try {
    const state = freshState(descriptor, family);
    bring(descriptor, state, profile, options.transport);
    const refused = setNoDelay(descriptor);
    if (refused < 0) options.transport.refusals.record('TCP_NODELAY', 1, refused);
    socket = new net.Socket({
      fd: descriptor,
      readable: true,
      writable: true,
      manualStart: true,
      ...common,
    } as net.SocketConstructorOpts);
    applied.set(socket, state);
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
  socket.connect(target);
  followScavenger(socket, profile, options.transport, address.host);
  return socket;
}

/**
 * Gives a connected socket (accepted, or opened by connectWithProfile) a profile. Calling it again with the same object
 * costs a table lookup; with another, only what differs is set. Returns what the kernel refused: the connection goes on
 * without it, and the refusal is counted and logged once per kind.
 */
export function applyProfile(
  socket: net.Socket,
  profile: ConnectionProfile,
  transport: Transport,
): readonly Refusal[] {
  let state = applied.get(socket);
  if (state?.profile === profile) return NO_REFUSALS;
  if (state === undefined && isEmpty(profile)) return NO_REFUSALS;
  if (ffi().calls === undefined) return NO_REFUSALS;
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return NO_REFUSALS;
  if (state === undefined) {
    state = freshState(descriptor, familyOf(descriptor) === FAMILY.ipv6 ? FAMILY.ipv6 : FAMILY.ipv4);
    applied.set(socket, state);
  }
  const refusals = bring(descriptor, state, profile, transport);
  followScavenger(socket, profile, transport);
  return refusals;
}

/**
 * Gives a listening server the part of a profile that accepted sockets inherit: congestion control and DSCP; the
 * SYN-ACK is marked too. Kernel priority and scavenger are not inherited. Call it after `listening`.
 */
export function applyListenerProfile(
  server: net.Server,
  profile: ConnectionProfile,
  transport: Transport,
): readonly Refusal[] {
  if (ffi().calls === undefined || isEmpty(profile)) return NO_REFUSALS;
  const descriptor = descriptorOf(server);
  if (descriptor < 0) return NO_REFUSALS;
  const family = familyOf(descriptor) === FAMILY.ipv6 ? FAMILY.ipv6 : FAMILY.ipv4;
  return bring(descriptor, freshState(descriptor, family), profile, transport);
}

function isEmpty(profile: ConnectionProfile): boolean {
  return (
    profile.congestionControl === undefined &&
    profile.dscp === undefined &&
    profile.kernelPriority === undefined &&
    profile.scavenger === undefined
  );
}

function freshState(descriptor: number, family: Family): Applied {
  const original = readCongestionControl(descriptor);
  const dscp = dscpOf(descriptor, family);
  return {
    profile: NO_PROFILE,
    family,
    originalCongestionControl: original,
    congestionControl: original,
    originalDscp: dscp,
    dscp,
    kernelPriority: Math.max(0, readKernelPriority(descriptor)),
    scavenger: undefined,
    networkPath: 0,
  };
}

/** The mark that stands on a socket; on an IPv6 socket that of IPv4 packets where only these have one. */
function dscpOf(descriptor: number, family: Family): number {
  const own = family === FAMILY.ipv6 ? readDscp(descriptor) : 0;
  return own > 0 ? own : Math.max(0, readIpv4Dscp(descriptor));
}

function bring(
  descriptor: number,
  state: Applied,
  profile: ConnectionProfile,
  transport: Transport,
): readonly Refusal[] {
  let refusals: Refusal[] | undefined;
  const settle = (option: OptionName, value: string | number, result: number): void => {
    if (result >= 0) return;
    refusals ??= [];
    refusals.push(transport.refusals.record(option, value, result));
  };

  const algorithm = profile.congestionControl ?? state.originalCongestionControl;
  if (algorithm !== undefined && algorithm !== state.congestionControl) {
    settle('TCP_CONGESTION', algorithm, setCongestionControl(descriptor, algorithm));
    state.congestionControl = algorithm;
  }

  const dscp = profile.dscp ?? state.originalDscp;
  let priority = profile.kernelPriority ?? 0;
  const dscpChanges = dscp !== state.dscp;
  if (dscpChanges) {
    if (state.family === FAMILY.ipv6) settle('IPV6_TCLASS', dscp, setIpv6Dscp(descriptor, dscp));
    // On an IPv6 socket too: a connection to an IPv4-mapped address sends IPv4 packets.
    settle('IP_TOS', dscp, setIpv4Dscp(descriptor, dscp));
    state.dscp = dscp;
  }
  // Last, because IP_TOS overwrites it.
  if (dscpChanges || priority !== state.kernelPriority) {
    if (priority > 6 || priority < 0) priority = 0;
    settle('SO_PRIORITY', priority, setKernelPriority(descriptor, priority));
    state.kernelPriority = profile.kernelPriority ?? 0;
  }
  state.profile = profile;
  return refusals ?? NO_REFUSALS;
}

function followScavenger(
  socket: net.Socket,
  profile: ConnectionProfile,
  transport: Transport,
  peer?: string,
): void {
  const state = applied.get(socket);
  const networkPath = profile.networkPath ?? 0;
  if (state === undefined) return;
  if (state.scavenger === profile.scavenger && state.networkPath === networkPath) return;
  const paced = state.scavenger !== undefined;
  state.scavenger = profile.scavenger;
  state.networkPath = networkPath;
  if (profile.scavenger !== undefined) {
    transport.scavenger.register(socket, profile.scavenger, peer, networkPath);
  } else if (paced) transport.scavenger.unregister(socket);
}

/** A socket that reports the failure of socket(2) the way net.connect would: as an event, after the caller listens. */
function failedSocket(result: number): net.Socket {
  const code = errnoName(result);
  const error = Object.assign(new Error(`socket ${code}`), { code, errno: result, syscall: 'socket' });
  return new net.Socket().destroy(error);
}
