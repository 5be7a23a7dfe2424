import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** nft(8): marks of packets that no sidecar sends. */
export const nftablesProbe: Probe = {
  name: 'nftables',
  serves: 'column kernel where u32 filters are missing',
  run: async (context) => installed(await firstLine(context, ['nft', '--version']), 'nftables'),
};
