import type net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { FLAG, FRAME, H2_ERROR, PREFACE } from '../../../../src/sidecar/http2/protocol/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { rawApplication, sidecarBefore, type TestServer, until } from '../harness.ts';
import { sideOf } from './harness.ts';
import { frame, GET, headers, number, OPENING, RawClient, SETTINGS } from './raw-client.ts';

const CANCELLED = 40;
/** Frames of a response that are under way when its stream is reset. */
const LATE = 30;

let application: TestServer | undefined;
let sidecar: Sidecar | undefined;
let client: RawClient | undefined;

afterEach(async () => {
  client?.socket.destroy();
  await application?.close();
  await sidecar?.close();
});

/** Hands over type and stream of each frame behind the preface. */
function reading(each: (type: number, streamId: number) => void): (chunk: Buffer) => void {
  let left = Buffer.alloc(0);
  let skip = PREFACE.length;
  return (chunk) => {
    left = Buffer.concat([left, chunk.subarray(Math.min(skip, chunk.length))]);
    skip = Math.max(0, skip - chunk.length);
    while (left.length >= 9 && left.length >= 9 + left.readUIntBE(0, 3)) {
      each(left[3] ?? 0, left.readUInt32BE(5) & 0x7fff_ffff);
      left = left.subarray(9 + left.readUIntBE(0, 3));
    }
  };
}

it('takes no other request with it when many responses are cancelled of which much is under way', async () => {
  let endpoint: net.Socket | undefined;
  application = await rawApplication((socket) => {
    endpoint = socket;
    socket.write(SETTINGS);
    const piece = (id: number, bytes: number) => frame(FRAME.DATA, 0, id, Buffer.alloc(bytes));
    socket.on(
      'data',
      reading((type, id) => {
        if (id <= 1) return;
        if (type === FRAME.HEADERS) {
          socket.write(Buffer.concat([headers(id, [[':status', '200']], false), piece(id, 1)]));
        }
        if (type === FRAME.RST_STREAM) {
          socket.write(Buffer.concat(Array.from({ length: LATE }, () => piece(id, 100))));
        }
      }),
    );
  });
  sidecar = await sidecarBefore(application.port);
  const peer = new RawClient(sidecar.inboundPort ?? 0);
  client = peer;
  peer.send(OPENING, headers(1, GET));
  for (let index = 1; index <= CANCELLED; index += 1) {
    const id = 2 * index + 1;
    peer.send(headers(id, GET));
    await peer.next(({ type, streamId }) => type === FRAME.DATA && streamId === id);
    peer.send(frame(FRAME.RST_STREAM, 0, id, number(H2_ERROR.CANCEL)));
  }
  await until(() => endpoint !== undefined);
  endpoint?.write(headers(1, [[':status', '200']], true));
  expect(await peer.outcome(1)).toBe('ended');
  expect(
    peer.frames.some(
      ({ type, streamId, flags }) =>
        type === FRAME.HEADERS && streamId === 1 && (flags & FLAG.END_STREAM) !== 0,
    ),
  ).toBe(true);
  expect((sideOf(sidecar)['limits'] as Record<string, number>)['http2IdleFrames']).toBe(0);
});
