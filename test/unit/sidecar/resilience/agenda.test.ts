import { afterEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import { Agenda, DATES, type DateIndex } from '../../../../src/sidecar/resilience/agenda.ts';
import { HeldClock } from '../held-clock.ts';

const wheels: TimerWheel[] = [];

afterEach(() => {
  for (const wheel of wheels.splice(0)) wheel.close();
});

function held(onDue: (date: DateIndex, agenda: Agenda) => void = () => undefined) {
  const clock = new HeldClock();
  const wheel = new TimerWheel(clock);
  wheels.push(wheel);
  const fired: [DateIndex, number][] = [];
  const agenda: Agenda = new Agenda((date) => {
    fired.push([date, clock.ms]);
    onDue(date, agenda);
  });
  const startMs = clock.ms;
  const pass = (ms: number): void => {
    for (const end = clock.ms + ms; clock.ms < end; ) {
      clock.ms += 20;
      wheel.advance();
    }
  };
  const set = (date: DateIndex, ms: number): void => agenda.set(wheel, date, startMs + ms);
  return { agenda, fired, pass, set, startMs };
}

describe('an agenda', () => {
  it('fires each date once, at its time, whatever the order in which they were set', () => {
    const { fired, pass, set, startMs } = held();
    set(DATES.deadline, 400);
    set(DATES.try, 100);
    set(DATES.hedge, 200);
    pass(1000);
    expect(fired.map(([date]) => date)).toEqual([DATES.try, DATES.hedge, DATES.deadline]);
    for (const [index, dueMs] of [100, 200, 400].entries()) {
      const late = (fired[index]?.[1] ?? 0) - startMs - dueMs;
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(40);
    }
  });

  it('fires nothing that was cleared or put off', () => {
    const { agenda, fired, pass, set } = held();
    set(DATES.try, 100);
    set(DATES.hedge, 100);
    agenda.clear(DATES.hedge);
    set(DATES.try, 500);
    pass(300);
    expect(fired).toEqual([]);
    pass(400);
    expect(fired.map(([date]) => date)).toEqual([DATES.try]);
    set(DATES.idle, 900);
    agenda.clearAll();
    pass(2000);
    expect(fired).toHaveLength(1);
  });

  it('can be used again after everything was cleared, and from within', () => {
    const again = held((date) => {
      if (date === DATES.idle) again.set(DATES.resume, 300);
    });
    again.set(DATES.deadline, 5000);
    again.agenda.clearAll();
    again.set(DATES.idle, 100);
    again.pass(1000);
    expect(again.fired.map(([date]) => date)).toEqual([DATES.idle, DATES.resume]);
  });
});
