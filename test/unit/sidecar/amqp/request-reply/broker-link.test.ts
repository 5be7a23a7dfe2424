import { describe, expect, it } from 'vitest';
import { type Clock, seededRandom, silentLogger } from '../../../../../src/core/index.ts';
import { BrokerLink, type LinkSession } from '../../../../../src/sidecar/amqp/request-reply/broker-link.ts';
import { FakeModel } from './fake-broker.ts';

/** A clock whose sleepers are woken by the test. */
class SleepyClock implements Clock {
  ms = 0;
  readonly sleeps: { readonly ms: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.ms;
  }

  wallMs(): number {
    return this.ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(new Error('aborted'));
      signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      this.sleeps.push({ ms, wake: resolve });
    });
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

class Bench {
  readonly clock = new SleepyClock();
  readonly models: FakeModel[] = [];
  readonly log: string[] = [];
  failConnecting: boolean;
  failBeginning = false;
  lost: ((cause: unknown) => void) | undefined;
  readonly link: BrokerLink;

  constructor(away = false) {
    this.failConnecting = away;
    this.link = new BrokerLink({
      name: 'test',
      connect: () => this.#connect(),
      begin: (_model, lost) => this.#begin(lost),
      clock: this.clock,
      random: seededRandom(7),
      logger: silentLogger,
    });
  }

  #connect() {
    this.log.push('connect');
    if (this.failConnecting) return Promise.reject(new Error('ECONNREFUSED'));
    const model = new FakeModel();
    this.models.push(model);
    return Promise.resolve(model.asModel());
  }

  #begin(lost: (cause: unknown) => void): Promise<LinkSession> {
    this.log.push('begin');
    this.lost = lost;
    if (this.failBeginning) return Promise.reject(new Error('406'));
    return Promise.resolve({ ended: () => this.log.push('ended') });
  }

  /** Lets the link wait no longer, and says how long it wanted to. */
  async wake(): Promise<number> {
    await turns();
    const waits = this.clock.sleeps.splice(0).filter(({ ms }) => ms !== 1000);
    for (const { wake } of waits) wake();
    await turns();
    return waits[0]?.ms ?? -1;
  }
}

describe('a link to the broker', () => {
  it('connects, and builds on the connection', async () => {
    const bench = new Bench();
    await turns();
    expect(bench.log).toEqual(['connect', 'begin']);
    expect(bench.link.statistics()).toEqual({ connected: true, sessions: 1, failures: 0 });
    await bench.link.close();
    expect(bench.log).toEqual(['connect', 'begin', 'ended']);
    expect(bench.models[0]?.closed).toBe(true);
    expect(bench.link.statistics().connected).toBe(false);
  });

  it('seeks a broker that is away, less and less often', async () => {
    const bench = new Bench(true);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) waits.push(await bench.wake());
    for (const [attempt, waitMs] of waits.entries()) {
      const wholeMs = Math.min(5000, 100 * 2 ** attempt);
      expect(waitMs).toBeGreaterThanOrEqual(wholeMs / 2);
      expect(waitMs).toBeLessThanOrEqual(wholeMs);
    }
    expect(bench.link.statistics().failures).toBe(10);
    await bench.link.close();
  });

  it('builds anew when the connection closes, when a channel is lost, and when building fails', async () => {
    const bench = new Bench();
    await turns();
    bench.models[0]?.emit('close', new Error('320'));
    await bench.wake();
    expect(bench.log).toEqual(['connect', 'begin', 'ended', 'connect', 'begin']);
    bench.lost?.(new Error('the channel was closed'));
    bench.failBeginning = true;
    await bench.wake();
    expect(bench.models[1]?.closed).toBe(true);
    bench.failBeginning = false;
    await bench.wake();
    expect(bench.link.statistics()).toEqual({ connected: true, sessions: 3, failures: 3 });
    await bench.link.close();
  });

  it('begins the back-off anew after a connection that held', async () => {
    const bench = new Bench(true);
    for (let attempt = 0; attempt < 6; attempt += 1) await bench.wake();
    bench.failConnecting = false;
    await bench.wake();
    bench.clock.ms += 10_000;
    bench.models[0]?.emit('close');
    expect(await bench.wake()).toBeLessThanOrEqual(100);
    await bench.link.close();
  });

  it('ends what was built after the connection had gone', async () => {
    const late = Promise.withResolvers<LinkSession>();
    const model = new FakeModel();
    const clock = new SleepyClock();
    let ended = 0;
    const link = new BrokerLink({
      name: 'test',
      connect: () => Promise.resolve(model.asModel()),
      begin: () => late.promise,
      clock,
      random: seededRandom(7),
      logger: silentLogger,
    });
    await turns();
    model.emit('close');
    late.resolve({ ended: () => (ended += 1) });
    await turns();
    expect(ended).toBe(1);
    await link.close();
  });

  it('can be closed while a connection is being made, and sends it away when it still comes', async () => {
    const late = Promise.withResolvers<ReturnType<FakeModel['asModel']>>();
    const link = new BrokerLink({
      name: 'test',
      connect: () => late.promise,
      begin: () => Promise.reject(new Error('nothing is to be built')),
      clock: new SleepyClock(),
      random: seededRandom(7),
      logger: silentLogger,
    });
    await turns();
    await link.close();
    const model = new FakeModel();
    late.resolve(model.asModel());
    await turns();
    expect(model.closed).toBe(true);
    // An error of an emitter to which nobody listens would end the process.
    expect(model.emit('error', new Error('heartbeat timeout'))).toBe(true);
  });

  it('can be closed while it seeks', async () => {
    const bench = new Bench(true);
    await turns();
    await bench.link.close();
    const { length } = bench.log;
    await turns();
    expect(bench.log).toHaveLength(length);
  });
});
