import type net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { FLAG, FRAME, H2_ERROR, SETTING } from '../../../../src/sidecar/http2/protocol/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { rawApplication, sidecarBefore, type TestServer, until } from '../harness.ts';
import { classOf } from './harness.ts';
import { frame, GET, headers, number, OPENING, POST, RawClient, SETTINGS, setting } from './raw-client.ts';

let application: TestServer;
let sidecar: Sidecar;
let client: RawClient;

afterEach(async () => {
  client.socket.destroy();
  await application.close();
  await sidecar.close();
});

/** An endpoint that says `answers[n]` to the n-th connection once a head has come on it. */
async function endpoint(...answers: readonly (readonly Buffer[])[]): Promise<void> {
  let connections = 0;
  application = await rawApplication((socket: net.Socket) => {
    const answer = answers[Math.min(connections, answers.length - 1)] ?? [];
    connections += 1;
    socket.once('data', () => socket.write(Buffer.concat(answer)));
  });
  sidecar = await sidecarBefore(application.port);
  client = new RawClient(sidecar.inboundPort ?? 0);
}

const OK = headers(1, [[':status', '200']]);
const OPEN = headers(1, [[':status', '200']], false);

/** The value of a field that was sent as a literal somewhere. */
function said(text: string): boolean {
  return client.frames.some(
    ({ type, payload }) => (type === FRAME.HEADERS || type === FRAME.DATA) && payload.includes(text),
  );
}

it.each([
  ['no status', [headers(1, [['server', 'x']])]],
  ['a body in front of the head', [frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.of(1))]],
  [
    'a content-length without a body',
    [
      headers(1, [
        [':status', '200'],
        ['content-length', '3'],
      ]),
    ],
  ],
  [
    'an upper-case field',
    [
      headers(1, [
        [':status', '200'],
        ['Server', 'x'],
      ]),
    ],
  ],
  [
    'interim responses without end',
    Array.from({ length: 20 }, () => headers(1, [[':status', '103']], false)),
  ],
])('answers 502 to a caller whose endpoint says %s', async (_, pieces) => {
  await endpoint([SETTINGS, ...pieces]);
  client.send(OPENING, headers(1, GET));
  expect(await client.outcome(1)).toBe('ended');
  expect(said('UPSTREAM_MALFORMED')).toBe(true);
});

it.each([
  ['a push', [frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, number(2))]],
  [
    'more than the window',
    [OPEN, ...Array.from({ length: 70 }, () => frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384)))],
  ],
  [
    'a body longer than its content-length',
    [
      headers(
        1,
        [
          [':status', '200'],
          ['content-length', '3'],
        ],
        false,
      ),
      frame(FRAME.DATA, 0, 1, Buffer.alloc(4)),
    ],
  ],
  ['trailers with a pseudo-field', [OPEN, headers(1, [[':status', '200']])]],
])('resets the stream of a caller whose endpoint says %s', async (_, pieces) => {
  await endpoint([SETTINGS, OPEN, ...pieces]);
  client.send(OPENING, setting(SETTING.INITIAL_WINDOW_SIZE, 0), headers(1, GET));
  expect(await client.outcome(1)).not.toBe(H2_ERROR.NO_ERROR);
  await until(() => classOf(sidecar).inFlight === 0);
});

it('sends a request again, whatever its method, that GOAWAY says was not looked at', async () => {
  const goaway = frame(FRAME.GOAWAY, 0, 0, Buffer.concat([number(0), number(0)]));
  await endpoint([SETTINGS, goaway], [SETTINGS, OK]);
  client.send(OPENING, headers(1, POST, false), frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('body')));
  expect(await client.outcome(1)).toBe('ended');
  expect(classOf(sidecar).retries).toBe(1);
  expect(classOf(sidecar).completed).toBe(1);
});

it('does not send a request again that may have been looked at', async () => {
  const goaway = frame(FRAME.GOAWAY, 0, 0, Buffer.concat([number(1), number(0)]));
  await endpoint([SETTINGS, goaway, frame(FRAME.RST_STREAM, 0, 1, number(2))], [SETTINGS, OK]);
  client.send(OPENING, headers(1, POST));
  expect(await client.outcome(1)).toBe('ended');
  expect(said('UPSTREAM_RESET')).toBe(true);
  expect(classOf(sidecar).retries).toBe(0);
});

it('takes a response that is whole although the rest of the request is not wanted', async () => {
  await endpoint([SETTINGS, OK, frame(FRAME.RST_STREAM, 0, 1, number(0))]);
  client.send(OPENING, headers(1, POST, false));
  expect(await client.outcome(1)).toBe('ended');
  expect(classOf(sidecar).completed).toBe(1);
  expect(classOf(sidecar).upstreamBroken).toBe(0);
});

it('lets what is important leave first where both wait', async () => {
  const batch = [...GET.slice(0, 2), [':path', '/batch/x'], ...GET.slice(3)] as typeof GET;
  const body = Buffer.alloc(16_384);
  let heads = 0;
  application = await rawApplication((socket) => {
    let next = 1;
    socket.write(SETTINGS);
    socket.on('data', (chunk: Buffer) => {
      for (
        let at = chunk.indexOf('PRI') >= 0 ? 24 : 0;
        at + 9 <= chunk.length;
        at += 9 + chunk.readUIntBE(at, 3)
      ) {
        if (chunk[at + 3] !== FRAME.HEADERS) continue;
        heads += 1;
        socket.write(
          Buffer.concat([
            headers(next, [[':status', '200']], false),
            frame(FRAME.DATA, FLAG.END_STREAM, next, body),
          ]),
        );
        next += 2;
      }
    });
  });
  sidecar = await sidecarBefore(application.port);
  client = new RawClient(sidecar.inboundPort ?? 0);
  const window = (bytes: number): Buffer => frame(FRAME.WINDOW_UPDATE, 0, 0, number(bytes));
  // The connection's window is used up by the first four; then two of each class wait for it to open.
  client.send(OPENING, ...[1, 3, 5, 7].map((id) => headers(id, GET)));
  for (const id of [1, 3, 5]) await client.outcome(id);
  client.send(headers(9, batch), headers(11, batch), headers(13, GET), headers(15, GET));
  await until(
    () =>
      heads === 8 &&
      classOf(sidecar).responseBytes + classOf(sidecar, 'batch').responseBytes === 8 * body.length,
  );
  client.send(window(65_536));
  for (const id of [13, 15]) await client.outcome(id);
  const order = client.frames
    .filter(({ type, streamId }) => type === FRAME.DATA && streamId > 7)
    .map(({ streamId }) => streamId);
  expect(order.slice(0, 2)).toEqual([13, 15]);
});
