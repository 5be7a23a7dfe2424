import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveLimits } from '../../../src/config/index.ts';
import { type Random, seededRandom } from '../../../src/core/index.ts';
import type { Side, Stage } from '../../../src/sidecar/exchange.ts';
import { AnswerBytes, BodyReader, RequestHead } from '../../../src/sidecar/http1/index.ts';
import { Http1Exchange } from '../../../src/sidecar/http1-exchange/http1-exchange.ts';
import { http1Protocol } from '../../../src/sidecar/http1-exchange/index.ts';
import { TimerWheel, Wire } from '../../../src/sidecar/io/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { UpstreamConnection } from '../../../src/sidecar/pools/index.ts';
import { SideCounters } from '../../../src/sidecar/statistics/index.ts';
import { hostileStream } from '../../support/http1-corpus.ts';
import { POLICY } from '../propagation/fixtures.ts';
import { arrive, FakeSocket } from './fake-socket.ts';
import { HeldClock } from './held-clock.ts';

/** `PRIOMESH_HTTP1_FUZZ_ROUNDS=1000000` takes some minutes. */
const ROUNDS = Number(process.env['PRIOMESH_HTTP1_FUZZ_ROUNDS'] ?? 4000);
const SEED = Number(process.env['PRIOMESH_HTTP1_FUZZ_SEED'] ?? fc.sample(fc.integer(), 1)[0]);
/** So many inputs are made at a time. */
const BATCH = 500;

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
const nobody = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };
const pool = { spoiled: () => undefined, closed: () => undefined, timedOut: () => undefined };

/** A socket that takes what it is given at once, as the kernel does: the memory may be used again. */
class TakingSocket extends FakeSocket {
  override write(bytes: Buffer, done?: () => void): boolean {
    return super.write(Buffer.from(bytes), done);
  }
}

/** What one connection did. */
interface Outcome {
  readonly forwarded: string;
  readonly answered: string;
}

/** One connection from a hostile caller, with an upstream that answers each whole request. */
class Connection {
  readonly socket = new TakingSocket();
  readonly wire = new Wire(nobody);
  readonly upstreamSocket = new TakingSocket();
  entered = 0;
  left = 0;
  largestBytes = 0;
  readonly #wheel = new TimerWheel(new HeldClock());
  readonly #upstream = new UpstreamConnection(pool);
  readonly #upstreamWire = new Wire(this.#upstream);
  #current: Http1Exchange | undefined;

  constructor() {
    this.wire.attach(this.socket.asSocket());
    this.#upstreamWire.attach(this.upstreamSocket.asSocket());
    this.#upstream.attach(this.#upstreamWire);
    const take: Stage = {
      name: 'take',
      enter: (exchange) => {
        this.entered += 1;
        exchange.classIndex = 0;
        if (exchange instanceof Http1Exchange) {
          exchange.connection = this.#upstream;
          this.#current = exchange;
        }
        return 'next';
      },
      leave: () => {
        this.left += 1;
        this.#current = undefined;
      },
    };
    const send: Stage = {
      name: 'send',
      enter: (exchange) => {
        exchange.forward();
        return 'wait';
      },
    };
    const side: Side = {
      name: 'inbound',
      stages: [take, send],
      retryStage: 0,
      protocols: [http1Protocol],
      hostLine: Buffer.from('host: a\r\n'),
      limits: { ...resolveLimits({}), fields: FIXED_LIMITS.fields },
      clock: new HeldClock(),
      wheel: this.#wheel,
      answers: new AnswerBytes(['interactive']),
      counters: new SideCounters(POLICY),
    };
    const caller = http1Protocol.serve({
      stream: this.wire,
      live: { current: side },
      address: '127.0.0.1',
      profiles: undefined,
      accept: () => undefined,
      gone: () => undefined,
    });
    this.wire.owner = caller;
    caller.start();
  }

  /** Everything that comes, in pieces, and an answer for each request that is whole. */
  async take(pieces: readonly Buffer[]): Promise<Outcome> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length && !this.socket.destroyed; ) {
        const taken = arrive(this.wire, this.socket, piece.subarray(at));
        at += taken;
        this.largestBytes = Math.max(this.largestBytes, this.wire.input.bytes.length);
        const answered = this.#answer();
        await new Promise((resolve) => process.nextTick(resolve));
        if (taken === 0 && !answered) break;
      }
    }
    while (this.#answer()) await new Promise((resolve) => process.nextTick(resolve));
    const text = ({ written }: FakeSocket): string => Buffer.concat(written).toString('latin1');
    return { forwarded: text(this.upstreamSocket), answered: text(this.socket) };
  }

  #answer(): boolean {
    if (this.#current?.requestBody.done !== true || !this.#current.active) return false;
    arrive(this.#upstreamWire, this.upstreamSocket, ANSWER);
    return true;
  }

  close(): void {
    this.socket.emit('close');
    this.#wheel.close();
  }
}

function cut(bytes: Buffer, random: Random): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random.below(random.below(4) === 0 ? 3 : 200);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** Whether a text begins with a whole request. */
function isWhole(text: string): boolean {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead(FIXED_LIMITS.fields);
  const bodyStart = head.parse(bytes, 0, bytes.length);
  if (bodyStart <= 0) return false;
  const body = new BodyReader(FIXED_LIMITS);
  body.begin(head.framing);
  return body.consume(bytes, bodyStart, bytes.length) >= 0 && body.done;
}

async function outcomeOf(pieces: readonly Buffer[]): Promise<Outcome> {
  const connection = new Connection();
  const outcome = await connection.take(pieces);
  connection.close();
  expect(connection.left).toBe(connection.entered);
  expect(connection.largestBytes).toBeLessThan(200_000);
  return outcome;
}

describe(`hostile callers of HTTP/1.1 (PRIOMESH_HTTP1_FUZZ_SEED=${SEED})`, () => {
  it(
    'do the same in one piece as in many, and leave nothing behind',
    async () => {
      const random = seededRandom(SEED >>> 0);
      let forwarded = 0;
      for (let round = 0; round < ROUNDS; round += BATCH) {
        for (const text of fc.sample(hostileStream, { numRuns: BATCH, seed: SEED + round })) {
          const bytes = Buffer.from(text, 'latin1');
          const whole = await outcomeOf([bytes]);
          const inPieces = await outcomeOf(cut(bytes, random));
          const what = JSON.stringify(text);
          expect(inPieces.answered, what).toBe(whole.answered);
          // Of a body that is refused in the end, the beginning may have been sent on before.
          expect(inPieces.forwarded.startsWith(whole.forwarded), what).toBe(true);
          expect(isWhole(inPieces.forwarded.slice(whole.forwarded.length)), what).toBe(false);
          if (whole.forwarded !== '') forwarded += 1;
        }
      }
      // Else nothing was tried.
      expect(forwarded).toBeGreaterThan(ROUNDS / 20);
    },
    10_000 + ROUNDS * 10,
  );
});
