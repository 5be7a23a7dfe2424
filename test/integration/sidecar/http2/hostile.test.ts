import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { H2_LIMITS } from '../../../../src/sidecar/http2/limits.ts';
import { FLAG, FRAME, H2_ERROR, SETTING } from '../../../../src/sidecar/http2/protocol/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { sidecarBefore, type TestServer, testPolicy, until } from '../harness.ts';
import { classOf, http2Application, sideOf } from './harness.ts';
import { frame, GET, headers, number, OPENING, POST, RawClient, SETTINGS, setting } from './raw-client.ts';

let sidecar: Sidecar;
let application: TestServer;
let client: RawClient;

beforeEach(async () => {
  application = await http2Application((stream, fields) => {
    if (fields[':path'] === '/large') {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(10_000_000));
      return;
    }
    stream.resume();
    if (fields[':path'] === '/silent') return;
    stream.respond({ ':status': 200 });
    stream.on('end', () => stream.end('ok'));
  });
  sidecar = await sidecarBefore(application.port, {
    policy: testPolicy({ concurrency: 1000, capacity: 4000 }),
  });
  client = new RawClient(sidecar.inboundPort ?? 0);
});

afterEach(async () => {
  client.socket.destroy();
  await application.close();
  await sidecar.close();
});

function path(value: string): typeof GET {
  return GET.map(([name, before]) => [name, name === ':path' ? value : before]);
}

function limits(): Record<string, number> {
  return sideOf(sidecar)['limits'] as Record<string, number>;
}

function many(count: number, piece: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => piece(index)));
}

const PING = frame(FRAME.PING, 0, 0, Buffer.alloc(8));
const FLOOD = H2_LIMITS.idleFrames + 10 * H2_LIMITS.idleFramesPerSecond;

