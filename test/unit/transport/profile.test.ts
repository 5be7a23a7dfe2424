import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogLevel } from '../../../src/core/index.ts';
import {
  applyListenerProfile,
  applyProfile,
  type ConnectionProfile,
  congestionControlOf,
  connectWithProfile,
  descriptorOf,
  emptyTcpInfo,
  openTransport,
  type Transport,
  tcpInfo,
} from '../../../src/transport/index.ts';
import {
  readDscp,
  readIpv4Dscp,
  readKernelPriority,
  readNoDelay,
} from '../../../src/transport/socket-options.ts';

interface Line {
  readonly level: LogLevel;
  readonly fields: object;
}

let lines: Line[];
let transport: Transport;
const open: (net.Socket | net.Server)[] = [];

beforeEach(() => {
  lines = [];
  const logger = {
    log: (level: LogLevel, _message: string, fields: object = {}) => void lines.push({ level, fields }),
    with: () => logger,
  };
  transport = openTransport({ logger });
});

afterEach(async () => {
  transport.close();
  const streams = open.splice(0);
  const closed = streams.map((stream) =>
    stream instanceof net.Socket && stream.closed ? undefined : once(stream, 'close'),
  );
  for (const stream of streams) {
    if (stream instanceof net.Server) stream.close();
    else stream.destroy();
  }
  await Promise.all(closed);
});

async function listen(host: string): Promise<{ server: net.Server; port: number }> {
  const server = net.createServer();
  open.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as net.AddressInfo).port };
}

async function accepted(server: net.Server): Promise<net.Socket> {
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  open.push(socket);
  return socket;
}

const INTERACTIVE: ConnectionProfile = { congestionControl: 'reno', dscp: 46, kernelPriority: 6 };
const BATCH: ConnectionProfile = { congestionControl: 'bbr', dscp: 1, kernelPriority: 2 };

describe.each(['127.0.0.1', '::1'])('options on %s', (host) => {
  it('stand before the connection is made, and after it', async () => {
    const { server, port } = await listen(host);
    const peer = accepted(server);
    const socket = connectWithProfile({ host, port }, INTERACTIVE, { transport });
    open.push(socket);
    for (const moment of ['before', 'after']) {
      const descriptor = descriptorOf(socket);
      expect([
        moment,
        readDscp(descriptor),
        readKernelPriority(descriptor),
        congestionControlOf(socket),
      ]).toEqual([moment, 46, 6, 'reno']);
      expect(readNoDelay(descriptor)).toBe(1);
      if (moment === 'before') await Promise.all([once(socket, 'connect'), peer]);
    }
    expect(transport.refusals.counts()).toEqual({});
  });

  it('change on an accepted socket, live, and go back to what was', async () => {
    const { server, port } = await listen(host);
    const peer = accepted(server);
    open.push(net.connect(port, host));
    const socket = await peer;
    const before = congestionControlOf(socket);
    const read = () => [
      readDscp(descriptorOf(socket)),
      readKernelPriority(descriptorOf(socket)),
      congestionControlOf(socket),
    ];
    expect(applyProfile(socket, INTERACTIVE, transport)).toEqual([]);
    expect(read()).toEqual([46, 6, 'reno']);
    expect(applyProfile(socket, BATCH, transport)).toEqual([]);
    expect(read()).toEqual([1, 2, 'bbr']);
    expect(applyProfile(socket, {}, transport)).toEqual([]);
    expect(read()).toEqual([0, 0, before]);
  });

  it('keep the kernel priority when only the mark changes', async () => {
    const { server, port } = await listen(host);
    const peer = accepted(server);
    open.push(net.connect(port, host));
    const socket = await peer;
    for (const dscp of [46, 10, 34]) {
      applyProfile(socket, { dscp, kernelPriority: 6 }, transport);
      expect([readDscp(descriptorOf(socket)), readKernelPriority(descriptorOf(socket))]).toEqual([dscp, 6]);
    }
  });

  it('are inherited from a listener', async () => {
    const { server, port } = await listen(host);
    expect(applyListenerProfile(server, { congestionControl: 'reno', dscp: 10 }, transport)).toEqual([]);
    const peer = accepted(server);
    open.push(net.connect(port, host));
    const socket = await peer;
    expect([readDscp(descriptorOf(socket)), congestionControlOf(socket)]).toEqual([10, 'reno']);
    applyProfile(socket, { dscp: 10, kernelPriority: 6 }, transport);
    expect([readDscp(descriptorOf(socket)), readKernelPriority(descriptorOf(socket))]).toEqual([10, 6]);
  });

  it('take the place of a mark that the accepted socket was born with', async () => {
    const { server, port } = await listen(host);
    applyListenerProfile(server, { dscp: 46 }, transport);
    const peer = accepted(server);
    open.push(net.connect(port, host));
    const socket = await peer;
    const read = () => readDscp(descriptorOf(socket));
    applyProfile(socket, { congestionControl: 'reno' }, transport);
    expect(read()).toBe(46);
    applyProfile(socket, { dscp: 0, kernelPriority: 0 }, transport);
    expect([read(), readIpv4Dscp(descriptorOf(socket))]).toEqual([0, 0]);
    applyProfile(socket, {}, transport);
    expect(read()).toBe(46);
  });

  it('carry data both ways, and read into the buffer handed in', async () => {
    const { server, port } = await listen(host);
    server.on('connection', (peer) => peer.pipe(peer));
    const buffer = Buffer.alloc(8);
    const read: string[] = [];
    const socket = connectWithProfile({ host, port }, BATCH, {
      transport,
      onread: {
        buffer,
        callback: (length, into) => {
          expect(into).toBe(buffer);
          read.push(Buffer.from(into.subarray(0, length)).toString());
          return true;
        },
      },
    });
    open.push(socket);
    socket.end('one two three four');
    await once(socket, 'end');
    expect(read.join('')).toBe('one two three four');
    expect(read.every((part) => part.length <= 8)).toBe(true);
  });
});

