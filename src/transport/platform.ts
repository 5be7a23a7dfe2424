import os from 'node:os';
import type { Platform } from '../core/index.ts';
import { probeCongestionControls } from './congestion-control.ts';
import { ffi } from './ffi.ts';
import {
  closeDescriptor,
  FAMILY,
  openTcpSocket,
  readMaxPacingRate,
  setMaxPacingRate,
} from './socket-options.ts';

/** The part of the platform that this folder answers for. */
export type TransportPlatform = Pick<Platform, 'socketOptions' | 'congestionControls' | 'pacing'>;

/** Why socket options cannot be set here, or undefined when they can. */
export function whyNoSocketOptions(): string | undefined {
  return ffi().why;
}

/** Finds out what sockets of this user can be given. `candidates`: algorithms of a policy that the kernel may not list. */
export function probeTransport(candidates: readonly string[] = []): TransportPlatform {
  return {
    socketOptions: ffi().calls !== undefined,
    congestionControls: probeCongestionControls(candidates),
    pacing: probePacing(),
  };
}

/** TCP paces by itself, without a qdisc, since Linux 4.13; before, the option was taken and had no effect. */
function probePacing(): boolean {
  if (ffi().calls === undefined) return false;
  const [major = 0, minor = 0] = os.release().split('.').map(Number);
  if (major < 4 || (major === 4 && minor < 13)) return false;
  const descriptor = openTcpSocket(FAMILY.ipv4);
  if (descriptor < 0) return false;
  try {
    const wantedBps = 8_000_000;
    return setMaxPacingRate(descriptor, wantedBps) >= 0 && readMaxPacingRate(descriptor) === wantedBps;
  } finally {
    closeDescriptor(descriptor);
  }
}
