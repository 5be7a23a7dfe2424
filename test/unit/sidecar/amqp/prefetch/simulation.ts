import type { Random } from '../../../../../src/core/index.ts';
import {
  type ConsumerSnapshot,
  GovernedChannel,
  type GovernedConsumer,
} from '../../../../../src/sidecar/amqp/prefetch/index.ts';

/**
 * A discrete-event model: a broker's priority queue, the wire, the sidecar, and a client with workers and a FIFO buffer. No real time, no
 * chance but the seed's: the same settings give the same figures on every machine.
 */
export interface SimulationSettings {
  readonly random: Random;
  /** Draws a service time of a class (0 interactive, 1 batch). */
  readonly serviceMs: (classIndex: number, nowMs: number, random: Random) => number;
  /** Workers of the client at a time. */
  readonly workers: (nowMs: number) => number;
  readonly roundTripMs: number;
  /** One way between sidecar and client. */
  readonly loopbackMs: number;
  /** Interactive messages a second, a Poisson process; by time. */
  readonly interactiveRps: (nowMs: number) => number;
  /** Batch messages ready at the broker at any time: endless while true. */
  readonly batch: (nowMs: number) => boolean;
  /** `governed`, or what a client without a sidecar asks the broker for. */
  readonly prefetch: 'governed' | number;
  readonly clientPrefetch?: number;
  readonly maxWindow?: number;
  readonly starvationMs?: number;
  readonly maxReach?: number;
  /** Acknowledges so many at once, with `multiple`. */
  readonly ackEvery?: number;
  /** Acknowledges what is done at these intervals only. */
  readonly ackFlushMs?: number;
  /** The client's buffer: first come first served unless told. */
  readonly buffer?: 'fifo' | 'lifo';
  /** Sees the governor's state every 50 ms. */
  readonly observe?: (nowMs: number, state: ConsumerSnapshot) => void;
  readonly durationMs: number;
  readonly warmUpMs: number;
}

export interface SimulationResult {
  /** Work done in the measuring window: messages a second by class. */
  readonly rps: readonly number[];
  /** Busy share of the workers. */
  readonly utilization: number;
  /** Broker's queue to start of service. */
  readonly interactiveWaitMs: number;
  readonly interactiveWaitP99Ms: number;
  /** Longest gap between two batch messages' starts. */
  readonly longestBatchGapMs: number;
  /** Time-weighted mean of the client window; and the share of time that it stood in c..c+2. */
  readonly meanWindow: number;
  readonly windowInRange: number;
  readonly windowAt: (ms: number) => number;
  readonly qosChanges: number;
  readonly settledAll: number;
  readonly maxHeld: number;
  readonly beyondReach: number;
  readonly stalls: number;
}

interface Message {
  readonly classIndex: number;
  readonly readyMs: number;
  tag: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap of events, in time and then in the order of their making. */
class Agenda {
  readonly #heap: Event[] = [];
  #order = 0;
  nowMs = 0;

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { atMs, order: this.#order, run };
    this.#order += 1;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (before(heap[parent] as Event, event)) break;
      heap[place] = heap[parent] as Event;
      place = parent;
    }
    heap[place] = event;
  }

  run(untilMs: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > untilMs) return;
      this.#pop();
      this.nowMs = first.atMs;
      first.run();
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (before(last, heap[child] as Event)) break;
      heap[place] = heap[child] as Event;
      place = child;
    }
    heap[place] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

const TICK_MS = 50;

