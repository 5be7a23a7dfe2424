import { afterEach, describe, expect, it } from 'vitest';
import { FRAME } from '../../../../src/sidecar/http2/protocol/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { sidecarBefore, type TestServer, until } from '../harness.ts';
import { classOf, http2Application, sideOf } from './harness.ts';
import { frame, headers, OPENING, POST, RawClient } from './raw-client.ts';

let sidecar: Sidecar | undefined;
let application: TestServer | undefined;
let client: RawClient | undefined;

afterEach(async () => {
  client?.socket.destroy();
  await application?.close();
  await sidecar?.close();
});

describe('the body of a request of HTTP/2', () => {
  it.each([
    ['that trickles in is answered before it is whole', 1, 1],
    ['that comes fast enough is waited for', 1000, 0],
  ])('%s', async (_, pieceBytes, refused) => {
    let received = 0;
    application = await http2Application((stream) => {
      stream.on('data', (bytes: Buffer) => {
        received += bytes.length;
      });
      stream.on('end', () => {
        if (stream.destroyed || stream.aborted) return;
        stream.respond({ ':status': 200 });
        stream.end();
      });
    });
    sidecar = await sidecarBefore(application.port, {
      limits: { bodyTimeoutMs: 1000, responseTimeoutMs: 60_000, minBodyRateBps: 4000 },
    });
    const peer = new RawClient(sidecar.inboundPort ?? 0);
    client = peer;
    peer.send(OPENING, headers(1, POST, false));
    let pieces = 0;
    const trickle = setInterval(() => {
      pieces += 1;
      peer.send(frame(FRAME.DATA, pieces === 40 ? 1 : 0, 1, Buffer.alloc(pieceBytes)));
      if (pieces === 40) clearInterval(trickle);
    }, 50);
    await peer.next(({ type, streamId }) => type === FRAME.HEADERS && streamId === 1);
    clearInterval(trickle);
    const limits = sideOf(sidecar)['limits'] as Record<string, number>;
    expect(limits['minBodyRateBps']).toBe(refused);
    expect(received < 40 * pieceBytes).toBe(refused === 1);
    await until(() => sidecar === undefined || classOf(sidecar).inFlight === 0);
  });
});
