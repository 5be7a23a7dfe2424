import { describe, expect, it } from 'vitest';
import { type StreamOwner, Wire } from '../../../src/sidecar/io/index.ts';
import { arrive, FakeSocket } from './fake-socket.ts';

const owner: StreamOwner = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

function open(taking: boolean): { wire: Wire; socket: FakeSocket } {
  const wire = new Wire(owner);
  const socket = new FakeSocket();
  socket.taking = taking;
  wire.attach(socket.asSocket());
  return { wire, socket };
}

/** Sends everything that has arrived on one wire on the other. */
function relayAll(from: Wire, to: Wire): void {
  to.relay(from, from.input.start, from.input.end);
  from.input.consumeTo(from.input.end);
}

describe('a wire whose bytes go to one peer after the other', () => {
  it.each([
    ['closes', (socket: FakeSocket) => socket.emit('close')],
    ['takes the rest of', (socket: FakeSocket) => socket.flush()],
  ])('keeps waiting for the second when the first %s what it was sent', (_, end) => {
    const caller = open(true);
    const first = open(false);
    const second = open(false);
    arrive(caller.wire, caller.socket, Buffer.alloc(100, 'a'));
    relayAll(caller.wire, first.wire);
    caller.wire.resume();
    arrive(caller.wire, caller.socket, Buffer.alloc(100, 'b'));
    relayAll(caller.wire, second.wire);
    end(first.socket);
    expect(caller.wire.paused).toBe(true);
    arrive(caller.wire, caller.socket, Buffer.alloc(100, 'c'));
    expect(second.socket.written[0]?.toString('latin1')).toBe('b'.repeat(100));
    second.socket.flush();
    expect(caller.wire.paused).toBe(false);
  });
});
