import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../../src/core/index.ts';
import { FLAG, FRAME } from '../../../../src/sidecar/http2/protocol/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { sidecarBefore, type TestServer, until } from '../harness.ts';
import { classOf, http2Application } from './harness.ts';
import { frame, GET, headers, number, OPENING, POST, RawClient, setting } from './raw-client.ts';

const ROUNDS = Number(process.env['PRIOMESH_FUZZ_ROUNDS'] ?? 150);
const SEED = Number(process.env['PRIOMESH_FUZZ_SEED'] ?? 20_261_121);

let application: TestServer;
let sidecar: Sidecar;

beforeAll(async () => {
  application = await http2Application((stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  sidecar = await sidecarBefore(application.port);
});

afterAll(async () => {
  await application.close();
  await sidecar.close();
});

function noise(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(most) }, () => random.below(256)));
}

/** A frame that is good, nearly good, or anything. */
function anyFrame(random: Random, streamId: number): Buffer {
  const old = 1 + 2 * random.below((streamId + 1) / 2);
  switch (random.below(12)) {
    case 0:
    case 1:
      return headers(streamId, GET);
    case 2:
    case 3:
      return headers(streamId, POST, false);
    case 4:
      return frame(FRAME.DATA, random.below(2) * FLAG.END_STREAM, old, noise(random, 3000));
    case 5:
      return frame(FRAME.RST_STREAM, 0, old, number(8));
    case 6:
      return frame(FRAME.WINDOW_UPDATE, 0, random.below(2) * old, number(1 + random.below(100_000)));
    case 7:
      return setting(1 + random.below(7), random.below(70_000));
    case 8:
      return headers(
        streamId,
        [...POST, ['content-length', String(random.below(3000))]],
        false,
        1 + random.below(60),
      );
    case 9:
      return frame(
        FRAME.DATA,
        FLAG.PADDED | (random.below(2) * FLAG.END_STREAM),
        old,
        Buffer.concat([Buffer.of(3), noise(random, 50), Buffer.alloc(3)]),
      );
    case 10: {
      const changed = Buffer.from(headers(streamId, POST, random.below(2) === 0));
      changed[random.below(changed.length)] = random.below(256);
      return changed;
    }
    default:
      return random.next() < 0.8
        ? headers(streamId, GET)
        : frame(random.below(11), random.below(256), random.below(2) * old, noise(random, 40));
  }
}

it(`gives everything back and goes on, whatever frames come (seed ${SEED})`, {
  timeout: 60_000,
}, async () => {
  const root = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const random = root.child(String(round));
    const client = new RawClient(sidecar.inboundPort ?? 0);
    let streamId = 1;
    const pieces = [OPENING];
    for (let count = 2 + random.below(40); count > 0; count -= 1) {
      pieces.push(anyFrame(random, streamId));
      if (random.next() < 0.7) streamId += 2;
    }
    const bytes = Buffer.concat(pieces);
    // Cut anywhere, so that frames come in parts.
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(2000);
      client.send(bytes.subarray(at, end));
      at = end;
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A frame whose length was changed waits for more bytes for ever, so that the end has to come from here.
    client.socket.end();
    await client.gone();
  }
  await until(() => classOf(sidecar).inFlight === 0);
  const last = new RawClient(sidecar.inboundPort ?? 0);
  last.send(OPENING, headers(1, GET));
  expect(await last.outcome(1)).toBe('ended');
  last.socket.destroy();
  expect(classOf(sidecar).requests).toBeGreaterThan(ROUNDS);
});
