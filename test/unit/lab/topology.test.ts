import { describe, expect, test } from 'vitest';
import { hostCounts, hostNames, topologyParameters } from '../../../src/lab/topology.ts';

describe('the hosts of a topology', () => {
  test('reach up to the highest number that is asked for, and there is one on each side at least', () => {
    expect(hostCounts([])).toEqual({ left: 1, right: 1 });
    expect(hostCounts(['right3', 'left1', 'right2'])).toEqual({ left: 1, right: 3 });
    expect(hostNames(['right2'])).toEqual(['left1', 'right1', 'right2']);
  });

  test.each(['middle1', 'left0', 'left', 'left100', 'left01', 'right1 '])('there is no %s', (node) => {
    expect(() => hostCounts([node])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

test('parameters of the Python class carry its units', () => {
  const topology = {
    name: 'dumbbell',
    rateBps: 1_500_000,
    delayMs: 2.5,
    queuePackets: 50,
    nodes: ['left2'],
  } as const;
  expect(topologyParameters(topology)).toEqual({
    left: 2,
    right: 1,
    rate_mbit: 1.5,
    delay_ms: 2.5,
    queue_packets: 50,
  });
});
