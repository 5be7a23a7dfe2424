import { expect, test } from 'vitest';
import { type BridgeConfig, loadPolicy } from '../../../src/config/index.ts';
import type { Topology } from '../../../src/control-protocol/index.ts';
import { type Clock, type Hint, PriomeshError, silentLogger } from '../../../src/core/index.ts';
import { Bridge } from '../../../src/sdn-bridge/bridge.ts';
import type { NetworkLine } from '../../../src/sdn-bridge/network-log.ts';
import type { NorthboundEvents } from '../../../src/sdn-bridge/northbound/northbound.ts';
import { QdiscReader } from '../../../src/sdn-bridge/qdisc/qdisc-reader.ts';

const RATE_BPS = 8_000_000;

/** A clock that moves when somebody sleeps on it, and hands each instant to the test first. */
class StepClock implements Clock {
  #nowMs = 1000;
  readonly #at: (ms: number) => void;

  constructor(at: (ms: number) => void) {
    this.#at = at;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000.5;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await Promise.resolve();
    if (signal?.aborted === true) throw new PriomeshError('ABORTED', 'cancelled');
    this.#nowMs += ms;
    this.#at(this.#nowMs - 1000);
  }
}

function topology(up: boolean): Topology {
  const link = (from: string, to: string, rateBps: number | null, works = true) =>
    ({ id: `${from}>${to}`, from, to, port: 1, device: '', rateBps, up: works }) as const;
  return {
    epoch: 1,
    switches: [],
    links: [link('s1', 's2', RATE_BPS), link('s2', 's1', null, up)],
    hosts: [],
    paths: [],
  };
}

/** Runs a bridge for so long, with a controller that does what the script says at each instant. */
async function run(
  forMs: number,
  script: (events: NorthboundEvents, ms: number) => void,
): Promise<{ hints: (Hint & { readonly ms: number })[]; lines: NetworkLine[]; told: Topology[] }> {
  const stop = new AbortController();
  const lines: NetworkLine[] = [];
  const hints: (Hint & { readonly ms: number })[] = [];
  const told: Topology[] = [];
  let events: NorthboundEvents | undefined;
  const clock = new StepClock((ms) => {
    if (ms >= forMs) stop.abort();
    else if (events !== undefined) script(events, ms);
  });
  const config: BridgeConfig = {
    northbound: { kind: 'priomesh', url: 'unix:/nowhere' },
    policy: await loadPolicy('policies/case-study.yaml'),
    ports: [],
  };
  const bridge = new Bridge(config, {
    northbound: {
      name: 'scripted',
      async run(to, signal) {
        events = to;
        script(to, 0);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
      moveClass: async () => {},
      unmoveClass: async () => {},
    },
    sink: {
      topology: (one) => told.push(one),
      hints: (some) => hints.push(...some.map((hint) => ({ ...hint, ms: clock.nowMs() - 1000 }))),
      close: async () => {},
    },
    queues: new QdiscReader({ clock, logger: silentLogger }),
    owner: undefined,
    log: { write: (line) => lines.push(line), close: async () => {} },
    clock,
    logger: silentLogger,
  });
  await bridge.run(stop.signal);
  return { hints, lines, told };
}

/** As many bytes as a link that is always used can send. */
function full(events: NorthboundEvents, ms: number): void {
  const bytes = ms * (RATE_BPS / 8000);
  const counters = { id: 's1>s2', txBytes: bytes, txPackets: ms, txDropped: 0, marks: new Map() };
  events.statistics({ epoch: 1, timeMs: ms, links: [counters] });
}

test('makes hints and crossings of counters, and says nothing more when they cease', async () => {
  const { hints, lines, told } = await run(3000, (events, ms) => {
    if (ms === 0) events.topology(topology(true));
    if (ms <= 1000) full(events, ms);
  });
  expect(told).toHaveLength(1);
  expect(new Set(hints.map(({ link }) => link))).toEqual(new Set(['s1>s2']));
  expect(hints.map(({ sequence }) => sequence)).toEqual(hints.map((_, index) => index + 1));
  expect(hints[0]).toMatchObject({ epoch: 1_700_000_000_000, ttlMs: 1000, down: false });
  expect(hints.at(-1)?.classes['interactive']?.level).toBeGreaterThan(0.9);
  expect(hints.at(-1)?.ms).toBeLessThan(1000 + 200 + 20);
  const crossings = lines.filter((line) => line.event === 'hint');
  expect(crossings.map(({ class: name, congested }) => [name, congested])).toEqual([
    ['interactive', true],
    ['batch', true],
  ]);
  const links = lines.filter(({ event }) => event === 'links').map(({ timeMs }) => timeMs - 1000);
  expect(links.slice(0, 4)).toEqual([20, 120, 220, 320].map((ms) => expect.closeTo(ms, -2)));
  expect(links.length).toBeGreaterThan(9);
  expect(links.length).toBeLessThan(15);
});

test('tells that a link is down as long as it is, and once that it is not any more', async () => {
  const { hints } = await run(2500, (events, ms) => {
    if (ms === 0 || ms === 2000) events.topology(topology(true));
    if (ms === 1000) events.topology(topology(false));
    if (ms === 1500) events.lost('away');
  });
  expect(new Set(hints.map(({ link }) => link))).toEqual(new Set(['s2>s1']));
  expect(hints.map(({ down }) => down)).toEqual([...hints.slice(1).map(() => true), false]);
  expect(hints[0]?.ms).toBeLessThanOrEqual(1020);
  expect(hints.length).toBeGreaterThan(3);
});
