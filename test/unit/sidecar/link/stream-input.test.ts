import { expect, it } from 'vitest';
import { StreamInput } from '../../../../src/sidecar/link/stream-input.ts';

/** An input, and what its link would know. */
function made() {
  const link = { returned: 0, pinned: false };
  const input = new StreamInput(
    {
      returned: (count) => {
        link.returned += count;
      },
      pinLent: () => {
        link.pinned = true;
      },
      lentIsPinned: () => link.pinned,
    },
    100,
  );
  return { link, input };
}

function text({ bytes, start, end }: StreamInput): string {
  return bytes.toString('latin1', start, end);
}

it('shows lent bytes where they are, and keeps what is left of them', () => {
  const { input } = made();
  const memory = Buffer.from('....head body....');
  input.lend(memory, 4, 13);
  expect(input.bytes).toBe(memory);
  input.consumeTo(9);
  input.keep();
  memory.fill('#');
  expect(text(input)).toBe('body');
  input.append(Buffer.from(' and more'), 0, 9);
  expect(text(input)).toBe('body and more');
});

it('writes in front of lent bytes only where no pending write refers to what is there', () => {
  const { input, link } = made();
  const memory = Buffer.from('pending write head');
  input.lend(memory, 14, 18);
  input.reserveInFront(5);
  expect(input.bytes).toBe(memory);
  input.keep();
  input.consumeTo(input.end);
  link.pinned = true;
  input.lend(memory, 14, 18);
  input.reserveInFront(5);
  expect(input.bytes).not.toBe(memory);
  input.bytes.fill('#', input.start - 5, input.start);
  expect(text(input)).toBe('head');
  expect(memory.toString()).toBe('pending write head');
});

it('never writes over its own memory while a write that refers to it is pending, even one that it was let go from', () => {
  const { input } = made();
  input.append(Buffer.from('first'), 0, 5);
  const pending = input.bytes.subarray(input.start, input.end);
  input.pin();
  input.consumeTo(input.end);
  input.append(Buffer.from('other'), 0, 5);
  expect(pending.toString()).toBe('first');

  const part = input.bytes.subarray(input.start, input.end);
  input.pin();
  input.consumeTo(input.start + 2);
  input.reserveInFront(300);
  input.bytes.fill('#', input.start - 300, input.start);
  expect(part.toString()).toBe('other');
  input.append(Buffer.alloc(5000, 'x'), 0, 5000);
  input.reserveInFront(1000);
  input.bytes.fill('#', input.start - 1000, input.start);
  expect(part.toString()).toBe('other');
  // What unpins now was pending on lent bytes, and says nothing of the memory that is still being written.
  input.unpin();
  expect(text(input).slice(0, 4)).toBe('herx');
});

it('gives credit back for what was taken, once', () => {
  const { input, link } = made();
  const memory = Buffer.alloc(1000);
  for (let round = 0; round < 50; round += 1) {
    input.lend(memory, 10, 70);
    input.consumeTo(70);
    input.keep();
  }
  expect(link.returned).toBeGreaterThan(50 * 60 - 100);
  expect(link.returned).toBeLessThanOrEqual(50 * 60);
  input.append(memory, 0, 400);
  expect(link.returned).toBeLessThanOrEqual(50 * 60);
});
