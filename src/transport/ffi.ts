import { createRequire } from 'node:module';
import os from 'node:os';
import { getSystemErrorName } from 'node:util';
import { messageOf } from '../core/index.ts';

/**
 * The system calls that Node does not offer, all on one thread and without allocation. Each returns what the call
 * returned, or the negated errno(3) when it failed, as the kernel itself does.
 */
export interface SystemCalls {
  /** socket(2): a file descriptor. */
  socket(domain: number, type: number, protocol: number): number;
  /** setsockopt(2) with the first `length` bytes of `value`: 0. */
  setsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: number): number;
  /** getsockopt(2) into `value`: how many bytes the kernel wrote. */
  getsockopt(descriptor: number, level: number, name: number, value: Uint8Array): number;
  /** close(2): 0. */
  close(descriptor: number): number;
}

/** Either the system calls, or why they cannot be made here. */
export type FfiState =
  | { readonly calls: SystemCalls; readonly why: undefined }
  | { readonly calls: undefined; readonly why: string };

/** Architectures whose option numbers are those of include/uapi/asm-generic/socket.h, little endian. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64', 'ia32', 'arm'];

let state: FfiState | undefined;

/** The system calls, loaded on first use (about 10 ms) and kept for the life of the process. Never throws. */
export function ffi(): FfiState {
  state ??= load();
  return state;
}

/** The name of a negated errno: -2 is `ENOENT`. */
export function errnoName(result: number): string {
  return result < 0 ? getSystemErrorName(result) : 'OK';
}

function load(): FfiState {
  if (process.platform !== 'linux')
    return unavailable(`the options are Linux's, and this is ${process.platform}`);
  if (!ARCHITECTURES.includes(process.arch) || os.endianness() !== 'LE') {
    return unavailable(`the option numbers of ${process.arch} are not known`);
  }
  try {
    return { calls: bind(), why: undefined };
  } catch (error) {
    const reason = messageOf(error).split('\n')[0] ?? '';
    return unavailable(`the FFI library koffi does not load (${reason})`);
  }
}

function unavailable(why: string): FfiState {
  return { calls: undefined, why };
}

type Call = (...values: (number | Uint8Array)[]) => number;

function bind(): SystemCalls {
  // require, because an import would either be eager or make every caller asynchronous.
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const libc = koffi.load(null);
  const socket = libc.func('socket', 'int', ['int', 'int', 'int']) as Call;
  const setsockopt = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']) as Call;
  const getsockopt = libc.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']) as Call;
  const close = libc.func('close', 'int', ['int']) as Call;
  const lengthCell = new Uint32Array(1);
  const lengthBytes = new Uint8Array(lengthCell.buffer);
  const settle = (result: number): number => (result < 0 ? -koffi.errno() : result);
  return {
    socket: (domain, type, protocol) => settle(socket(domain, type, protocol)),
    setsockopt: (descriptor, level, name, value, length) =>
      settle(setsockopt(descriptor, level, name, value, length)),
    getsockopt(descriptor, level, name, value) {
      lengthCell[0] = value.byteLength;
      const result = getsockopt(descriptor, level, name, value, lengthBytes);
      return result < 0 ? -koffi.errno() : (lengthCell[0] ?? 0);
    },
    close: (descriptor) => settle(close(descriptor)),
  };
}
