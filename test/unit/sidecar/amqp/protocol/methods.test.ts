import { createRequire } from 'node:module';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AmqpFault,
  decodeMethod,
  encodeMethod,
  type FieldTable,
  FRAME,
  FrameScanner,
  isFromClient,
  isFromServer,
  METHOD,
  type MethodName,
  methodHasContent,
  methodIdAt,
  methodName,
  plainOf,
  replyOf,
  tableOf,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { anyMethod, argumentsOf, damaged, METHOD_NAMES } from './arbitraries.ts';

interface Defs {
  decode(id: number, bytes: Buffer): Record<string, unknown>;
  encodeMethod(id: number, channel: number, fields: object): Buffer;
  info(id: number): { id: number; name: string; args: { type: string; name: string }[] };
}

const require = createRequire(import.meta.url);
const library = path.dirname(require.resolve('amqplib'));
const defs = require(path.join(library, 'lib/defs.js')) as Defs;

const payloadOf = (frame: Buffer): Buffer => frame.subarray(7, -1);
const decoded = (payload: Buffer, end = payload.length) => decodeMethod(payload, 0, end);

/** The fault that reading a payload gives, or nothing. */
function faultOf(payload: Buffer, end = payload.length): AmqpFault | undefined {
  try {
    decoded(payload, end);
    return undefined;
  } catch (error) {
    if (error instanceof AmqpFault) return error;
    throw error;
  }
}