export function simulate(settings: SimulationSettings): SimulationResult {
  const { random, durationMs, warmUpMs, prefetch } = settings;
  const agenda = new Agenda();
  const half = settings.roundTripMs / 2;
  const loop = settings.loopbackMs;
  const arrivals = random.child('arrivals');
  const service = random.child('service');

  // What is measured.
  const done = [0, 0];
  const waits: number[] = [];
  let busyMs = 0;
  let capacityMs = 0;
  let lastBatchMs = 0;
  let longestBatchGapMs = 0;
  let windowArea = 0;
  let inRange = 0;
  let windowSinceMs = 0;
  const windows: { atMs: number; window: number }[] = [];
  let qosChanges = 0;
  let maxHeld = 0;
  let settledAll = 0;

  // The broker.
  const interactive: Message[] = [];
  let limit = 0;
  let outstanding = 0;
  let lastTag = 0;
  const serve = (): void => {
    while (outstanding < limit) {
      let message = interactive.shift();
      if (message === undefined && settings.batch(agenda.nowMs)) {
        message = { classIndex: 1, readyMs: agenda.nowMs, tag: 0 };
      }
      if (message === undefined) return;
      outstanding += 1;
      lastTag += 1;
      message.tag = lastTag;
      const sent = message;
      agenda.at(agenda.nowMs + half, () => fromBroker(sent));
    }
  };
  const settleAtBroker = (count: number): void => {
    agenda.at(agenda.nowMs + half, () => {
      outstanding -= count;
      serve();
    });
  };

  // The client.
  const buffer: Message[] = [];
  let busy = 0;
  const finished: number[] = [];
  const work = (): void => {
    while (busy < settings.workers(agenda.nowMs) && buffer.length > 0) {
      const message = (settings.buffer === 'lifo' ? buffer.pop() : buffer.shift()) as Message;
      busy += 1;
      const now = agenda.nowMs;
      if (message.classIndex === 1) {
        if (now >= warmUpMs) longestBatchGapMs = Math.max(longestBatchGapMs, now - lastBatchMs);
        lastBatchMs = now;
      } else if (now >= warmUpMs) waits.push(now - message.readyMs);
      const ms = settings.serviceMs(message.classIndex, now, service);
      agenda.at(now + ms, () => {
        busy -= 1;
        if (agenda.nowMs >= warmUpMs) {
          done[message.classIndex] = (done[message.classIndex] as number) + 1;
          busyMs += Math.min(ms, agenda.nowMs - warmUpMs);
        }
        finish(message.tag);
        work();
      });
    }
  };
  const finish = (tag: number): void => {
    if (settings.ackFlushMs !== undefined) {
      finished.push(tag);
      return;
    }
    const every = settings.ackEvery ?? 1;
    if (every === 1) {
      agenda.at(agenda.nowMs + loop, () => settleFromClient(tag, false, 1));
      return;
    }
    finished.push(tag);
    if (finished.length < every) return;
    flush();
  };
  const flush = (): void => {
    const last = Math.max(...finished);
    const count = finished.length;
    // One worker finishes in order, so that `multiple` says exactly what is done; several acknowledge one by one at the same moment.
    if (settings.workers(agenda.nowMs) === 1)
      agenda.at(agenda.nowMs + loop, () => settleFromClient(last, true, count));
    else for (const tag of finished) agenda.at(agenda.nowMs + loop, () => settleFromClient(tag, false, 1));
    finished.length = 0;
  };
  const toClient = (message: Message): void => {
    agenda.at(agenda.nowMs + loop, () => {
      buffer.push(message);
      work();
    });
  };

  // The sidecar, or nothing in its place.
  const channel = new GovernedChannel<Message>({
    classes: 2,
    maxWindow: settings.maxWindow ?? 64,
    starvationMs: settings.starvationMs ?? Infinity,
    maxReach: settings.maxReach ?? 256,
  });
  const consumer: GovernedConsumer = channel.addConsumer(settings.clientPrefetch ?? 0, 0);
  let told = 0;
  const noteWindow = (): void => {
    const now = agenda.nowMs;
    const last = windows.at(-1);
    const window = consumer.clientWindow;
    if (last !== undefined && now > warmUpMs) {
      const from = Math.max(warmUpMs, windowSinceMs);
      windowArea += (now - from) * last.window;
      const c = settings.workers(now);
      if (last.window >= c && last.window <= c + 2) inRange += now - from;
    }
    windowSinceMs = now;
    if (last?.window !== window) windows.push({ atMs: now, window });
  };
  const pump = (): void => {
    if (prefetch !== 'governed') return;
    for (let given = channel.next(agenda.nowMs); given !== undefined; given = channel.next(agenda.nowMs)) {
      const { payload, clientTag } = given;
      toClient({ ...payload, tag: clientTag });
    }
    noteWindow();
    maxHeld = Math.max(maxHeld, channel.window.held);
    const want = channel.brokerWindow;
    if (want === told) return;
    told = want;
    qosChanges += 1;
    const sentMs = agenda.nowMs;
    agenda.at(sentMs + half, () => {
      limit = want;
      serve();
      agenda.at(agenda.nowMs + half, () => {
        channel.roundTrip(agenda.nowMs - sentMs);
        pump();
      });
    });
  };
  const fromBroker = (message: Message): void => {
    if (prefetch !== 'governed') {
      toClient(message);
      return;
    }
    const { classIndex, readyMs, tag } = message;
    const offered = {
      brokerTag: tag,
      classIndex,
      publishedMs: readyMs,
      bytes: 1,
      consumer,
      payload: message,
    };
    channel.offer(offered, agenda.nowMs);
    pump();
  };
  const settleFromClient = (tag: number, multiple: boolean, count: number): void => {
    if (prefetch !== 'governed') {
      settledAll += count;
      settleAtBroker(count);
      return;
    }
    const settlement = channel.settle(tag, multiple, agenda.nowMs);
    if (settlement === undefined) throw new Error(`tag ${tag} is not known`);
    settledAll += settlement.deliveries.length;
    settleAtBroker(settlement.deliveries.length);
    pump();
  };

  // What happens by itself.
  const arrive = (): void => {
    const rate = settings.interactiveRps(agenda.nowMs);
    const gap = rate > 0 ? arrivals.exponential(1000 / rate) : 100;
    agenda.at(agenda.nowMs + gap, () => {
      if (rate > 0) interactive.push({ classIndex: 0, readyMs: agenda.nowMs, tag: 0 });
      serve();
      arrive();
    });
  };
  arrive();
  const tick = (): void => {
    if (prefetch === 'governed') {
      channel.tick(agenda.nowMs);
      pump();
      settings.observe?.(agenda.nowMs, channel.snapshotOf(consumer));
    }
    serve();
    work();
    if (agenda.nowMs >= warmUpMs) capacityMs += settings.workers(agenda.nowMs) * TICK_MS;
    agenda.at(agenda.nowMs + TICK_MS, tick);
  };
  const ackTimer = (everyMs: number): void => {
    agenda.at(agenda.nowMs + everyMs, () => {
      if (finished.length > 0) flush();
      ackTimer(everyMs);
    });
  };
  if (settings.ackFlushMs !== undefined) ackTimer(settings.ackFlushMs);
  agenda.at(0, () => {
    if (prefetch === 'governed') pump();
    else {
      limit = prefetch;
      serve();
    }
    tick();
  });
  agenda.run(durationMs);
  noteWindow();

  const measuredMs = durationMs - warmUpMs;
  waits.sort((a, b) => a - b);
  return {
    rps: done.map((count) => (1000 * count) / measuredMs),
    utilization: busyMs / capacityMs,
    interactiveWaitMs: waits.reduce((sum, wait) => sum + wait, 0) / Math.max(1, waits.length),
    interactiveWaitP99Ms: waits[Math.floor(0.99 * waits.length)] ?? 0,
    longestBatchGapMs: Math.max(longestBatchGapMs, durationMs - lastBatchMs),
    meanWindow: windowArea / measuredMs,
    windowInRange: inRange / measuredMs,
    windowAt: (ms) => windows.findLast(({ atMs }) => atMs <= ms)?.window ?? 0,
    qosChanges,
    settledAll,
    maxHeld,
    beyondReach: consumer.watch.snapshot().beyondReach,
    stalls: consumer.governor.snapshot().stalls,
  };
}
