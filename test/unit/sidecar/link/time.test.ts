import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../../src/sidecar/io/index.ts';
import { FIXED_LIMITS } from '../../../../src/sidecar/limits.ts';
import { LinkCounters } from '../../../../src/sidecar/link/counters.ts';
import { FRAME } from '../../../../src/sidecar/link/frames.ts';
import { AGREEMENT } from '../../../../src/sidecar/link/handshake.ts';
import { LINK_LIMITS } from '../../../../src/sidecar/link/limits.ts';
import { LinkPeer, LinkPool } from '../../../../src/sidecar/link/link-pool.ts';
import { HeldClock } from '../held-clock.ts';
import { LinkPair, TestSocket, turn } from './link-pair.ts';

let wheel: TimerWheel;

afterEach(() => wheel.close());

function held(): { readonly clock: HeldClock; pass(ms: number): void } {
  const clock = new HeldClock();
  wheel = new TimerWheel(clock);
  return {
    clock,
    pass: (ms) => {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.ms += 20;
        wheel.advance();
      }
    },
  };
}

describe('a link in time', () => {
  it('asks a silent peer whether it lives, and is content with an answer', async () => {
    const { pass } = held();
    const pair = new LinkPair(wheel);
    pair.opener.open();
    await pair.settle();
    for (let round = 0; round < 10; round += 1) {
      pass(LINK_LIMITS.silentMs + LINK_LIMITS.answerPingMs);
      await pair.settle();
    }
    expect([pair.opener.closedFor, pair.accepter.closedFor]).toEqual([[], []]);
    pair.close();
  });

  it('is given up when the peer does not answer', async () => {
    const { pass } = held();
    const pair = new LinkPair(wheel);
    const { keeper } = pair.opener.open();
    await pair.settle();
    pass(2 * LINK_LIMITS.silentMs + 40);
    await turn();
    expect(pair.opener.socket.sent()[2]).toBe(FRAME.ping);
    // Nobody counts the segments of a socket of a test, so it takes three times as long.
    pass(3 * LINK_LIMITS.answerPingMs - 2 * LINK_LIMITS.silentMs);
    expect(pair.opener.closedFor).toEqual([]);
    pass(3 * LINK_LIMITS.silentMs);
    await turn();
    expect(pair.opener.closedFor).toEqual(['the peer is silent']);
    expect([...pair.opener.counters.faults]).toEqual([['silent', 1]]);
    expect(keeper.closed).toBe(1);
    pair.close();
  });

  it('that is broken is not kept open by a peer that takes nothing', async () => {
    const { pass } = held();
    const pair = new LinkPair(wheel);
    const { stream } = pair.opener.open();
    await pair.settle();
    const { accepter } = pair;
    accepter.socket.taking = false;
    accepter.streams[0]?.send(Buffer.alloc(1000, 'x'));
    await turn();
    accepter.link.violated('frame-type');
    expect([accepter.closedFor.length, accepter.socket.destroyed]).toEqual([1, false]);
    pass(FIXED_LIMITS.lingerMs + 40);
    expect(accepter.socket.destroyed).toBe(true);
    stream.destroy();
    pair.close();
  });

  it('without streams is not asked, and is closed by the side that opened it after the idle time', async () => {
    const { pass } = held();
    const pair = new LinkPair(wheel, 5000);
    const { stream } = pair.opener.open();
    stream.end();
    await pair.settle();
    pass(4000);
    await turn();
    expect(pair.opener.socket.sent().length).toBe(0);
    pass(4000);
    await pair.settle();
    expect([pair.opener.goingAway, pair.accepter.goingAway]).toEqual([1, 1]);
    expect([pair.opener.socket.ended, pair.accepter.socket.ended]).toEqual([true, true]);
    expect(pair.opener.counters.linksLost).toBe(0);
    pair.close();
  });
});

