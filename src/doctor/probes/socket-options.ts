import type { Probe } from '../probe.ts';

/** Socket options through the foreign-function library: marks, congestion control, pacing. */
export const socketOptionsProbe: Probe = {
  name: 'socket-options',
  serves: 'columns transport and mark',
  async run({ platform }) {
    if (typeof platform === 'string') return { status: 'missing', detail: platform };
    if (platform.socketOptions)
      return { status: 'ok', detail: 'koffi loads; options are set before connect' };
    return {
      status: 'missing',
      detail: 'koffi does not load on this machine',
      fix: 'use Linux on x86_64 or aarch64 with glibc',
    };
  },
};
