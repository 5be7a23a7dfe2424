import os from 'node:os';
import type { Probe } from '../probe.ts';

const LEAST = 2;

/** Processors: hosts, switches and the generator share them, and a busy machine measures itself. */
export const processorsProbe: Probe = {
  name: 'processors',
  serves: 'trustworthy trials',
  async run() {
    const count = os.availableParallelism();
    const memory = `${(os.totalmem() / 2 ** 30).toFixed(0)} GiB of memory`;
    const detail = `${count} processors, ${memory}`;
    if (count >= LEAST) return { status: 'ok', detail };
    return {
      status: 'degraded',
      detail,
      fix: 'use a machine with two processors or more; the audit may void trials',
    };
  },
};
