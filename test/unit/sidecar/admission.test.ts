import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../src/sidecar/io/index.ts';
import { Admission, QueueEntry } from '../../../src/sidecar/queue/index.ts';
import { HeldClock } from './held-clock.ts';

const BATCH = 1;

let clock: HeldClock;
let wheel: TimerWheel;
let admission: Admission;
let told: string[];

beforeEach(() => {
  clock = new HeldClock();
  wheel = new TimerWheel(clock);
  told = [];
  const row = { weight: 1, maxSharePercent: 100, deadlineMs: 1000 };
  admission = new Admission(
    {
      mode: 'strict',
      concurrency: 4,
      capacity: 10,
      starvationMs: 500,
      shedding: 'priority',
      classes: [row, row],
    },
    clock,
    wheel,
    {
      admitted: () => told.push(`admitted at ${clock.ms - 1000}`),
      expired: () => told.push(`expired at ${clock.ms - 1000}`),
      displaced: () => told.push('displaced'),
    },
  );
});

afterEach(() => wheel.close());

function offer(): QueueEntry {
  const entry = Object.assign(new QueueEntry(), { classIndex: BATCH, arrivedMs: clock.ms });
  expect(admission.offer(entry, clock.ms)).toBe('wait');
  return entry;
}

function pass(ms: number): void {
  for (const endMs = clock.ms + ms; clock.ms < endMs; ) {
    clock.ms += 20;
    wheel.advance();
  }
}

describe('a class that is paused', () => {
  it('runs as soon as it may again', () => {
    admission.setShare(BATCH, 0);
    offer();
    offer();
    pass(100);
    expect(told).toEqual([]);
    admission.setShare(BATCH, 25);
    expect(told).toEqual(['admitted at 100']);
    admission.setShare(BATCH, 100);
    expect(told).toEqual(['admitted at 100', 'admitted at 100']);
  });

  it('is served one at a time before it starves, and its deadline holds', () => {
    admission.setShare(BATCH, 0);
    const [first] = [offer(), offer(), offer()];
    pass(600);
    expect(told).toEqual(['admitted at 500']);
    admission.release(first as QueueEntry);
    expect(told).toEqual(['admitted at 500', 'admitted at 600']);
    pass(500);
    expect(told).toEqual(['admitted at 500', 'admitted at 600', 'expired at 1000']);
  });

  it('keeps those that run, and lets others run', () => {
    const entry = Object.assign(new QueueEntry(), { classIndex: BATCH });
    expect(admission.offer(entry, clock.ms)).toBe('run');
    admission.setShare(BATCH, 0);
    expect(admission.queue.runningOf(BATCH)).toBe(1);
    expect(admission.offer(new QueueEntry(), clock.ms)).toBe('run');
  });
});
