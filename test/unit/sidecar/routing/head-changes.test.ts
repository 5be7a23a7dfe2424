import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { resolveLimits } from '../../../../src/config/index.ts';
import type {
  AttemptControl,
  HeadChanges,
  HeadFields,
  Side,
  Stage,
} from '../../../../src/sidecar/exchange.ts';
import { AnswerBytes } from '../../../../src/sidecar/http1/index.ts';
import { CallerConnection } from '../../../../src/sidecar/http1-exchange/caller-connection.ts';
import { Http1Exchange } from '../../../../src/sidecar/http1-exchange/http1-exchange.ts';
import { http1Protocol } from '../../../../src/sidecar/http1-exchange/index.ts';
import { TimerWheel, Wire } from '../../../../src/sidecar/io/index.ts';
import { FIXED_LIMITS } from '../../../../src/sidecar/limits.ts';
import { UpstreamConnection } from '../../../../src/sidecar/pools/index.ts';
import { forward } from '../../../../src/sidecar/stages/index.ts';
import { SideCounters } from '../../../../src/sidecar/statistics/index.ts';
import { POLICY } from '../../propagation/fixtures.ts';
import { arrive, FakeSocket } from '../fake-socket.ts';
import { HeldClock } from '../held-clock.ts';

const wheels: TimerWheel[] = [];

afterEach(() => {
  for (const wheel of wheels.splice(0)) wheel.close();
});

/** Where no bytes are in between: nothing of the connection is taken away or given back. */
const unused = { spoiled: () => undefined, closed: () => undefined, timedOut: () => undefined };

/** What the kernel has taken may be written over; what it has not may not. */
class CopyingSocket extends FakeSocket {
  override write(bytes: Buffer, done?: () => void): boolean {
    return super.write(this.taking ? Buffer.from(bytes) : bytes, done);
  }
}

interface Sent {
  readonly changes: HeadChanges;
  readonly inserted: string;
  /** For each attempt, what is written as it goes out. */
  readonly attempts: readonly HeadFields[];
  /** Whether the kernel takes what is written at once. */
  readonly taking: boolean;
}

/** What an upstream gets of each attempt at a request. */
function attempts(request: string, { changes, inserted, attempts: fields, taking }: Sent): string[] {
  const clock = new HeldClock();
  const wheel = new TimerWheel(clock);
  wheels.push(wheel);
  const socket = new CopyingSocket();
  socket.taking = taking;
  const upstream = new UpstreamConnection(unused);
  const upstreamWire = new Wire(upstream);
  upstreamWire.attach(socket.asSocket());
  upstream.attach(upstreamWire);
  let exchange: Http1Exchange | undefined;
  let sent = 0;
  const keep: AttemptControl = { takes: () => true, recovers: () => false };
  const rewrite: Stage = {
    name: 'rewrite',
    enter(one) {
      one.classIndex = 0;
      one.attempts = keep;
      one.changes = changes;
      one.rewriteHead({ drop: 0, bytes: Buffer.from(inserted), length: inserted.length }, changes);
      return 'next';
    },
  };
  const take: Stage = {
    name: 'take',
    enter(one) {
      if (one instanceof Http1Exchange) {
        exchange = one;
        one.connection = upstream;
      }
      one.sentFields = fields[sent] ?? [];
      sent += 1;
      return 'next';
    },
  };
  const side: Side = {
    name: 'outbound',
    stages: [rewrite, take, forward()],
    retryStage: 1,
    protocols: [http1Protocol],
    hostLine: Buffer.from('host: own\r\n'),
    limits: { ...resolveLimits(), fields: FIXED_LIMITS.fields },
    clock,
    wheel,
    answers: new AnswerBytes(['interactive']),
    counters: new SideCounters(POLICY),
  };
  const callerSocket = new FakeSocket();
  const wire = new Wire({ onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined });
  wire.attach(callerSocket.asSocket());
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
  arrive(wire, callerSocket, Buffer.from(request, 'latin1'));
  while (sent < fields.length) {
    exchange?.retreat();
    exchange?.proceed();
  }
  return socket.written.filter(({ length }) => length > 0).map((bytes) => bytes.toString('latin1'));
}

interface Message {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: string;
}

function read(text: string): Message {
  const end = text.indexOf('\r\n\r\n');
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  return { line, fields: fields.toSorted(), body: text.slice(end + 4) };
}

const name = fc.constantFrom('x-a', 'x-b', 'x-long-name', 'accept', 'user-agent');
const value = fc.stringMatching(/^[a-z0-9]{0,40}$/);
const pairs = (maxLength: number) => fc.array(fc.tuple(name, value), { maxLength });
const target = fc.stringMatching(/^\/[a-z0-9/?=]{0,60}$/);

describe('the head that is forwarded', () => {
  it('is what came with what the route changes, at each attempt with its own fields', () => {
    fc.assert(
      fc.property(
        fc.record({
          came: target,
          absolute: fc.boolean(),
          fields: pairs(6),
          target: fc.option(target, { nil: undefined }),
          authority: fc.option(fc.constantFrom('b', 'a-much-longer.host.example'), { nil: undefined }),
          remove: fc.array(name, { maxLength: 3 }),
          add: pairs(3),
          inserted: fc.constantFrom('', 'own: 1\r\n'),
          attempts: fc.array(pairs(2), { minLength: 1, maxLength: 4 }),
          body: fc.stringMatching(/^[a-z]{0,200}$/),
          taking: fc.boolean(),
        }),
        (given) => {
          const { came, absolute, fields, remove, add, inserted, body, taking } = given;
          const lines = fields.map(
            ([field, text], index) => `${index % 2 ? field : field.toUpperCase()}: ${text}`,
          );
          const request = [
            `POST ${absolute ? 'http://shop' : ''}${came} HTTP/1.1`,
            'Host: shop',
            ...lines,
            `Content-Length: ${body.length}`,
            '',
            body,
          ].join('\r\n');
          const changes: HeadChanges = {
            ...(given.target === undefined ? {} : { target: given.target }),
            ...(given.authority === undefined ? {} : { authority: given.authority }),
            remove,
            add,
          };
          const sent = attempts(request, { changes, inserted, attempts: given.attempts, taking });
          const kept = lines.filter((_, index) => !remove.includes(fields[index]?.[0] as 'x-a'));
          expect(sent).toHaveLength(given.attempts.length);
          for (const [index, text] of sent.entries()) {
            expect(read(text)).toEqual({
              line: `POST ${given.target ?? came} HTTP/1.1`,
              fields: [
                given.authority === undefined ? 'Host: shop' : `host: ${given.authority}`,
                ...kept,
                `Content-Length: ${body.length}`,
                ...(inserted === '' ? [] : ['own: 1']),
                ...add.map(([field, one]) => `${field}: ${one}`),
                ...(given.attempts[index] ?? []).map(([field, one]) => `${field}: ${one}`),
              ].toSorted(),
              body,
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
