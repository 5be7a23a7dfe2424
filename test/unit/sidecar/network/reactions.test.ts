import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import {
  DEFAULT_ADMISSION,
  type Hint,
  type NetworkDecision,
  type NetworkPath,
  type NetworkSettings,
  type Policy,
  seededRandom,
} from '../../../../src/core/index.ts';
import type { ControlEvents } from '../../../../src/sidecar/control/index.ts';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import { NetworkReactions } from '../../../../src/sidecar/network/network-reactions.ts';
import type { TapMove } from '../../../../src/sidecar/tap/events.ts';
import { openTransport, type Transport } from '../../../../src/transport/index.ts';
import { HeldClock } from '../held-clock.ts';
import { PROFILES, threeClasses } from './support.ts';

const DAMPING: NetworkSettings['damping'] = {
  congestedLevel: 0.7,
  calmLevel: 0.3,
  minGain: 0.2,
  minHoldMs: 100,
  escalateMs: 100,
  returnAfterMs: 500,
  penaltyHalfLifeMs: 1000,
  maxPenalty: 3,
};
const WAYS: readonly NetworkPath[] = [
  { id: 'primary', links: ['s1>s2'] },
  { id: 'secondary', links: ['s1>s3'] },
];
const PEER = '10.0.0.2';

function policyOf(
  decisions: readonly NetworkDecision[],
  owner: 'sidecar' | 'controller' = 'sidecar',
): Policy {
  return {
    ...threeClasses,
    network: {
      ...threeClasses.network,
      damping: DAMPING,
      reactions: decisions.map((decide) => ({
        decide,
        owner,
        classes: ['interactive', 'batch', 'rest'],
        ...DEFAULT_ADMISSION,
        place: { file: 'test', line: 1, column: 1 },
      })),
    },
  };
}

let clock: HeldClock;
let wheel: TimerWheel;
let transport: Transport;
let lines: Readonly<Record<string, unknown>>[];
let told: TapMove[];
let shares: [number, number][];
let heard: ControlEvents[];
let closed: number;
let sequence: number;

beforeEach(() => {
  clock = new HeldClock();
  wheel = new TimerWheel(clock);
  transport = openTransport();
  [lines, told, shares, heard, closed, sequence] = [[], [], [], [], 0, 0];
});

afterEach(() => {
  wheel.close();
  transport.close();
});

function started(policy: Policy, inbound?: Partial<SidecarConfig['inbound']>): NetworkReactions {
  const config: SidecarConfig = {
    service: 'tested',
    policy,
    layers: ['network'],
    baselineCongestionControl: '',
    controlPlane: { target: 'unix:/nowhere', node: '10.0.0.1' },
    inbound: {
      listen: { host: '0.0.0.0', port: 0 },
      application: { host: '127.0.0.1', port: 1 },
      ingress: false,
      ...inbound,
    },
  };
  const reactions = new NetworkReactions({
    config,
    profiles: PROFILES,
    socketOptions: true,
    transport,
    clock,
    wheel,
    random: seededRandom(1),
    tap: {
      active: true,
      request: () => undefined,
      message: () => undefined,
      move: (event) => told.push(event),
    },
    record: (line) => lines.push(line),
    listen: (events) => {
      heard.push(events);
      return () => {
        closed += 1;
      };
    },
  });
  reactions.start({
    inbound: undefined,
    upstreams: [],
    admission: { setShare: (classIndex, percent) => shares.push([classIndex, percent]) },
  });
  return reactions;
}

const events = (): ControlEvents => heard[0] as ControlEvents;

function hint(link: string, levels: Readonly<Record<string, number>>, ttlMs = 1000): Hint {
  sequence += 1;
  const rows = Object.entries(levels).map(
    ([name, level]) => [name, { level, queueingDelayMs: 0, utilization: 0, lossRatio: 0 }] as const,
  );
  return { link, epoch: 1, sequence, ttlMs, down: false, classes: Object.fromEntries(rows) };
}

