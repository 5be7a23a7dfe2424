import type { Probe } from '../probe.ts';

const WANTED = ['bbr', 'cubic', 'reno'];

/** The congestion-control algorithms that a socket of ours can really be given. */
export const congestionControlProbe: Probe = {
  name: 'congestion-control',
  serves: 'column transport',
  async run({ platform }) {
    if (typeof platform === 'string') return { status: 'missing', detail: platform };
    const { congestionControls } = platform;
    const lacking = WANTED.filter((name) => !congestionControls.includes(name));
    const detail = congestionControls.length === 0 ? 'none' : congestionControls.join(', ');
    if (lacking.length === 0) return { status: 'ok', detail };
    const fix = `modprobe -a ${lacking.map((name) => `tcp_${name}`).join(' ')}`;
    return {
      status: congestionControls.length > 0 ? 'degraded' : 'missing',
      detail: `${detail}; not ${lacking.join(', ')}`,
      fix,
    };
  },
};
