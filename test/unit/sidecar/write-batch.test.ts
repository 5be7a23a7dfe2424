import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Wire } from '../../../src/sidecar/io/index.ts';
import { arrive, FakeSocket } from './fake-socket.ts';

const nobody = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

function wire() {
  const socket = new FakeSocket();
  const made = new Wire(nobody);
  made.batches = true;
  made.attach(socket.asSocket());
  return { wire: made, socket, sent: () => Buffer.concat(socket.written).toString() };
}

/** A wire on which `text` has arrived. */
function source(text: string) {
  const made = wire();
  arrive(made.wire, made.socket, Buffer.from(text));
  return made.wire;
}

describe('small pieces', () => {
  it('go out at the end of the turn, whatever became of the memory that they were read into', async () => {
    const { wire: to, socket, sent } = wire();
    const from = source('hello');
    to.relay(from, from.input.start, from.input.end);
    expect([socket.written.length, to.flushed, to.unsentBytes]).toEqual([0, false, 5]);
    from.input.bytes.fill(0);
    await turn();
    expect([sent(), to.flushed]).toEqual(['hello', true]);
    expect(from.paused).toBe(false);
  });

  it('keep their order with what is sent behind them, and go before an end or a break', () => {
    const behind: [string, (to: Wire) => void][] = [
      ['ab', (to) => to.relay(source('b'), to.input.start, to.input.start + 1)],
      ['ab', (to) => to.send(Buffer.from('b'))],
      ['ab', (to) => to.sendFor(source('x'), Buffer.from('b'))],
      ['a', (to) => to.end()],
      ['a', (to) => to.destroy(true)],
    ];
    for (const [expected, act] of behind) {
      const { wire: to, sent } = wire();
      const from = source('a');
      to.relay(from, from.input.start, from.input.end);
      act(to);
      expect(sent()).toBe(expected);
    }
  });

  it('that the kernel does not take keep their memory, and hold up what comes behind them', async () => {
    // Nothing of the turn before stands in the memory any more.
    await turn();
    const { wire: to, socket } = wire();
    const others = wire();
    socket.taking = false;
    // The memory itself, and no copy of it.
    const kept: Buffer[] = [];
    const write = socket.write.bind(socket);
    socket.write = (bytes, done) => {
      kept.push(bytes);
      return write(bytes, done);
    };
    const from = source('first');
    to.relay(from, from.input.start, from.input.end);
    await turn();
    for (let index = 0; index < 3; index += 1) {
      const next = source('other');
      others.wire.relay(next, next.input.start, next.input.end);
      await turn();
    }
    to.relay(from, from.input.start, from.input.end);
    expect(from.paused).toBe(true);
    expect(kept.slice(0, 2).map(String)).toEqual(['first', 'first']);
    expect(others.sent()).toBe('otherotherother');
  });

  it('that are long go out at once', () => {
    const { wire: to, sent } = wire();
    const from = source('x'.repeat(5000));
    to.relay(from, from.input.start, from.input.end);
    expect(sent()).toHaveLength(5000);
  });
});
