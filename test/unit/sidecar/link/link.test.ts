import { afterEach, describe, expect, it } from 'vitest';
import { FIRST_CREDIT_BYTES, FRAME, MAX_DATA_BYTES } from '../../../../src/sidecar/link/frames.ts';
import { type Keeper, LinkPair, turn } from './link-pair.ts';

let pair: LinkPair;

function fresh(): LinkPair {
  pair = new LinkPair();
  return pair;
}

afterEach(() => pair.close());

/** Bytes in which every position can be told from its neighbours. */
function pattern(length: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 255));
}

describe('streams of a link', () => {
  it('carry bytes both ways, end in an orderly way, and are forgotten', async () => {
    const { opener, accepter } = fresh();
    const { stream, keeper } = opener.open(3);
    stream.send(Buffer.from('question'));
    stream.end();
    await pair.settle();
    const [there] = accepter.streams;
    expect(there?.classIndex).toBe(3);
    expect(accepter.keepers[0]?.received.toString()).toBe('question');
    expect(accepter.keepers[0]?.ended).toBe(1);
    // As a socket without half-open connections, the other side has ended too.
    expect(keeper.ended).toBe(1);
    expect([keeper.closed, accepter.keepers[0]?.closed]).toEqual([1, 1]);
    expect([opener.link.size, accepter.link.size]).toEqual([0, 0]);
    expect(keeper.error).toBeUndefined();
  });

  it('share one write in one turn, the important class first', async () => {
    const { opener, accepter } = fresh();
    const batch = opener.open(5);
    const urgent = opener.open(1);
    batch.stream.send(Buffer.from('batch'));
    urgent.stream.send(Buffer.from('urgent'));
    await turn();
    expect(opener.counters.writes).toBe(1);
    const bytes = Buffer.concat(opener.socket.outbox);
    expect(bytes.indexOf('urgent')).toBeLessThan(bytes.indexOf('batch'));
    await pair.settle();
    expect(accepter.keepers.map(({ received }) => received.toString())).toEqual(['batch', 'urgent']);
  });

  it('keep the order of one stream whose class changes within a turn', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open(5);
    stream.send(Buffer.from('first '));
    stream.classIndex = 0;
    stream.send(Buffer.from('second'));
    await pair.settle();
    expect(accepter.keepers[0]?.received.toString()).toBe('first second');
    stream.send(Buffer.from('!'));
    await pair.settle();
    expect(accepter.streams[0]?.classIndex).toBe(0);
  });

  it('send no more than there is credit for, and go on when the reader takes bytes', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    const whole = pattern(3 * FIRST_CREDIT_BYTES + 17);
    stream.send(whole);
    await turn();
    const slow = accepter.keepers;
    await pair.settle();
    expect(slow[0]?.received.equals(whole)).toBe(true);

    const second = opener.open();
    second.stream.send(Buffer.from('x'));
    await pair.settle();
    const keeper = accepter.keepers[1] as Keeper;
    keeper.consuming = false;
    second.stream.send(whole);
    await pair.settle();
    expect(keeper.stream.input.length).toBe(FIRST_CREDIT_BYTES - 1);
    expect(second.stream.unsentBytes).toBe(whole.length - FIRST_CREDIT_BYTES + 1);
    keeper.consuming = true;
    keeper.consume();
    await pair.settle();
    expect(second.stream.unsentBytes).toBe(0);
    expect(keeper.received.equals(Buffer.concat([Buffer.from('x'), whole]))).toBe(true);
  });

  it('end behind what had to wait for credit', async () => {
    const { opener, accepter } = fresh();
    const { stream, keeper } = opener.open();
    const whole = pattern(2 * FIRST_CREDIT_BYTES);
    stream.end(whole);
    await pair.settle();
    expect(accepter.keepers[0]?.received.equals(whole)).toBe(true);
    expect([accepter.keepers[0]?.ended, keeper.closed]).toEqual([1, 1]);
  });

  it('hold the reading of the stream whose bytes they relay, and pin them meanwhile', async () => {
    const { opener, accepter } = fresh();
    const a = opener.open();
    const b = opener.open();
    a.stream.send(Buffer.from('hello'));
    b.stream.send(Buffer.from('x'));
    await pair.settle();
    // What comes on the first stream is relayed back on the second, whose peer reads nothing.
    const [first, second] = accepter.streams;
    if (first === undefined || second === undefined) throw new Error('streams are missing');
    b.keeper.consuming = false;
    first.owner = {
      onBytes: () => {
        second.relay(first, first.input.start, first.input.end);
        first.input.consumeTo(first.input.end);
      },
      onEnd: () => undefined,
      onClosed: () => undefined,
    };
    const whole = pattern(4 * FIRST_CREDIT_BYTES, 3);
    a.stream.send(whole);
    await pair.settle(10_000);
    expect(first.paused).toBe(true);
    expect(second.unsentBytes).toBeGreaterThan(0);
    b.keeper.consuming = true;
    b.keeper.consume();
    await pair.settle(10_000);
    expect(first.paused).toBe(false);
    expect(b.keeper.received.equals(whole)).toBe(true);
  });

  it('keep what comes while reading is paused, and deliver it and the end behind it later', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    stream.send(Buffer.from('one '));
    await pair.settle();
    const keeper = accepter.keepers[0] as Keeper;
    keeper.stream.pause();
    stream.send(Buffer.from('two '));
    stream.send(Buffer.from('three'));
    stream.end();
    await pair.settle();
    expect([keeper.received.toString(), keeper.ended]).toEqual(['one ', 0]);
    keeper.stream.resume();
    await pair.settle();
    expect([keeper.received.toString(), keeper.ended]).toEqual(['one two three', 1]);
  });

  it('tell an abort from an orderly close', async () => {
    const { opener, accepter } = fresh();
    const closed = opener.open();
    const aborted = opener.open();
    closed.stream.send(Buffer.from('whole'));
    aborted.stream.send(Buffer.from('part'));
    await pair.settle();
    closed.stream.destroy();
    aborted.stream.destroy(true);
    await pair.settle();
    const [one, other] = accepter.keepers;
    expect([one?.ended, one?.closed, one?.error]).toEqual([1, 1, undefined]);
    expect([other?.ended, other?.closed]).toEqual([0, 1]);
    expect(other?.error?.message).toContain('reset');
    expect([opener.link.size, accepter.link.size]).toEqual([0, 0]);
  });

  it('that close over bytes which could not be sent are seen as broken', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    stream.send(pattern(FIRST_CREDIT_BYTES + 1));
    stream.destroy();
    await pair.settle();
    expect(accepter.keepers[0]?.error).toBeDefined();
  });

  it('ignore what was on its way to a stream that was reset here', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    stream.send(Buffer.from('x'));
    await pair.settle();
    accepter.streams[0]?.destroy(true);
    stream.send(pattern(40_000));
    stream.end();
    await pair.settle();
    expect([...accepter.counters.faults]).toEqual([]);
    expect([opener.closedFor, accepter.closedFor]).toEqual([[], []]);
  });

  it('fail when the link is lost, and their owners hear it once, and not from within their own call', async () => {
    const { opener } = fresh();
    const { stream, keeper } = opener.open();
    stream.send(Buffer.from('x'));
    await pair.settle();
    opener.link.destroy();
    expect(keeper.closed).toBe(0);
    await turn();
    expect(keeper.closed).toBe(1);
    expect(opener.closedFor).toEqual(['']);
    expect(opener.link.open).toBe(false);
  });

  it('are light: an idle one keeps no large buffer', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    accepter.link.pinLent();
    stream.send(Buffer.from('x'));
    await pair.settle();
    const keeper = accepter.keepers[0] as Keeper;
    keeper.consuming = false;
    stream.send(pattern(MAX_DATA_BYTES));
    await pair.settle();
    expect(keeper.stream.input.bytes.length).toBeGreaterThan(MAX_DATA_BYTES);
    keeper.consume();
    keeper.stream.input.shrink();
    expect(keeper.stream.input.bytes.length).toBe(0);
  });
});

