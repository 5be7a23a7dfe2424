import type { Clock } from '../../../src/core/index.ts';

/** A clock that goes when the test says so. */
export class HeldClock implements Clock {
  ms = 1000;

  nowMs(): number {
    return this.ms;
  }

  wallMs(): number {
    return this.ms;
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error('nobody sleeps here'));
  }
}