describe('a pool of links', () => {
  interface Dialled {
    readonly pool: LinkPool;
    readonly counters: LinkCounters;
    readonly peer: LinkPeer;
    readonly sockets: TestSocket[];
    readonly changes: number[];
    /** Answers the latest attempt. */
    answer(bytes: Buffer): void;
  }

  function pool(peer = new LinkPeer()): Dialled {
    const sockets: TestSocket[] = [];
    const reads: net.OnReadOpts[] = [];
    const counters = new LinkCounters();
    const changes: number[] = [];
    const made = new LinkPool({
      peer,
      counters,
      wheel,
      host: '10.0.0.1:80',
      connectTimeoutMs: 1000,
      idleTimeoutMs: 60_000,
      connect: (onread) => {
        const socket = new TestSocket();
        sockets.push(socket);
        reads.push(onread);
        return socket.asSocket();
      },
      refresh: () => undefined,
    });
    made.whenChanged(() => changes.push(counters.links));
    const answer = (bytes: Buffer): void => {
      const onread = reads.at(-1) as net.OnReadOpts;
      const view = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer;
      bytes.copy(view as Buffer);
      onread.callback(bytes.length, view as Buffer);
    };
    return { pool: made, counters, peer, sockets, changes, answer };
  }

  const nobody = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

  it('opens one in the background when it is wanted, and tells when it is there', () => {
    held();
    const { pool: links, sockets, counters, changes, answer } = pool();
    expect(links.ready).toBe(false);
    expect(sockets.length).toBe(0);
    links.want();
    links.want();
    expect(sockets.length).toBe(1);
    sockets[0]?.emit('connect');
    expect(sockets[0]?.sent().toString()).toContain('Upgrade: priomesh-link/1\r\n');
    expect(links.ready).toBe(false);
    answer(AGREEMENT);
    expect([links.ready, counters.links, changes]).toEqual([true, 1, [1]]);
    expect(links.openStream(nobody, 0).socket).toBe(sockets[0]);
    const seen: unknown[] = [];
    links.eachSocket((socket) => seen.push(socket));
    expect(seen).toEqual(sockets);
    links.destroy();
    expect(links.ready).toBe(false);
  });

  it('opens another when one is full', () => {
    held();
    const { pool: links, sockets, answer } = pool();
    links.want();
    sockets[0]?.emit('connect');
    answer(AGREEMENT);
    for (let count = 0; count < LINK_LIMITS.streams; count += 1) links.openStream(nobody, 0);
    expect(links.ready).toBe(false);
    links.want();
    expect(sockets.length).toBe(2);
    links.destroy();
  });

  it('tries again after growing pauses when it cannot connect', () => {
    const { pass } = held();
    const { pool: links, sockets, counters } = pool();
    const attemptsWithin = (ms: number): number => {
      const before = sockets.length;
      for (let passed = 0; passed < ms; passed += 20) {
        links.want();
        sockets.at(-1)?.emit('close');
        pass(20);
      }
      return sockets.length - before;
    };
    const first = attemptsWithin(2000);
    attemptsWithin(20_000);
    const later = attemptsWithin(20_000);
    expect(first).toBeGreaterThanOrEqual(3);
    expect(first).toBeLessThanOrEqual(6);
    expect(later).toBe(2);
    expect(counters.failedAttempts).toBe(sockets.length);
    links.destroy();
  });

  it('does not ask a peer that said no, nor let others ask it, until some minutes have passed', () => {
    const { pass } = held();
    const peer = new LinkPeer();
    const one = pool(peer);
    const other = pool(peer);
    one.pool.want();
    other.pool.want();
    expect([one.sockets.length, other.sockets.length]).toEqual([1, 0]);
    one.sockets[0]?.emit('connect');
    one.answer(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    expect(one.counters.plainPeers).toBe(1);
    expect(one.sockets[0]?.destroyed).toBe(true);
    pass(LINK_LIMITS.plainPeerMs - 1000);
    one.pool.want();
    other.pool.want();
    expect([one.sockets.length, other.sockets.length]).toEqual([1, 0]);
    pass(1100);
    other.pool.want();
    expect(other.sockets.length).toBe(1);
    one.pool.destroy();
    other.pool.destroy();
  });

  it('takes the silence of a peer that has agreed before for a passing one', () => {
    const { pass } = held();
    const { pool: links, sockets, counters, answer } = pool();
    links.want();
    sockets[0]?.emit('connect');
    answer(AGREEMENT);
    sockets[0]?.emit('close');
    expect(links.ready).toBe(false);
    pass(40);
    links.want();
    sockets[1]?.emit('connect');
    sockets[1]?.emit('end');
    expect([counters.plainPeers, counters.failedAttempts]).toEqual([0, 1]);
    pass(1000);
    links.want();
    expect(sockets.length).toBe(3);
    links.destroy();
  });

  it('gives up asking a peer that does not answer', () => {
    const { pass } = held();
    const { pool: links, sockets, counters } = pool();
    links.want();
    sockets[0]?.emit('connect');
    pass(LINK_LIMITS.answerMs + 40);
    expect(sockets[0]?.destroyed).toBe(true);
    expect(counters.plainPeers).toBe(1);
    links.destroy();
  });
});
