import { readFileSync } from 'node:fs';
import type net from 'node:net';
import { descriptorOf } from './descriptor.ts';
import { ffi } from './ffi.ts';
import {
  closeDescriptor,
  errnoName,
  FAMILY,
  openTcpSocket,
  readCongestionControl,
  setCongestionControl,
} from './socket-options.ts';

/** Which algorithm a class gets, and which better liked ones it cannot have. */
export interface CongestionControlChoice {
  /** Undefined when none of the preferences can be had. */
  readonly chosen: string | undefined;
  readonly refused: readonly { readonly name: string; readonly why: string }[];
}

/** Takes the first preference that is available, and says why each one before it is not. */
export function chooseCongestionControl(
  preferences: readonly string[],
  available: readonly string[],
): CongestionControlChoice {
  const refused: { name: string; why: string }[] = [];
  for (const name of preferences) {
    if (available.includes(name)) return { chosen: name, refused };
    refused.push({
      name,
      why: 'no socket of this user can be given it (not in this kernel, or not allowed)',
    });
  }
  return { chosen: undefined, refused };
}

const AVAILABLE_FILE = '/proc/sys/net/ipv4/tcp_available_congestion_control';

function listedByKernel(): string[] {
  try {
    return readFileSync(AVAILABLE_FILE, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    // Sandboxes hide /proc/sys; the caller's own candidates can still be tried.
    return [];
  }
}

/**
 * What a socket of this user can really be given: every algorithm that the kernel lists, and `candidates` beside (a
 * kernel may load a module on demand), is tried on a scratch socket. Empty where socket options cannot be set.
 */
export function probeCongestionControls(candidates: readonly string[] = []): string[] {
  return tryCongestionControls(candidates)
    .filter((tried) => tried.errno === undefined)
    .map((tried) => tried.name);
}

/** The same with the reason: `errno` is absent where the algorithm can be had. */
export function tryCongestionControls(
  candidates: readonly string[] = [],
): { readonly name: string; readonly errno?: string }[] {
  if (ffi().calls === undefined) return [];
  const names = [...new Set([...listedByKernel(), ...candidates])];
  const descriptor = openTcpSocket(FAMILY.ipv4);
  if (descriptor < 0) return names.map((name) => ({ name, errno: errnoName(descriptor) }));
  try {
    return names.map((name) => {
      const result = setCongestionControl(descriptor, name);
      return result < 0 ? { name, errno: errnoName(result) } : { name };
    });
  } finally {
    closeDescriptor(descriptor);
  }
}

/** The algorithm that a connection uses now, as the kernel says; undefined when there is nothing to ask. */
export function congestionControlOf(socket: net.Socket): string | undefined {
  const descriptor = descriptorOf(socket);
  return descriptor < 0 || ffi().calls === undefined ? undefined : readCongestionControl(descriptor);
}
