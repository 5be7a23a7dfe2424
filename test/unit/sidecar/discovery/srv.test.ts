import { describe, expect, it } from 'vitest';
import { servicesOf } from '../../../../src/sidecar/discovery/srv.ts';

const record = (name: string, priority: number, weight: number) => ({ name, port: 80, priority, weight });

describe('SRV records', () => {
  it('become weights in proportion and priorities from 0', () => {
    const services = servicesOf([record('a', 10, 60), record('b', 10, 20), record('c', 30, 0)]);
    expect(
      services.map(({ target, weight, priority }) => [target, Math.round(weight * 100) / 100, priority]),
    ).toEqual([
      ['a', 100, 0],
      ['b', 33.33, 0],
      ['c', 0.01, 1],
    ]);
  });

  it('that all weigh nothing are alike, and those that say that there is none are left out', () => {
    const services = servicesOf([record('a', 0, 0), record('b', 0, 0), record('.', 0, 0)]);
    expect(services.map(({ target, weight }) => [target, weight])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });
});