describe('frames that break a connection', () => {
  const data = (streamId: number, flags = 0, bytes = 1): Buffer =>
    frame(FRAME.DATA, flags, streamId, Buffer.alloc(bytes));
  it.each([
    ['something else than SETTINGS first', [PING], H2_ERROR.PROTOCOL_ERROR],
    ['an acknowledgement first', [frame(FRAME.SETTINGS, FLAG.ACK, 0)], H2_ERROR.PROTOCOL_ERROR],
    ['a frame beyond 16,384 bytes', [SETTINGS, data(1, 0, 16_385)], H2_ERROR.FRAME_SIZE_ERROR],
    ['DATA on stream 0', [SETTINGS, data(0)], H2_ERROR.PROTOCOL_ERROR],
    ['DATA on an idle stream', [SETTINGS, data(1)], H2_ERROR.PROTOCOL_ERROR],
    [
      'DATA with more padding than bytes',
      [SETTINGS, headers(1, POST, false), frame(FRAME.DATA, FLAG.PADDED, 1, Buffer.of(5, 0))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'DATA without the length of its padding',
      [SETTINGS, headers(1, POST, false), frame(FRAME.DATA, FLAG.PADDED, 1)],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    ['HEADERS on stream 0', [SETTINGS, headers(0, GET)], H2_ERROR.PROTOCOL_ERROR],
    ['HEADERS on an even stream', [SETTINGS, headers(2, GET)], H2_ERROR.PROTOCOL_ERROR],
    [
      'HEADERS with more padding than bytes',
      [SETTINGS, frame(FRAME.HEADERS, FLAG.PADDED | FLAG.END_HEADERS, 1, Buffer.of(9, 0x82))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'HEADERS too short for their priority',
      [SETTINGS, frame(FRAME.HEADERS, FLAG.PRIORITY | FLAG.END_HEADERS, 1, Buffer.of(0, 0))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    [
      'a field block that HPACK cannot read',
      [SETTINGS, frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.of(0xff))],
      H2_ERROR.COMPRESSION_ERROR,
    ],
    [
      'CONTINUATION without HEADERS',
      [SETTINGS, frame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1)],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'another frame within a field block',
      [SETTINGS, frame(FRAME.HEADERS, 0, 1, Buffer.of(0x82)), PING],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'CONTINUATION of another stream',
      [SETTINGS, frame(FRAME.HEADERS, 0, 1, Buffer.of(0x82)), frame(FRAME.CONTINUATION, FLAG.END_HEADERS, 3)],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'PRIORITY on stream 0',
      [SETTINGS, frame(FRAME.PRIORITY, 0, 0, Buffer.alloc(5))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'PRIORITY of four bytes',
      [SETTINGS, frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(4))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    ['RST_STREAM on stream 0', [SETTINGS, frame(FRAME.RST_STREAM, 0, 0, number(8))], H2_ERROR.PROTOCOL_ERROR],
    [
      'RST_STREAM on an idle stream',
      [SETTINGS, frame(FRAME.RST_STREAM, 0, 1, number(8))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'RST_STREAM of three bytes',
      [SETTINGS, frame(FRAME.RST_STREAM, 0, 1, Buffer.alloc(3))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    ['SETTINGS on a stream', [SETTINGS, frame(FRAME.SETTINGS, 0, 1)], H2_ERROR.PROTOCOL_ERROR],
    [
      'SETTINGS of five bytes',
      [SETTINGS, frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    [
      'an acknowledgement with settings',
      [SETTINGS, frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(6))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    ['ENABLE_PUSH of 2', [SETTINGS, setting(SETTING.ENABLE_PUSH, 2)], H2_ERROR.PROTOCOL_ERROR],
    [
      'a window of 2^31',
      [SETTINGS, setting(SETTING.INITIAL_WINDOW_SIZE, 0x8000_0000)],
      H2_ERROR.FLOW_CONTROL_ERROR,
    ],
    ['a frame size of 100', [SETTINGS, setting(SETTING.MAX_FRAME_SIZE, 100)], H2_ERROR.PROTOCOL_ERROR],
    [
      'PUSH_PROMISE of a client',
      [SETTINGS, frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, number(2))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    ['PING on a stream', [SETTINGS, frame(FRAME.PING, 0, 1, Buffer.alloc(8))], H2_ERROR.PROTOCOL_ERROR],
    ['PING of seven bytes', [SETTINGS, frame(FRAME.PING, 0, 0, Buffer.alloc(7))], H2_ERROR.FRAME_SIZE_ERROR],
    [
      'GOAWAY of seven bytes',
      [SETTINGS, frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(7))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    [
      'WINDOW_UPDATE of three bytes',
      [SETTINGS, frame(FRAME.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
      H2_ERROR.FRAME_SIZE_ERROR,
    ],
    [
      'WINDOW_UPDATE by 0 for the connection',
      [SETTINGS, frame(FRAME.WINDOW_UPDATE, 0, 0, number(0))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'WINDOW_UPDATE on an idle stream',
      [SETTINGS, frame(FRAME.WINDOW_UPDATE, 0, 5, number(1))],
      H2_ERROR.PROTOCOL_ERROR,
    ],
    [
      'a window of the connection that overflows',
      [SETTINGS, frame(FRAME.WINDOW_UPDATE, 0, 0, number(0x7fff_ffff))],
      H2_ERROR.FLOW_CONTROL_ERROR,
    ],
  ] as const)('%s', async (_, pieces, code) => {
    client.send(OPENING.subarray(0, 24), ...pieces);
    expect(await client.goaway()).toBe(code);
    await client.gone();
    await until(() => classOf(sidecar).inFlight === 0);
  });
});

describe('frames that break a stream', () => {
  it.each([
    ['WINDOW_UPDATE by 0', frame(FRAME.WINDOW_UPDATE, 0, 1, number(0)), H2_ERROR.PROTOCOL_ERROR],
    [
      'a window that overflows',
      frame(FRAME.WINDOW_UPDATE, 0, 1, number(0x7fff_ffff)),
      H2_ERROR.FLOW_CONTROL_ERROR,
    ],
    ['DATA behind the end', frame(FRAME.DATA, 0, 1, Buffer.alloc(3)), H2_ERROR.STREAM_CLOSED],
    ['HEADERS behind the end', headers(1, [['x', 'y']]), H2_ERROR.STREAM_CLOSED],
  ] as const)('%s', async (_, piece, code) => {
    client.send(OPENING, headers(1, path('/silent')), piece, headers(3, GET));
    expect(await client.outcome(1)).toBe(code);
    expect(await client.outcome(3)).toBe('ended');
    await until(() => classOf(sidecar).inFlight === 0);
  });

  it('more bytes than the window of the stream', async () => {
    client.send(OPENING, headers(1, path('/silent'), false));
    const piece = frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384));
    client.send(
      many(9, () => piece),
      headers(3, GET),
    );
    expect(await client.outcome(1)).toBe(H2_ERROR.FLOW_CONTROL_ERROR);
    expect(await client.outcome(3)).toBe('ended');
  });

  it('answers frames on a stream that is over, as many as may have been under way', async () => {
    client.send(OPENING, headers(1, GET));
    expect(await client.outcome(1)).toBe('ended');
    client.send(
      frame(FRAME.DATA, 0, 1, Buffer.alloc(3)),
      frame(FRAME.RST_STREAM, 0, 1, number(8)),
      headers(3, GET),
    );
    expect(await client.outcome(3)).toBe('ended');
    expect(
      client.frames.filter(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === 1),
    ).toHaveLength(1);
  });

  it('streams beyond what was announced are refused, and the others go on', async () => {
    client.send(
      OPENING,
      many(H2_LIMITS.concurrentStreams + 2, (index) => headers(2 * index + 1, path('/silent'))),
    );
    expect(await client.outcome(2 * H2_LIMITS.concurrentStreams + 1)).toBe(H2_ERROR.REFUSED_STREAM);
    expect(await client.outcome(2 * H2_LIMITS.concurrentStreams + 3)).toBe(H2_ERROR.REFUSED_STREAM);
    await until(() => classOf(sidecar).inFlight === H2_LIMITS.concurrentStreams);
    expect(limits()['http2Streams']).toBe(2);
  });
});

describe('floods', () => {
  it.each([
    ['PING', () => PING],
    ['SETTINGS', () => SETTINGS],
    ['PRIORITY', () => frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(5))],
    ['unknown frames', () => frame(0x77, 0, 1, Buffer.alloc(5))],
    ['empty DATA', () => frame(FRAME.DATA, 0, 1)],
    ['DATA on a stream that was reset', () => frame(FRAME.DATA, 0, 3, Buffer.alloc(1))],
  ])('of %s end the connection', async (_, piece) => {
    client.send(OPENING, headers(1, path('/silent'), false), headers(3, path('/silent'), false));
    client.send(frame(FRAME.RST_STREAM, 0, 3, number(8)), many(FLOOD, piece));
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    await client.gone();
    expect(limits()['http2IdleFrames']).toBe(1);
    await until(() => classOf(sidecar).inFlight === 0);
  });

  it.each([
    ['a window that opens by nothing', (id: number) => frame(FRAME.WINDOW_UPDATE, 0, id, number(0))],
    ['a window that opens too far', (id: number) => frame(FRAME.WINDOW_UPDATE, 0, id, number(0x7fff_ffff))],
    ['DATA behind the end', (id: number) => frame(FRAME.DATA, 0, id, Buffer.alloc(1))],
    ['more DATA than was announced', (id: number) => frame(FRAME.DATA, 0, id, Buffer.alloc(3))],
  ])('of requests that have to be reset for %s end the connection (CVE-2025-8671)', async (what, spoil) => {
    const ends = what.startsWith('DATA');
    const fields = what.startsWith('more')
      ? [...path('/silent'), ['content-length', '2'] as const]
      : path('/silent');
    client.send(OPENING);
    client.send(
      many(FLOOD, (index) => Buffer.concat([headers(2 * index + 1, fields, ends), spoil(2 * index + 1)])),
    );
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    await client.gone();
    const { http2IdleFrames = 0, http2WindowUpdates = 0 } = limits();
    expect(http2IdleFrames + http2WindowUpdates).toBe(1);
    await until(() => classOf(sidecar).inFlight === 0);
  });

  it('of requests that are reset at once end the connection (CVE-2023-44487)', async () => {
    client.send(OPENING);
    client.send(
      many(FLOOD, (index) =>
        Buffer.concat([headers(2 * index + 1, GET), frame(FRAME.RST_STREAM, 0, 2 * index + 1, number(8))]),
      ),
    );
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    await until(() => classOf(sidecar).inFlight === 0);
    expect(classOf(sidecar).requests).toBeLessThanOrEqual(FLOOD);
    expect(classOf(sidecar).callerGone).toBe(classOf(sidecar).requests);
  });

  it('of CONTINUATION end the connection', async () => {
    const piece = frame(FRAME.CONTINUATION, 0, 1);
    client.send(
      OPENING,
      frame(FRAME.HEADERS, FLAG.END_STREAM, 1, Buffer.of(0x82)),
      many(100, () => piece),
    );
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    expect(limits()['http2BlockFrames']).toBe(1);
  });

  it('of field blocks end the connection', async () => {
    const piece = frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_384));
    client.send(
      OPENING,
      frame(FRAME.HEADERS, FLAG.END_STREAM, 1, Buffer.of(0x82)),
      many(5, () => piece),
    );
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    expect(limits()['http2BlockBytes']).toBe(1);
  });

  it('of WINDOW_UPDATE end the connection', async () => {
    const piece = frame(FRAME.WINDOW_UPDATE, 0, 0, number(1));
    client.send(
      OPENING,
      many(H2_LIMITS.spareWindowUpdates + 10, () => piece),
    );
    expect(await client.goaway()).toBe(H2_ERROR.ENHANCE_YOUR_CALM);
    expect(limits()['http2WindowUpdates']).toBe(1);
  });

  it('of references to one large field are refused by the size of the list', async () => {
    const value = Buffer.alloc(3900, 0x61);
    const insert = Buffer.concat([Buffer.of(0x40, 1, 0x78, 0x7f, 0xbd, 0x1d), value]);
    const bomb = Buffer.concat([
      Buffer.from([0x82, 0x84, 0x86, 0x41, 1, 0x61]),
      insert,
      Buffer.alloc(5000, 0xbe),
    ]);
    client.send(OPENING, frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, bomb), headers(3, GET));
    expect(await client.outcome(3)).toBe('ended');
    expect((sideOf(sidecar)['refusals'] as Record<string, number>)['head-too-large']).toBe(1);
  });
});

describe('games with windows', () => {
  it('holds a response back whose window is 0, until it opens', async () => {
    client.send(OPENING, setting(SETTING.INITIAL_WINDOW_SIZE, 0), headers(1, GET), headers(3, GET));
    await client.next(({ type, streamId }) => type === FRAME.HEADERS && streamId === 3);
    expect(client.frames.some(({ type }) => type === FRAME.DATA)).toBe(false);
    client.send(frame(FRAME.WINDOW_UPDATE, 0, 1, number(1)));
    const first = await client.next(({ type }) => type === FRAME.DATA);
    expect(first).toMatchObject({ streamId: 1, payload: Buffer.from('o') });
    client.send(setting(SETTING.INITIAL_WINDOW_SIZE, 10));
    expect(await client.outcome(1)).toBe('ended');
    expect(await client.outcome(3)).toBe('ended');
  });

  it('gives up a caller that never opens its window', async () => {
    await sidecar.close();
    sidecar = await sidecarBefore(application.port, { limits: { responseTimeoutMs: 300 } });
    client = new RawClient(sidecar.inboundPort ?? 0);
    client.send(OPENING, setting(SETTING.INITIAL_WINDOW_SIZE, 0), headers(1, GET));
    expect(await client.outcome(1)).not.toBe('ended');
    expect(limits()['responseTimeoutMs']).toBe(1);
    expect(classOf(sidecar).inFlight).toBe(0);
  });

  it('keeps no more of a large response than the windows hold, while others are served', async () => {
    client.send(OPENING, headers(1, path('/large')));
    await until(() => classOf(sidecar).responseBytes >= H2_LIMITS.streamWindowBytes);
    client.send(headers(3, path('/silent'), false), headers(5, GET));
    await client.next(({ type, streamId }) => type === FRAME.HEADERS && streamId === 5);
    expect(classOf(sidecar).responseBytes).toBeLessThan(65_535 + 2 * H2_LIMITS.streamWindowBytes);
  });

  it('ends a connection that asks and does not read', async () => {
    client.socket.pause();
    client.send(OPENING);
    const piece = Buffer.concat([
      headers(1, path('/large')),
      frame(FRAME.WINDOW_UPDATE, 0, 0, number(0x7000_0000)),
    ]);
    client.send(setting(SETTING.INITIAL_WINDOW_SIZE, 0x7000_0000), piece);
    await until(() => classOf(sidecar).responseBytes > 1_000_000 || client.closed);
    const held = classOf(sidecar).responseBytes;
    expect(held).toBeLessThan(10_000_000);
    client.send(many(FLOOD, () => PING));
    await until(() => limits()['http2IdleFrames'] === 1 || limits()['http2UnsentControlBytes'] === 1);
    await until(() => classOf(sidecar).inFlight === 0);
  });
});