/** amqplib's spelling: BasicGetOk, nowait. */
const theirName = (name: string): string =>
  name
    .split(/[.-]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
const theirArgument = (name: string): string => (name === 'noWait' ? 'nowait' : name);

/** RabbitMQ's internal credit flow, which no client library has. */
const INTERNAL: readonly MethodName[] = ['basic.credit', 'basic.credit-ok', 'basic.credit-drained'];
const PUBLIC = METHOD_NAMES.filter((name) => !INTERNAL.includes(name));

describe('the method table', () => {
  it('has the classes and numbers of the specification', () => {
    expect(METHOD['connection.start']).toBe((10 << 16) | 10);
    expect(METHOD['exchange.unbind-ok']).toBe((40 << 16) | 51);
    expect(METHOD['basic.nack']).toBe((60 << 16) | 120);
    expect(METHOD['confirm.select']).toBe((85 << 16) | 10);
    expect(new Set(Object.values(METHOD)).size).toBe(METHOD_NAMES.length);
    for (const name of METHOD_NAMES) expect(methodName(METHOD[name])).toBe(name);
    expect(methodName(0)).toBeUndefined();
  });

  it("has the methods and arguments of amqplib's", () => {
    for (const name of PUBLIC) {
      const theirs = defs.info(METHOD[name]);
      expect(theirs.name).toBe(theirName(name));
      const ours = Object.keys(decoded(payloadOf(encodeMethod(0, name))).args);
      expect(theirs.args.map((argument) => argument.name)).toEqual(ours.map(theirArgument));
    }
  });

  it('says who sends what, what carries content and what answers', () => {
    const content = METHOD_NAMES.filter((name) => methodHasContent(METHOD[name]));
    expect(content).toEqual(['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok']);
    for (const name of METHOD_NAMES) {
      const id = METHOD[name];
      expect(isFromClient(id) || isFromServer(id), name).toBe(true);
      // The specification names every answer after what it answers, but for basic.get's second one.
      const answers = METHOD_NAMES.filter((other) => other === `${name}-ok`).map((other) => METHOD[other]);
      if (name === 'basic.get') answers.push(METHOD['basic.get-empty']);
      expect(replyOf(id), name).toEqual(answers);
      // An answer goes the other way.
      for (const answer of answers) {
        if (isFromClient(id)) expect(isFromServer(answer), name).toBe(true);
        if (isFromServer(id)) expect(isFromClient(answer), name).toBe(true);
      }
    }
    expect([isFromClient(METHOD['basic.deliver']), isFromServer(METHOD['basic.deliver'])]).toEqual([
      false,
      true,
    ]);
    expect([isFromClient(METHOD['basic.publish']), isFromServer(METHOD['basic.publish'])]).toEqual([
      true,
      false,
    ]);
    expect([isFromClient(METHOD['basic.ack']), isFromServer(METHOD['basic.ack'])]).toEqual([true, true]);
    expect([isFromClient(0), isFromServer(0), methodHasContent(0), replyOf(0).length]).toEqual([
      false,
      false,
      false,
      0,
    ]);
  });
});

describe('methods', () => {
  it('are read as the specification writes them', () => {
    const qos = Buffer.from('003c000a' + '00000000' + '0005' + '01', 'hex');
    expect(decoded(qos)).toEqual({
      id: METHOD['basic.qos'],
      name: 'basic.qos',
      args: { prefetchSize: 0, prefetchCount: 5, global: true },
    });
    // Five bits in one octet, the first in the lowest place.
    const declare = encodeMethod(2, 'queue.declare', { queue: 'q', passive: true, noWait: true });
    expect(payloadOf(declare).toString('hex')).toBe('0032000a' + '0000' + '0171' + '11' + '00000000');
  });

  it('come back as they were written, whole frames, bytes and all', () => {
    fc.assert(
      fc.property(anyMethod, fc.integer({ min: 0, max: 0xffff }), ({ name, args }, channel) => {
        const frame = encodeMethod(channel, name, args);
        const scanner = new FrameScanner();
        expect(scanner.scan(frame, 0, frame.length, 2 ** 31)).toBe('frame');
        expect([scanner.type, scanner.channel, scanner.frameEnd]).toEqual([
          FRAME.method,
          channel,
          frame.length,
        ]);
        const id = METHOD[name];
        expect(methodIdAt(frame, scanner.payloadStart, scanner.payloadEnd)).toBe(id);
        const method = decodeMethod(frame, scanner.payloadStart, scanner.payloadEnd);
        expect(method).toEqual({ id, name, args });
        expect(encodeMethod(channel, name, method.args).equals(frame)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are refused when cut at any byte, and when bytes follow', () => {
    for (const name of METHOD_NAMES) {
      fc.assert(
        fc.property(argumentsOf(name), (args) => {
          const payload = payloadOf(encodeMethod(1, name, args));
          for (let end = 0; end < payload.length; end += 1) {
            expect(faultOf(payload, end)?.kind, `${name} cut at ${end}`).toBe('syntax');
          }
          expect(faultOf(Buffer.concat([payload, Buffer.of(0)]))?.kind, name).toBe('syntax');
        }),
        { numRuns: 3 },
      );
    }
    expect(methodIdAt(Buffer.alloc(10), 0, 3)).toBe(-1);
  });

  it('that are damaged are refused as malformed, or are other methods that come back as they were read', () => {
    const drawn = anyMethod.chain(({ name, args }) => damaged(payloadOf(encodeMethod(1, name, args))));
    fc.assert(
      fc.property(drawn, (payload) => {
        const fault = faultOf(payload);
        if (fault !== undefined) {
          expect(['syntax', 'command']).toContain(fault.kind);
          return;
        }
        const { id, name, args } = decoded(payload);
        const again = payloadOf(encodeMethod(1, name, args));
        expect(again.length).toBe(payload.length);
        expect(decoded(again)).toEqual({ id, name, args });
      }),
      { numRuns: 2000 },
    );
  });

  it('with numbers that are not finite are refused, as by RabbitMQ', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const type of ['f', 'd'] as const) {
        const frame = encodeMethod(1, 'queue.declare', { arguments: [['x', { type, value }]] });
        expect(faultOf(payloadOf(frame))?.kind).toBe('syntax');
      }
    }
  });

  it('that do not exist are refused as such', () => {
    expect(faultOf(Buffer.from('003c0063', 'hex'))).toMatchObject({
      kind: 'command',
      replyCode: 503,
      replyText: 'COMMAND_INVALID - there is no method 60.99',
    });
  });

  it('that cannot be written are refused', () => {
    expect(() => encodeMethod(1, 'basic.cancel', { consumerTag: 'x'.repeat(256) })).toThrow(AmqpFault);
    expect(() => encodeMethod(1, 'basic.qos', { prefetchCount: 0x1_0000 })).toThrow(RangeError);
  });

  it('are the same for amqplib, which reads what is written here and writes what is read here', () => {
    const word = fc.string({ maxLength: 30 });
    const table = fc.dictionary(
      fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__' && name !== '!'),
      fc.oneof(
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.integer(),
        fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value || 0),
      ),
      { maxKeys: 5, noNullPrototype: true },
    );
    for (const name of PUBLIC) {
      const { args } = defs.info(METHOD[name]);
      const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
        bit: fc.boolean(),
        octet: fc.integer({ min: 0, max: 255 }),
        short: fc.integer({ min: 0, max: 0xffff }),
        long: fc.integer({ min: 0, max: 0xffff_ffff }),
        longlong: fc.maxSafeNat(),
        shortstr: word,
        longstr: word,
        table,
      };
      const fields = fc.record(
        Object.fromEntries(args.map((argument) => [argument.name, values[argument.type] ?? fc.constant(0)])),
      );
      fc.assert(
        fc.property(fields, (drawn) => {
          const theirs: Record<string, unknown> = { ...drawn };
          for (const { type, name: argument } of args) {
            if (type === 'longstr') theirs[argument] = Buffer.from(drawn[argument] as string);
            // It cannot send these, which 0-9-1 reserves.
            if (argument === 'ticket') theirs[argument] = 0;
          }
          const frame = Buffer.from(defs.encodeMethod(METHOD[name], 5, theirs));
          const read = decoded(payloadOf(frame));
          const ours = Object.entries<unknown>(read.args).map(([argument, value]) => {
            const plain = Array.isArray(value) ? { ...plainOf(value as FieldTable) } : value;
            return [theirArgument(argument), plain];
          });
          expect(read.name).toBe(name);
          const expected = { ...drawn };
          if ('ticket' in expected) expected['ticket'] = 0;
          expect(Object.fromEntries(ours)).toEqual(expected);
          const again = encodeMethod(5, name, read.args);
          expect(again.equals(frame), name).toBe(true);
        }),
        { numRuns: 20 },
      );
    }
  });
});

describe('plain tables', () => {
  it('are read as they were written', () => {
    const plain = {
      a: 1,
      b: 2 ** 40,
      c: 1.5,
      d: 'text',
      e: true,
      f: null,
      g: [1, ['x'], { h: 'i' }],
      j: -(2 ** 31),
    };
    const table = tableOf(plain);
    expect(table.map(([, field]) => field.type).join('')).toBe('IldStVAI');
    expect(plainOf(table)).toEqual({ ...plain, g: [1, ['x'], { h: 'i' }] });
  });

  it('take the first of two values of a name, as RabbitMQ does, and hold no inherited names', () => {
    const twice: FieldTable = [
      ['__proto__', { type: 'S', value: 'x' }],
      ['a', { type: 'I', value: 1 }],
      ['a', { type: 'I', value: 2 }],
      ['d', { type: 'D', value: { scale: 2, digits: 150 } }],
    ];
    expect(Object.entries(plainOf(twice))).toEqual([
      ['__proto__', 'x'],
      ['a', 1],
      ['d', 1.5],
    ]);
  });
});
