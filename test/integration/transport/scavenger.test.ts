import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Network, nodeScript, openNetwork, type Program, SENDER } from './lab.ts';

const RATE_MBIT = 20;
const SECONDS = 5;
const SAMPLES_PER_SECOND = 10;
/** The first seconds belong to slow start and to the first slowdown. */
const SETTLE_SAMPLES = 10;

const CUBIC = { congestionControl: 'cubic' };
const SCAVENGER = { ...CUBIC, scavenger: { targetDelayMs: 10, minRateBps: 250_000 } };

interface Transfer {
  readonly profile: object;
  readonly connections: number;
}

interface Measured {
  /** Mean delay that the queue of the bottleneck imposes, ms. */
  readonly queueMs: number;
  /** Goodput of each transfer, bits per second. */
  readonly goodputBps: readonly number[];
}

let network: Network;
let nextPort = 9200;

beforeAll(async () => {
  network = await openNetwork();
  const tc = (line: string) => network.run('router', ['tc', ...line.split(' ')]);
  await tc('qdisc add dev right root handle 1: htb default 1');
  await tc(
    `class add dev right parent 1: classid 1:1 htb rate ${RATE_MBIT}mbit ceil ${RATE_MBIT}mbit burst 3k cburst 3k quantum 1514`,
  );
  await tc('qdisc add dev right parent 1:1 handle 10: pfifo limit 100');
});

afterAll(() => network.close());

async function backlogMs(): Promise<number> {
  const text = await network.run('router', ['tc', '-s', '-j', 'qdisc', 'show', 'dev', 'right']);
  const rows = JSON.parse(text) as { handle: string; backlog: number }[];
  const row = rows.find(({ handle }) => handle === '10:');
  if (row === undefined) throw new Error('the queue is gone');
  return (row.backlog * 8) / (RATE_MBIT * 1000);
}

/** Runs the transfers side by side through the bottleneck, each from a process of its own. */
async function measure(...transfers: readonly Transfer[]): Promise<Measured> {
  const programs: Program[] = [];
  const sinks: Program[] = [];
  for (const { profile, connections } of transfers) {
    const port = nextPort;
    nextPort += 1;
    const source = network.start('sender', nodeScript('source.ts', String(port), JSON.stringify(profile)));
    await source.next();
    programs.push(source);
    const sink = network.start('receiver', nodeScript('sink.ts', SENDER, String(port), String(connections)));
    sinks.push(sink);
  }
  const delays: number[] = [];
  const first: number[] = [];
  const last: number[] = [];
  for (let sample = 0; sample < SECONDS * SAMPLES_PER_SECOND; sample += 1) {
    // Each sink prints ten lines a second; that is the beat.
    const lines = (await Promise.all(sinks.map((sink) => sink.next()))) as { bytes: number }[];
    lines.forEach(({ bytes }, index) => {
      if (sample === SETTLE_SAMPLES) first[index] = bytes;
      last[index] = bytes;
    });
    const delay = await backlogMs();
    if (sample >= SETTLE_SAMPLES) delays.push(delay);
  }
  await Promise.all([...sinks, ...programs].map((program) => program.stop()));
  const seconds = SECONDS - (SETTLE_SAMPLES + 1) / SAMPLES_PER_SECOND;
  return {
    queueMs: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
    goodputBps: last.map((bytes, index) => ((bytes - (first[index] ?? 0)) * 8) / seconds),
  };
}

describe('the scavenger on a 20 Mbit/s link with a FIFO of 100 packets', () => {
  it('queues at most half as much as cubic, for at least 85 % of its goodput', async () => {
    const cubic = await measure({ profile: CUBIC, connections: 1 });
    const one = await measure({ profile: SCAVENGER, connections: 1 });
    const four = await measure({ profile: SCAVENGER, connections: 4 });
    console.log(JSON.stringify({ cubic, one, four }));
    for (const scavenger of [one, four]) {
      expect(scavenger.queueMs).toBeLessThan(cubic.queueMs / 2);
      expect(scavenger.goodputBps[0]).toBeGreaterThan(0.85 * (cubic.goodputBps[0] ?? 0));
    }
  });

  it('leaves the link to cubic', async () => {
    const { goodputBps } = await measure(
      { profile: SCAVENGER, connections: 1 },
      { profile: CUBIC, connections: 1 },
    );
    console.log(JSON.stringify({ goodputBps }));
    const [scavenger = 0, cubic = 0] = goodputBps;
    expect(scavenger).toBeLessThan(cubic / 4);
    expect(cubic).toBeGreaterThan(0.7 * RATE_MBIT * 1e6);
  });

  it('shares with a scavenger of another process', async () => {
    const transfer = { profile: SCAVENGER, connections: 1 };
    const { goodputBps, queueMs } = await measure(transfer, transfer);
    console.log(JSON.stringify({ goodputBps, queueMs }));
    const [one = 0, other = 0] = goodputBps;
    expect(Math.max(one, other) / Math.min(one, other)).toBeLessThan(4);
    expect(queueMs).toBeLessThan(25);
  });
});
