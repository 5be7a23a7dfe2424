import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/core/index.ts';
import { type WorkerLease, WorkerPool } from '../../../src/workload/worker-pool.ts';

function stoppedClock(): Clock & { now: number } {
  return { now: 0, nowMs: () => clock.now, wallMs: () => 0, sleep: async () => {} };
}
let clock = stoppedClock();

const settle = () => new Promise((resolve) => setImmediate(resolve));

function poolOf(workers: number, maxWaiting = 1000): WorkerPool {
  clock = stoppedClock();
  return new WorkerPool(workers, maxWaiting, clock);
}

describe('a worker pool', () => {
  test('makes the requests that find no worker wait, and knows the longest wait', async () => {
    const pool = poolOf(1);
    const { signal } = new AbortController();
    const first = await pool.acquire(signal);
    const second = pool.acquire(signal);
    await settle();
    expect(pool.statistics()).toMatchObject({ busy: 1, waiting: 1, started: 1, maxWaitMs: 0 });
    clock.now = 42;
    first?.release();
    (await second)?.release();
    expect(pool.statistics()).toMatchObject({ busy: 0, waiting: 0, started: 2, maxWaitMs: 42 });
  });

  test('turns away what comes when too many wait', async () => {
    const pool = poolOf(1, 1);
    const { signal } = new AbortController();
    const first = await pool.acquire(signal);
    const waiting = pool.acquire(signal);
    expect(await pool.acquire(signal)).toBeUndefined();
    expect(pool.statistics().refused).toBe(1);
    first?.release();
    expect(await waiting).toBeDefined();
  });

  test('forgets a request that gives up while it waits', async () => {
    const pool = poolOf(1);
    const impatient = new AbortController();
    const first = await pool.acquire(new AbortController().signal);
    const given = pool.acquire(impatient.signal);
    const third = pool.acquire(new AbortController().signal);
    impatient.abort();
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
    first?.release();
    expect(await third).toBeDefined();
    expect(pool.statistics()).toMatchObject({ busy: 1, waiting: 0 });
  });

  test('takes a worker back once', async () => {
    const pool = poolOf(1);
    const { signal } = new AbortController();
    const first = await pool.acquire(signal);
    first?.release();
    first?.release();
    await pool.acquire(signal);
    expect(pool.statistics().busy).toBe(1);
  });

  test('serves in the order of arrival, never more at once than it has workers, and loses nobody', async () => {
    const action = fc.constantFrom('arrive', 'arrive', 'release', 'abort');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(action, { maxLength: 60 }),
        async (workers, actions) => {
          const pool = poolOf(workers);
          const started: number[] = [];
          const leases: WorkerLease[] = [];
          const controllers = new Map<number, AbortController>();
          const gaveUp = new Set<number>();
          let arrived = 0;
          for (const act of actions) {
            if (act === 'arrive') {
              const id = arrived;
              arrived += 1;
              const controller = new AbortController();
              controllers.set(id, controller);
              pool.acquire(controller.signal).then(
                (lease) => {
                  started.push(id);
                  if (lease !== undefined) leases.push(lease);
                },
                () => gaveUp.add(id),
              );
            } else if (act === 'release') {
              leases.shift()?.release();
            } else {
              const waiting = [...controllers.keys()].find((id) => !started.includes(id) && !gaveUp.has(id));
              if (waiting !== undefined) controllers.get(waiting)?.abort();
            }
            await settle();
            expect(pool.statistics().busy).toBe(leases.length);
            expect(leases.length).toBeLessThanOrEqual(workers);
          }
          for (let lease = leases.shift(); lease !== undefined; lease = leases.shift()) {
            lease.release();
            await settle();
          }
          expect(started).toEqual([...started].sort((a, b) => a - b));
          expect(started.length + gaveUp.size).toBe(arrived);
          expect(pool.statistics()).toMatchObject({ busy: 0, waiting: 0 });
        },
      ),
      { numRuns: 60 },
    );
  });
});