describe('a link', () => {
  it('lets no stream write over bytes of another that are still being written', async () => {
    const { opener, accepter } = fresh();
    const [first, second] = [opener.open(), opener.open()];
    await pair.settle();
    const pending: Buffer[] = [];
    const quiet = { onEnd: () => undefined, onClosed: () => undefined };
    const [one, other] = accepter.streams;
    if (one === undefined || other === undefined) throw new Error('streams are missing');
    one.owner = {
      ...quiet,
      onBytes: () => {
        pending.push(one.input.bytes.subarray(one.input.start, one.input.end));
        one.input.pin();
        one.input.consumeTo(one.input.end);
      },
    };
    other.owner = {
      ...quiet,
      onBytes: () => {
        other.input.reserveInFront(12);
        other.input.bytes.fill('#', other.input.start - 12, other.input.start);
        other.input.consumeTo(other.input.end);
      },
    };
    first.stream.send(Buffer.from('being written'));
    second.stream.send(Buffer.from('edited'));
    await pair.settle();
    expect(pending.map(String)).toEqual(['being written']);
    // Nor does the link read over them.
    first.stream.send(Buffer.from('what comes next'));
    await pair.settle();
    expect(pending.map(String)).toEqual(['being written', 'what comes next']);
  });

  it('collects while a write is pending, never over its memory, and lets the important class overtake then', async () => {
    const { opener, accepter } = fresh();
    const streams = [7, 7, 0].map((classIndex) => opener.open(classIndex));
    await pair.settle();
    opener.socket.taking = false;
    streams[0]?.stream.send(pattern(50_000, 1));
    await turn();
    streams[1]?.stream.send(Buffer.alloc(50_000, 's'));
    await turn();
    streams[2]?.stream.send(Buffer.from('urgent'));
    await turn();
    expect(opener.socket.outbox.length).toBe(0);
    opener.socket.taking = true;
    opener.socket.take();
    await turn();
    const bytes = Buffer.concat(opener.socket.outbox);
    const second = bytes.indexOf('s'.repeat(1000));
    expect(bytes.indexOf('urgent')).toBeLessThan(second);
    await pair.settle();
    expect(accepter.keepers.map(({ received }) => received.length)).toEqual([50_000, 50_000, 6]);
    expect(accepter.keepers[0]?.received.equals(pattern(50_000, 1))).toBe(true);
    expect(accepter.keepers[1]?.received.equals(Buffer.alloc(50_000, 's'))).toBe(true);
  });

  it('holds streams back when too much waits in front of the socket, and lets all go on', async () => {
    const { opener, accepter } = fresh();
    const streams = Array.from({ length: 20 }, (_, index) => opener.open(index % 4));
    await pair.settle();
    opener.socket.taking = false;
    for (const { stream } of streams) stream.send(pattern(60_000, stream.id));
    await turn();
    expect(opener.counters.heldBack).toBeGreaterThan(0);
    expect(streams.some(({ stream }) => !stream.flushed)).toBe(true);
    opener.socket.taking = true;
    opener.socket.take();
    await pair.settle();
    for (const [index, { received }] of accepter.keepers.entries()) {
      expect(received.equals(pattern(60_000, index + 1))).toBe(true);
    }
  });

  it('ends after both sides have said that no streams begin any more and the last one is over', async () => {
    const { opener, accepter } = fresh();
    const { stream } = opener.open();
    stream.send(Buffer.from('x'));
    await pair.settle();
    accepter.link.goAway();
    await pair.settle();
    expect(opener.goingAway).toBe(1);
    expect(opener.link.open).toBe(false);
    expect([opener.socket.ended, accepter.socket.ended]).toEqual([false, false]);
    stream.end();
    await pair.settle();
    expect([opener.socket.ended, accepter.socket.ended]).toEqual([true, true]);
  });

  it('takes a stream that was on its way when it said that it takes none', async () => {
    const { opener, accepter } = fresh();
    accepter.link.goAway();
    const { stream } = opener.open();
    stream.send(Buffer.from('late'));
    await pair.settle();
    expect(accepter.keepers[0]?.received.toString()).toBe('late');
    expect([...accepter.counters.faults]).toEqual([]);
  });

  it('opens no more streams than it may', async () => {
    const { opener } = fresh();
    for (let count = 0; count < 1024; count += 1) opener.open();
    expect(opener.link.open).toBe(false);
    expect(FRAME.open).toBe(1);
    await pair.settle();
  });
});
