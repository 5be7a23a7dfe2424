import { PriomeshError } from '../core/index.ts';
import type { LabTopology } from './types.ts';

const HOST = /^(left|right)([1-9]\d{0,2})$/;
/** Host numbers go into the last octet of an address: left hosts from 1, right hosts from 101. */
const HOSTS_PER_SIDE = 99;

/** How many hosts stand on each side: up to the highest number that is asked for, and at least one. */
export function hostCounts(nodes: readonly string[]): { left: number; right: number } {
  const counts = { left: 1, right: 1 };
  for (const node of nodes) {
    const match = HOST.exec(node);
    const number = Number(match?.[2]);
    if (match === null || number > HOSTS_PER_SIDE) {
      throw new PriomeshError('CONFIG_INVALID', `the topology has no node ${node}`, {
        fix: `Use left1 to left${HOSTS_PER_SIDE} or right1 to right${HOSTS_PER_SIDE}.`,
      });
    }
    const side = match[1] as 'left' | 'right';
    counts[side] = Math.max(counts[side], number);
  }
  return counts;
}

/** The names of all hosts of a topology, left before right. */
export function hostNames(nodes: readonly string[]): string[] {
  const { left, right } = hostCounts(nodes);
  const names = (side: string, count: number) => Array.from({ length: count }, (_, at) => `${side}${at + 1}`);
  return [...names('left', left), ...names('right', right)];
}

/** The parameters of the topology's Python class. */
export function topologyParameters(topology: LabTopology): Record<string, number> {
  return {
    ...hostCounts(topology.nodes),
    rate_mbit: topology.rateBps / 1e6,
    delay_ms: topology.delayMs,
    queue_packets: topology.queuePackets,
  };
}
