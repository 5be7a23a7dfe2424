import { expect, test } from 'vitest';
import { reserveLoopback } from '../../../src/lab/loopback.ts';

test('a network is reserved by one laboratory at a time, and free again after its release', async () => {
  const first = await reserveLoopback(5000);
  const second = await reserveLoopback(5000);
  expect(second.address(1)).not.toBe(first.address(1));
  expect(first.address(7)).toMatch(/^127\.\d+\.\d+\.7$/);
  const address = first.address(1);
  await first.release();
  const third = await reserveLoopback(5000);
  expect(third.address(1)).toBe(address);
  await Promise.all([second.release(), third.release()]);
});

test('the search wraps around at the end', async () => {
  const last = await reserveLoopback(64 * 256 - 1);
  const next = await reserveLoopback(64 * 256 - 1);
  expect(next.address(1)).toMatch(/^127\.64\./);
  await Promise.all([last.release(), next.release()]);
});

test('addresses of nodes stop before the sentinel', async () => {
  const network = await reserveLoopback(6000);
  expect(() => network.address(251)).toThrow(RangeError);
  expect(() => network.address(0)).toThrow(RangeError);
  await network.release();
});
