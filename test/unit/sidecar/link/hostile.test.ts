import { afterEach, describe, expect, it } from 'vitest';
import {
  FIRST_CREDIT_BYTES,
  FRAME,
  type LinkFault,
  MAX_CREDIT_BYTES,
  MAX_DATA_BYTES,
  writeHeader,
} from '../../../../src/sidecar/link/frames.ts';
import { LINK_LIMITS } from '../../../../src/sidecar/link/limits.ts';
import { arriveAt, type Keeper, type LinkEnd, LinkPair, turn } from './link-pair.ts';

let pair: LinkPair;

function accepter(): LinkEnd {
  pair = new LinkPair();
  return pair.accepter;
}

afterEach(() => pair.close());

/** A frame as bytes; `length` may lie. */
function frame(
  type: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
  classIndex = 0,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(8);
  writeHeader(head, 0, type, length, classIndex, stream);
  return Buffer.concat([head, payload]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const open = (stream: number): Buffer => frame(FRAME.open, stream);
const data = (stream: number, length: number): Buffer => frame(FRAME.data, stream, Buffer.alloc(length, 'x'));
const goAway = frame(FRAME.goAway, 0, Buffer.from([0]));

const VIOLATIONS: readonly (readonly [what: string, fault: LinkFault, bytes: Buffer])[] = [
  ['an unknown type', 'frame-type', frame(9, 1)],
  ['type 0', 'frame-type', frame(0, 0)],
  ['an empty data frame', 'frame-length', Buffer.concat([open(1), frame(FRAME.data, 1)])],
  [
    'a data frame that is too large',
    'frame-length',
    frame(FRAME.data, 1, new Uint8Array(), 0, MAX_DATA_BYTES + 1),
  ],
  ['an open frame with a payload', 'frame-length', frame(FRAME.open, 1, Buffer.alloc(1))],
  ['a credit of two bytes', 'frame-length', frame(FRAME.credit, 1, Buffer.alloc(2))],
  ['a class that cannot be', 'class', frame(FRAME.open, 1, new Uint8Array(), 16)],
  ['stream 0', 'stream-number', open(0)],
  ['a ping on a stream', 'stream-number', frame(FRAME.ping, 1, Buffer.alloc(8))],
  ['a stream number that was left out', 'stream-number', open(2)],
  ['a stream number that comes again', 'stream-number', Buffer.concat([open(1), open(1)])],
  ['data on a stream that never began', 'unknown-stream', data(1, 1)],
  ['an end of a stream that never began', 'unknown-stream', frame(FRAME.end, 1)],
  ['a credit for a stream that never began', 'unknown-stream', frame(FRAME.credit, 7, number(1))],
  ['a reset of a stream that never began', 'unknown-stream', frame(FRAME.reset, 1, Buffer.from([0]))],
  ['data behind the end', 'unknown-stream', Buffer.concat([open(1), frame(FRAME.end, 1), data(1, 1)])],
  ['a credit of nothing', 'credit-overflow', Buffer.concat([open(1), frame(FRAME.credit, 1, number(0))])],
  [
    'more credit than there may be',
    'credit-overflow',
    Buffer.concat([open(1), frame(FRAME.credit, 1, number(MAX_CREDIT_BYTES))]),
  ],
  [
    'the most credit that a number can say',
    'credit-overflow',
    Buffer.concat([open(1), frame(FRAME.credit, 1, number(2 ** 32 - 1))]),
  ],
  [
    'a reset for no known reason',
    'reset-reason',
    Buffer.concat([open(1), frame(FRAME.reset, 1, Buffer.from([9]))]),
  ],
  ['a farewell for no known reason', 'go-away-reason', frame(FRAME.goAway, 0, Buffer.from([9]))],
  ['a stream behind the farewell', 'open-after-go-away', Buffer.concat([goAway, open(1)])],
  ['an answer that nobody asked for', 'unasked-pong', frame(FRAME.pong, 0, Buffer.alloc(8))],
];

describe('a link closes with a named reason on', () => {
  it.each(VIOLATIONS)('%s', async (_what, fault, bytes) => {
    const end = accepter();
    arriveAt(end.wire, bytes);
    expect([...end.counters.faults]).toEqual([[fault, 1]]);
    expect(end.closedFor).toEqual([`violation: ${fault}`]);
    expect(end.socket.destroyed).toBe(true);
    // The peer is told, and whoever used a stream hears of it.
    const said = end.socket.sent();
    expect(said.includes(frame(FRAME.goAway, 0, Buffer.from([2])))).toBe(true);
    await turn();
    for (const { closed } of end.keepers) expect(closed).toBe(1);
  });

  it('a stream that the accepting side opens', () => {
    accepter();
    arriveAt(pair.opener.wire, open(1));
    expect(pair.opener.closedFor).toEqual(['violation: direction']);
  });

  it('data behind the end of a stream that still reads', () => {
    const end = accepter();
    arriveAt(end.wire, open(1));
    end.streams[0]?.pause();
    arriveAt(end.wire, Buffer.concat([frame(FRAME.end, 1), data(1, 1)]));
    expect(end.closedFor).toEqual(['violation: data-after-end']);
  });

  it('more data than there is credit for', () => {
    const end = accepter();
    arriveAt(end.wire, open(1));
    (end.keepers[0] as Keeper).consuming = false;
    arriveAt(end.wire, data(1, MAX_DATA_BYTES));
    arriveAt(end.wire, data(1, MAX_DATA_BYTES));
    expect(end.keepers[0]?.stream.input.length).toBe(FIRST_CREDIT_BYTES);
    expect(end.closedFor).toEqual([]);
    arriveAt(end.wire, data(1, 1));
    expect(end.closedFor).toEqual(['violation: credit-exceeded']);
  });

  it('more data to a closed stream than could have been on its way', () => {
    const end = accepter();
    arriveAt(end.wire, Buffer.concat([open(1), open(2)]));
    end.streams[0]?.destroy(true);
    arriveAt(end.wire, Buffer.concat([data(1, MAX_DATA_BYTES), data(1, MAX_DATA_BYTES)]));
    expect(end.closedFor).toEqual([]);
    arriveAt(end.wire, data(1, 1));
    expect(end.closedFor).toEqual(['violation: unknown-stream']);
  });

  it('too many streams at once', () => {
    const end = accepter();
    for (let id = 1; id <= LINK_LIMITS.acceptedStreams; id += 1) arriveAt(end.wire, open(id));
    expect(end.closedFor).toEqual([]);
    expect(end.link.size).toBe(LINK_LIMITS.acceptedStreams);
    arriveAt(end.wire, open(LINK_LIMITS.acceptedStreams + 1));
    expect(end.closedFor).toEqual(['violation: too-many-streams']);
  });

  it('a flood of streams that are given up at once', () => {
    const end = accepter();
    let id = 0;
    while (end.closedFor.length === 0 && id <= LINK_LIMITS.churnPerSecond + 1) {
      id += 1;
      arriveAt(end.wire, Buffer.concat([open(id), frame(FRAME.reset, id, Buffer.from([1]))]));
    }
    expect(end.closedFor).toEqual(['violation: churn']);
    expect(end.link.size).toBe(0);
  });

  it('a flood of pings', () => {
    const end = accepter();
    const ping = frame(FRAME.ping, 0, Buffer.from('12345678'));
    for (let count = 0; count < LINK_LIMITS.pingsPerSecond; count += 1) arriveAt(end.wire, ping);
    expect(end.closedFor).toEqual([]);
    arriveAt(end.wire, ping);
    expect(end.closedFor).toEqual(['violation: ping-flood']);
  });
});

describe('a link answers', () => {
  it('a ping with its own bytes', async () => {
    const end = accepter();
    arriveAt(end.wire, frame(FRAME.ping, 0, Buffer.from('12345678')), 3);
    await turn();
    expect(end.socket.sent().equals(frame(FRAME.pong, 0, Buffer.from('12345678')))).toBe(true);
  });
});
