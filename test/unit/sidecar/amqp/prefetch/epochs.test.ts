import { describe, expect, it } from 'vitest';
import { Epochs } from '../../../../../src/sidecar/amqp/prefetch/epochs.ts';

function closed(epochs: Epochs, window: number): number {
  epochs.begin(window, 'only');
  const mark = epochs.open?.mark ?? 0;
  while (epochs.open !== undefined) epochs.handOut(100);
  return mark;
}

describe('epochs', () => {
  it('are complete when all their hand-outs are settled, in whatever order', () => {
    const epochs = new Epochs();
    const first = closed(epochs, 4);
    const second = closed(epochs, 4);
    for (let settled = 0; settled < 7; settled += 1) expect(epochs.settle(first, 0, 5, 0)).toBeUndefined();
    for (let settled = 0; settled < 7; settled += 1) expect(epochs.settle(second, 0, 5, 1)).toBeUndefined();
    expect(epochs.settle(second, 0, 5, 3)).toMatchObject({ mark: second, stats: { count: 8, inService: 4 } });
    expect(epochs.settle(first, 0, 5, 0)).toMatchObject({ mark: first, stats: { count: 8, inService: 1 } });
    expect(epochs.settle(first, 0, 5, 0)).toBeUndefined();
  });

  it('are larger for larger windows, up to a bound', () => {
    const sizes = [1, 8, 64].map((window) => {
      const epochs = new Epochs();
      epochs.begin(window, 'only');
      return epochs.open?.size;
    });
    expect(sizes).toEqual([8, 16, 32]);
  });

  it('count what is still not settled after long with its age', () => {
    const epochs = new Epochs();
    const mark = closed(epochs, 4);
    for (let settled = 0; settled < 6; settled += 1) epochs.settle(mark, 0, 10, 0);
    expect(epochs.expire(1000, 10)).toBeUndefined();
    const epoch = epochs.expire(2100, 10);
    expect(epoch?.stats.count).toBe(8);
    expect(epoch?.stats.meanMs).toBe((6 * 10 + 2 * 2000) / 8);
    expect(epochs.expire(9000, 10)).toBeUndefined();
  });

  it('forget what they waited for when they are begun anew', () => {
    const epochs = new Epochs();
    const mark = closed(epochs, 4);
    epochs.restart();
    expect(epochs.settle(mark, 0, 5, 0)).toBeUndefined();
    expect(epochs.handOut(0)).toBeUndefined();
  });
});