describe('an IPv4 connection on an IPv6 socket', () => {
  it('is marked too', async () => {
    const { server, port } = await listen('::');
    const peer = accepted(server);
    open.push(net.connect(port, '127.0.0.1'));
    const socket = await peer;
    applyProfile(socket, INTERACTIVE, transport);
    expect(socket.remoteAddress).toBe('::ffff:127.0.0.1');
    expect([readIpv4Dscp(descriptorOf(socket)), readKernelPriority(descriptorOf(socket))]).toEqual([46, 6]);
  });
});

describe('what the kernel refuses', () => {
  it('is returned, counted, and logged once a kind, and the connection works', async () => {
    const { server, port } = await listen('127.0.0.1');
    const profile: ConnectionProfile = { congestionControl: 'absent', dscp: 10 };
    for (let round = 0; round < 3; round += 1) {
      const peer = accepted(server);
      const socket = connectWithProfile({ host: '127.0.0.1', port }, profile, { transport });
      open.push(socket);
      await once(socket, 'connect');
      expect(readDscp(descriptorOf(socket))).toBe(10);
      expect(applyProfile(await peer, profile, transport)).toEqual([
        { option: 'TCP_CONGESTION', value: 'absent', errno: 'ENOENT' },
      ]);
    }
    expect(transport.refusals.counts()).toEqual({ 'TCP_CONGESTION=absent: ENOENT': 6 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'warn', fields: { option: 'TCP_CONGESTION', errno: 'ENOENT' } });
  });
});

describe('errors', () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;

  it('of connecting arrive as events and leave no descriptor open', async () => {
    const { server, port } = await listen('127.0.0.1');
    server.close();
    await once(server, 'close');
    open.length = 0;
    const attempt = async (): Promise<string> => {
      const socket = connectWithProfile({ host: '127.0.0.1', port }, INTERACTIVE, { transport });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      if (!socket.closed) await once(socket, 'close');
      return error.code ?? '';
    };
    expect(await attempt()).toBe('ECONNREFUSED');
    const before = descriptors();
    for (let round = 0; round < 20; round += 1) expect(await attempt()).toBe('ECONNREFUSED');
    expect(descriptors()).toBe(before);
  });

  it('of an aborted signal destroy the socket', async () => {
    const { port } = await listen('127.0.0.1');
    const controller = new AbortController();
    const socket = connectWithProfile({ host: '127.0.0.1', port }, INTERACTIVE, {
      transport,
      signal: controller.signal,
    });
    const failed = once(socket, 'error');
    controller.abort();
    expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
    expect(descriptorOf(socket)).toBe(-1);
    const late = connectWithProfile({ host: '127.0.0.1', port }, INTERACTIVE, {
      transport,
      signal: controller.signal,
    });
    expect((await once(late, 'error'))[0]).toMatchObject({ code: 'ABORTED' });
  });

  it('of a host that is no IP literal are thrown', () => {
    expect(() => connectWithProfile({ host: 'localhost', port: 1 }, {}, { transport })).toThrow(RangeError);
  });
});

describe('an empty profile', () => {
  it('connects as net.connect does', async () => {
    const { port } = await listen('127.0.0.1');
    const socket = connectWithProfile({ host: '127.0.0.1', port }, {}, { transport });
    open.push(socket);
    await once(socket, 'connect');
    expect([readDscp(descriptorOf(socket)), readNoDelay(descriptorOf(socket))]).toEqual([0, 1]);
  });
});

describe('tcpInfo', () => {
  it('tells what the kernel measures, and nothing about a closed socket', async () => {
    const { server, port } = await listen('127.0.0.1');
    server.on('connection', (peer) => peer.resume());
    const socket = connectWithProfile({ host: '127.0.0.1', port }, INTERACTIVE, { transport });
    open.push(socket);
    await once(socket, 'connect');
    const info = emptyTcpInfo();
    const bytes = 200_000;
    const drained = new Promise<void>((resolve) => socket.write(Buffer.alloc(bytes), () => resolve()));
    await drained;
    while (info.bytesAcked < bytes) {
      expect(tcpInfo(socket, info)).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(info.state).toBe(1);
    expect(info.cwndSegments).toBeGreaterThanOrEqual(2);
    expect(info.rttUs).toBeGreaterThan(0);
    expect(info.minRttUs).toBeLessThanOrEqual(info.rttUs);
    expect(info.deliveryRateBps).toBeGreaterThan(0);
    expect(info.notSentBytes).toBe(0);
    socket.destroy();
    expect(tcpInfo(socket, info)).toBe(false);
  });
});
