import { afterEach, describe, expect, it } from 'vitest';
import { resolveLimits } from '../../../src/config/index.ts';
import { type Clock, systemClock } from '../../../src/core/index.ts';
import type { Side, Stage } from '../../../src/sidecar/exchange.ts';
import { AnswerBytes } from '../../../src/sidecar/http1/index.ts';
import { CallerConnection } from '../../../src/sidecar/http1-exchange/caller-connection.ts';
import { Http1Exchange } from '../../../src/sidecar/http1-exchange/http1-exchange.ts';
import { http1Protocol } from '../../../src/sidecar/http1-exchange/index.ts';
import { TimerWheel, Wire } from '../../../src/sidecar/io/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { UpstreamConnection } from '../../../src/sidecar/pools/index.ts';
import { forward } from '../../../src/sidecar/stages/index.ts';
import { SideCounters } from '../../../src/sidecar/statistics/index.ts';
import { POLICY } from '../propagation/fixtures.ts';
import { arrive, FakeSocket } from './fake-socket.ts';
import { HeldClock } from './held-clock.ts';

const wheels: TimerWheel[] = [];

afterEach(() => {
  for (const wheel of wheels.splice(0)) wheel.close();
});

interface Options {
  /** How many requests an upstream connection seems to have served before each request. */
  readonly served?: number;
  readonly limits?: Parameters<typeof resolveLimits>[0];
  readonly clock?: Clock;
}

/** A caller's connection whose requests all go to one upstream connection. */
function relayed({ served = 1, limits = {}, clock = systemClock }: Options = {}) {
  const unused = { spoiled: () => undefined, closed: () => undefined, timedOut: () => undefined };
  const upstream = new UpstreamConnection(unused);
  const upstreamSocket = new FakeSocket();
  const upstreamWire = new Wire(upstream);
  upstreamWire.attach(upstreamSocket.asSocket());
  upstream.attach(upstreamWire);
  const take: Stage = {
    name: 'take',
    enter(exchange) {
      exchange.classIndex = 0;
      if (exchange instanceof Http1Exchange) exchange.connection = upstream;
      upstream.served = served;
      return 'next';
    },
  };
  const wheel = new TimerWheel(clock);
  wheels.push(wheel);
  const side: Side = {
    name: 'inbound',
    stages: [take, forward()],
    retryStage: 0,
    protocols: [http1Protocol],
    hostLine: Buffer.from('host: a\r\n'),
    limits: { ...resolveLimits(limits), fields: FIXED_LIMITS.fields },
    clock,
    wheel,
    answers: new AnswerBytes(['interactive']),
    counters: new SideCounters(POLICY),
  };
  const socket = new FakeSocket();
  const wire = new Wire({ onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined });
  wire.attach(socket.asSocket());
  const caller = new CallerConnection({
    stream: wire,
    live: { current: side },
    address: '127.0.0.1',
    profiles: undefined,
    accept: () => undefined,
    gone: () => undefined,
  });
  wire.owner = caller;
  caller.start();
  return { wire, upstreamWire, socket, upstreamSocket, side, wheel };
}

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');

describe('pipelined requests', () => {
  it.each([
    ['used', 1],
    ['new', 0],
  ])('are not read far ahead of their answers, and all are served, on %s connections', async (_, served) => {
    const { wire, socket, upstreamWire, upstreamSocket } = relayed({ served });
    const requests = 4000;
    const text = (index: number): string =>
      `GET /${index} HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(200)}\r\n\r\n`;
    const all = Buffer.from(Array.from({ length: requests }, (_, index) => text(index)).join(''));
    let sent = 0;
    let largest = 0;
    for (let answered = 0; answered < requests; answered += 1) {
      sent += arrive(wire, socket, all.subarray(sent));
      expect(upstreamSocket.written).toHaveLength(answered + 1);
      expect(upstreamSocket.written[answered]?.toString('latin1')).toContain(`GET /${answered} `);
      largest = Math.max(largest, wire.input.bytes.length);
      arrive(upstreamWire, upstreamSocket, ANSWER);
      await new Promise((resolve) => process.nextTick(resolve));
    }
    expect(sent).toBe(all.length);
    expect(largest).toBeLessThan(100_000);
  });
});

