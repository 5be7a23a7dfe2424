import { describe, expect, it } from 'vitest';
import type { AnswerCode } from '../../../src/sidecar/http1/index.ts';
import { TimerWheel } from '../../../src/sidecar/io/index.ts';
import {
  ConnectionPool,
  type PoolWaiter,
  type UpstreamConnection,
} from '../../../src/sidecar/pools/index.ts';
import { FakeSocket } from './fake-socket.ts';
import { HeldClock } from './held-clock.ts';

class Waiter implements PoolWaiter {
  connection: UpstreamConnection | undefined;
  failure: AnswerCode | undefined;

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
  }

  onConnectFailed(code: AnswerCode): void {
    this.failure = code;
  }
}

describe('a pool at its limit', () => {
  it('connects for those who still wait when connecting for another took too long', () => {
    const clock = new HeldClock();
    const wheel = new TimerWheel(clock);
    const sockets: FakeSocket[] = [];
    const pool = new ConnectionPool({
      wheel,
      maxPoolConnections: 1,
      maxIdleConnections: 1,
      maxPendingRequests: 10,
      connectTimeoutMs: 1000,
      idleTimeoutMs: 60_000,
      connect: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket.asSocket();
      },
      hit: () => undefined,
    });
    const first = new Waiter();
    const second = new Waiter();
    pool.acquire(first, false);
    pool.acquire(second, false);
    for (; clock.ms < 2500; clock.ms += 20) wheel.advance();
    expect([first.failure, second.failure]).toEqual(['CONNECT_TIMEOUT', undefined]);
    sockets[1]?.emit('connect');
    expect(second.connection?.connected).toBe(true);
    wheel.close();
  });
});