/** Lets time pass; the wheel turns as in life. */
function pass(ms: number, meanwhile: () => void = () => undefined): void {
  for (const endMs = clock.ms + ms; clock.ms < endMs; ) {
    clock.ms += 20;
    meanwhile();
    wheel.advance();
  }
}

describe('reactions to congestion', () => {
  it('move classes one after the other without a further hint, and tell each move', () => {
    const reactions = started(policyOf(['path']));
    events().paths(new Map([[`::ffff:${PEER}`, WAYS]]));
    const list = reactions.answering(PEER);
    expect(reactions.opening(PEER)).toBe(list);
    events().hints([hint('s1>s2', { interactive: 1, batch: 1 }), hint('s1>s3', {})]);
    pass(400);
    const moves = lines.map((line) => [line['class'], line['from'], line['to'], line['reason']]);
    expect(moves).toEqual([
      ['batch', 'primary', 'secondary', 'congested'],
      ['interactive', 'primary', 'secondary', 'congested'],
    ]);
    expect(lines[0]).toMatchObject({ event: 'move', service: 'tested', peer: PEER, owner: 'sidecar' });
    expect(told.map(({ classIndex, to }) => [classIndex, to])).toEqual([
      [1, 'secondary'],
      [0, 'secondary'],
    ]);
    expect(list.map(({ dscp }) => dscp)).toEqual([3, 7, undefined]);
    expect(reactions.statistics()).toMatchObject({
      moves: 2,
      peerCount: 1,
      paths: { [PEER]: { interactive: 'secondary', batch: 'secondary', rest: 'primary' } },
    });
  });

  it('forget everything when the stream is lost, and go back', () => {
    const reactions = started(policyOf(['path']));
    events().paths(new Map([[PEER, WAYS]]));
    events().hints([hint('s1>s2', { batch: 1 }, 60_000), hint('s1>s3', {}, 60_000)]);
    pass(100);
    expect(lines).toHaveLength(1);
    events().lost();
    pass(DAMPING.returnAfterMs + 100);
    expect(lines.map(({ reason }) => reason)).toEqual(['congested', 'no-hints']);
    expect(reactions.answering(PEER).map(({ dscp }) => dscp)).toEqual([46, 0, undefined]);
  });

  it('put a class back on the default path towards a host that is gone', () => {
    const reactions = started(policyOf(['path']));
    const list = reactions.opening(PEER);
    events().paths(new Map([[PEER, WAYS]]));
    events().hints([hint('s1>s2', { batch: 1 }), hint('s1>s3', {})]);
    pass(100);
    expect(list[1]?.dscp).toBe(7);
    events().paths(new Map([['10.0.0.3', WAYS]]));
    expect(list[1]?.dscp).toBe(0);
    expect(reactions.statistics()).toMatchObject({
      peerCount: 1,
      paths: { '10.0.0.3': { batch: 'secondary' } },
    });
  });

  it('do not flap when a control plane starts anew and knows no network yet', () => {
    const reactions = started(policyOf(['path']));
    const list = reactions.opening(PEER);
    events().paths(new Map([[PEER, WAYS]]));
    events().hints([hint('s1>s2', { batch: 1 }), hint('s1>s3', {})]);
    pass(100);
    events().lost();
    events().paths(new Map());
    pass(100);
    expect(list[1]?.dscp).toBe(7);
    events().paths(new Map([[PEER, WAYS]]));
    events().hints([hint('s1>s2', { batch: 1 }), hint('s1>s3', {})]);
    pass(100);
    expect([list[1]?.dscp, lines.length]).toEqual([7, 1]);
    events().lost();
    events().paths(new Map());
    pass(DAMPING.returnAfterMs + 100);
    expect([list[1]?.dscp, lines.at(-1)?.['reason']]).toEqual([0, 'no-hints']);
  });

  it('leave paths alone that the controller chooses, and where no mark can be set', () => {
    for (const policy of [policyOf(['path'], 'controller'), policyOf(['replica'])]) {
      heard = [];
      const reactions = started(policy);
      expect(reactions.profiles).toEqual(PROFILES);
      events().paths(new Map([[PEER, WAYS]]));
      events().hints([hint('s1>s2', { interactive: 1, batch: 1 }), hint('s1>s3', {})]);
      pass(400);
    }
    expect(lines).toEqual([]);
  });

  it('lower the share of a class for a while when no path helps', () => {
    const reactions = started(policyOf(['admission']));
    events().paths(new Map([[PEER, WAYS.slice(0, 1)]]));
    const hurt = (): void => events().hints([hint('s1>s2', { batch: 1 })]);
    pass(DEFAULT_ADMISSION.maxDurationMs + 100, hurt);
    expect(shares).toEqual([
      [1, 25],
      [1, 100],
    ]);
    expect(reactions.statistics()).toMatchObject({ lowered: {} });
  });

  it('hold nobody back when they are closed: those who wait are still served', async () => {
    const reactions = started(policyOf(['admission']));
    events().paths(new Map([[PEER, WAYS.slice(0, 1)]]));
    events().hints([hint('s1>s2', { batch: 1 })]);
    expect(shares).toEqual([[1, 25]]);
    await Promise.all([reactions.close(), reactions.close()]);
    expect(shares).toEqual([
      [1, 25],
      [1, 100],
    ]);
  });

  it('let the wheel rest when there is nothing to see and nothing to undo', () => {
    started(policyOf(['path', 'replica', 'admission']));
    events().paths(new Map([[PEER, WAYS]]));
    let looks = 0;
    const set = wheel.set.bind(wheel);
    wheel.set = (...args) => {
      looks += 1;
      set(...args);
    };
    events().hints([hint('s1>s2', { batch: 0.1 }, 100)]);
    pass(200);
    const before = looks;
    expect(before).toBeGreaterThan(0);
    pass(5000);
    expect(looks).toBe(before);
  });

  it('do nothing after they are closed', async () => {
    const reactions = started(policyOf(['path']));
    events().paths(new Map([[PEER, WAYS]]));
    await reactions.close();
    events().hints([hint('s1>s2', { batch: 1 }), hint('s1>s3', {})]);
    pass(500);
    expect([lines, closed]).toEqual([[], 1]);
  });

  it('tell only as much as is bounded', () => {
    const reactions = started(policyOf(['path']));
    const hosts = Array.from({ length: 1000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    events().paths(new Map(hosts.map((host) => [host, WAYS])));
    const { peerCount, paths } = reactions.statistics() as { peerCount: number; paths: object };
    expect([peerCount, Object.keys(paths).length]).toEqual([1000, 64]);
  });

  it('keep marks and paths in step, whatever comes', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('hint' as const),
        link: fc.constantFrom('s1>s2', 's1>s3', 's9>s9'),
        batch: fc.constantFrom(0, 0.5, 1),
        interactive: fc.constantFrom(0, 1),
        ttlMs: fc.constantFrom(50, 1000),
      }),
      fc.record({ kind: fc.constant('paths' as const), hosts: fc.nat({ max: 3 }), ways: fc.nat({ max: 2 }) }),
      fc.record({ kind: fc.constant('lost' as const) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 1000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        heard = [];
        const reactions = started(policyOf(['path', 'replica', 'admission']));
        const lists = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => reactions.opening(host));
        for (const one of steps) {
          if (one.kind === 'lost') events().lost();
          else if (one.kind === 'time') pass(one.ms);
          else if (one.kind === 'hint') {
            const { link, batch, interactive, ttlMs } = one;
            events().hints([hint(link, { batch, interactive }, ttlMs)]);
          } else {
            const hosts = Array.from({ length: one.hosts }, (_, index) => `10.0.0.${index + 1}`);
            events().paths(new Map(hosts.map((host) => [host, WAYS.slice(0, one.ways)])));
          }
          const { paths } = reactions.statistics() as { paths: Record<string, Record<string, string>> };
          for (const [index, list] of lists.entries()) {
            const now = paths[`10.0.0.${index + 1}`];
            expect(list.map(({ dscp }) => dscp)).toEqual([
              now?.['interactive'] === 'secondary' ? 3 : 46,
              now?.['batch'] === 'secondary' ? 7 : 0,
              undefined,
            ]);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