describe('a request whose body pauses', () => {
  const limits = { bodyTimeoutMs: 1000, responseTimeoutMs: 10_000, minBodyRateBps: 0 };

  function begun(taking: boolean) {
    const clock = new HeldClock();
    const parts = relayed({ limits, clock });
    parts.upstreamSocket.taking = taking;
    arrive(
      parts.wire,
      parts.socket,
      Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'),
    );
    const pass = (ms: number): void => {
      for (const end = clock.ms + ms; clock.ms < end; clock.ms += 20) parts.wheel.advance();
    };
    const answers = (): string => Buffer.concat(parts.socket.written).toString('latin1');
    return { ...parts, pass, answers };
  }

  it('is answered 408 after the time for bodies, counted from its last byte', () => {
    const { wire, socket, side, pass, answers } = begun(true);
    pass(900);
    arrive(wire, socket, Buffer.from('d'));
    pass(900);
    expect(answers()).toBe('');
    pass(200);
    expect(answers()).toContain('x-priomesh-error: BODY_TIMEOUT');
    expect(side.counters.limits.bodyTimeoutMs).toBe(1);
  });

  it('is given the time for responses when the upstream takes nothing', () => {
    const { side, pass, answers } = begun(false);
    pass(9000);
    expect(answers()).toBe('');
    pass(1500);
    expect(answers()).toContain('x-priomesh-error: REQUEST_TIMEOUT');
    expect(side.counters.limits.responseTimeoutMs).toBe(1);
  });
});

describe('a request whose body trickles in', () => {
  // 1000 bytes a second.
  const limits = { bodyTimeoutMs: 1000, responseTimeoutMs: 100_000, minBodyRateBps: 8000 };

  /** Sends `bytes` every 100 ms of 20 s, or until there is an answer. @returns after how many of them there was one */
  function trickling(bytes: number, taking: (turn: number) => boolean = () => true) {
    const clock = new HeldClock();
    const parts = relayed({ limits, clock });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n';
    arrive(parts.wire, parts.socket, Buffer.from(head));
    let turn = 0;
    while (turn < 200 && parts.socket.written.length === 0) {
      turn += 1;
      parts.upstreamSocket.taking = taking(turn);
      if (parts.upstreamSocket.taking) parts.upstreamSocket.flush();
      arrive(parts.wire, parts.socket, Buffer.alloc(bytes, 'x'));
      for (const end = clock.ms + 100; clock.ms < end; clock.ms += 20) parts.wheel.advance();
    }
    return { turn, hits: parts.side.counters.limits.minBodyRateBps, answer: String(parts.socket.written[0]) };
  }

  it('is answered 408 where it comes slower than it must, though it never pauses', () => {
    const { turn, hits, answer } = trickling(90);
    expect(answer).toContain('x-priomesh-error: BODY_TIMEOUT');
    expect(hits).toBe(1);
    expect(turn).toBeLessThan(25);
  });

  it('goes on where it comes fast enough, or slowly because nobody takes it', () => {
    expect(trickling(110)).toMatchObject({ turn: 200, hits: 0 });
    expect(trickling(1, (turn) => turn % 10 < 5)).toMatchObject({ turn: 200, hits: 0 });
  });
});

describe('a caller that ends its sending direction', () => {
  it.each(['close', 'keep-alive'])('still gets the tail of a response (%s)', (connection) => {
    const clock = new HeldClock();
    const { wire, socket, upstreamWire, upstreamSocket, wheel } = relayed({ clock });
    socket.taking = false;
    arrive(wire, socket, Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`));
    arrive(upstreamWire, upstreamSocket, ANSWER);
    socket.emit('end');
    expect(socket.destroyed).toBe(false);
    for (const end = clock.ms + 130_000; clock.ms < end; clock.ms += 20) wheel.advance();
    expect(socket.destroyed).toBe(true);
  });

  it('is gone when nothing is on its way', () => {
    const { wire, socket } = relayed();
    arrive(wire, socket, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    socket.emit('end');
    expect(socket.destroyed).toBe(true);
  });
});

describe('a response that goes wrong in the middle', () => {
  it('is reset and counted as broken by the upstream, not as answered', () => {
    const { wire, socket, upstreamWire, upstreamSocket, side } = relayed();
    arrive(wire, socket, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n';
    arrive(upstreamWire, upstreamSocket, Buffer.from(head));
    arrive(upstreamWire, upstreamSocket, Buffer.from('nonsense'));
    expect(socket.destroyed).toBe(true);
    expect(side.counters.ofClass(0)).toMatchObject({ upstreamBroken: 1, errors: 0, completed: 0 });
    expect(Object.fromEntries(side.counters.answers)).toEqual({ UPSTREAM_MALFORMED: 1 });
  });
});
