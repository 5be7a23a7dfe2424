import { createRequire } from 'node:module';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../../src/sidecar/amqp/protocol/byte-reader.ts';
import { readTable } from '../../../../../src/sidecar/amqp/protocol/field-table.ts';
import {
  AmqpFault,
  ContentHeader,
  type FieldTable,
  LIMITS,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { readText } from '../../../../../src/sidecar/amqp/protocol/text.ts';
import { damaged, properties, shortText } from './arbitraries.ts';
import { contentBytes } from './content-bytes.ts';

const require = createRequire(import.meta.url);
const library = path.dirname(require.resolve('amqplib'));
const { encodeProperties } = require(path.join(library, 'lib/defs.js')) as {
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer;
};

const read = (payload: Buffer, end = payload.length): ContentHeader => ContentHeader.read(payload, 0, end);

function faultOf(payload: Buffer, end = payload.length): AmqpFault | undefined {
  try {
    read(payload, end);
    return undefined;
  } catch (error) {
    if (error instanceof AmqpFault) return error;
    throw error;
  }
}

/** What `header(name)` should give for a value of the table. */
function simple(table: FieldTable | undefined, name: string): string | number | undefined {
  const field = table?.find(([other]) => other === name)?.[1];
  if (field === undefined) return undefined;
  if (field.type === 'S') return field.value;
  if (field.type === 'x') return readText(Buffer.from(field.value), 0, field.value.length);
  return ['b', 'B', 's', 'u', 'I', 'i', 'l', 'L'].includes(field.type) ? Number(field.value) : undefined;
}

const TEXTS = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'type',
  'userId',
  'appId',
] as const;

describe('a content header', () => {
  it('gives every property that was written, wherever its frame stands', () => {
    fc.assert(
      fc.property(properties, fc.maxSafeNat(), fc.nat({ max: 9 }), (drawn, bodySize, before) => {
        const payload = contentBytes(drawn, bodySize);
        const bytes = Buffer.concat([Buffer.alloc(before, 0xff), payload, Buffer.alloc(9, 0xff)]);
        const header = ContentHeader.read(bytes, before, before + payload.length);
        expect(header.bodySize).toBe(bodySize);
        expect(header.classId).toBe(60);
        for (const name of TEXTS) expect(header[name], name).toBe(drawn[name]);
        for (const name of ['deliveryMode', 'priority', 'timestamp'] as const) {
          expect(header[name], name).toBe(drawn[name]);
        }
        for (const name of [
          ...TEXTS,
          'headers',
          'deliveryMode',
          'priority',
          'timestamp',
          'clusterId',
        ] as const) {
          expect(header.has(name), name).toBe(drawn[name] !== undefined);
        }
        for (const [name] of drawn.headers ?? []) {
          expect(header.header(name), name).toBe(simple(drawn.headers, name));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('knows no message header that is not there, nor one that only begins or continues like it', () => {
    const table: FieldTable = [
      ['traceparent', { type: 'S', value: 'x' }],
      ['é', { type: 'x', value: Buffer.from('bytes') }],
    ];
    const header = read(contentBytes({ headers: table }));
    for (const name of ['', 'trace', 'traceparentx', 'Traceparent', 'x', 'e', 'è', '\u00c3']) {
      expect(header.header(name), name).toBeUndefined();
    }
    expect([header.header('traceparent'), header.header('é')]).toEqual(['x', 'bytes']);
    expect(read(contentBytes({})).header('traceparent')).toBeUndefined();
  });

  it('has the properties of one that amqplib wrote', () => {
    const word = fc.string({ maxLength: 30 });
    const drawn = fc.record(
      {
        contentType: word,
        contentEncoding: word,
        headers: fc.dictionary(
          shortText.filter((name) => name.isWellFormed() && name !== '__proto__'),
          fc.oneof(word, fc.integer()),
          {
            maxKeys: 5,
          },
        ),
        deliveryMode: fc.constantFrom(1, 2),
        priority: fc.integer({ min: 0, max: 255 }),
        correlationId: word,
        replyTo: word,
        expiration: word,
        messageId: word,
        timestamp: fc.maxSafeNat(),
        type: word,
        userId: word,
        appId: word,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(drawn, fc.nat(), (fields, size) => {
        const frame = Buffer.from(encodeProperties(60, 1, size, { ...fields, headers: fields.headers }));
        const header = ContentHeader.read(frame, 7, frame.length - 1);
        expect(header.bodySize).toBe(size);
        for (const name of [...TEXTS, 'deliveryMode', 'priority', 'timestamp'] as const) {
          expect(header[name], name).toBe(fields[name]);
        }
        for (const [name, value] of Object.entries(fields.headers ?? {}))
          expect(header.header(name)).toBe(value);
      }),
    );
  });

  it('is refused when cut at any byte, and when bytes follow', () => {
    fc.assert(
      fc.property(properties, (drawn) => {
        const payload = contentBytes(drawn);
        for (let end = 0; end < payload.length; end += 1) {
          expect(faultOf(payload, end)?.kind, `cut at ${end}`).toBe('syntax');
        }
        expect(faultOf(Buffer.concat([payload, Buffer.of(0)]))?.kind).toBe('syntax');
      }),
      { numRuns: 50 },
    );
  });

  it('accepts a table exactly if it can be read as one, whatever its bytes', () => {
    fc.assert(
      fc.property(
        properties
          .map((drawn) => contentBytes({ headers: drawn.headers ?? [] }))
          .chain((payload) => damaged(payload.subarray(18))),
        (entries) => {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(entries.length);
          const head = contentBytes({ headers: [] }).subarray(0, 14);
          const fault = faultOf(Buffer.concat([head, length, entries]));
          let readable = true;
          try {
            const bytes = Buffer.concat([length, entries]);
            readTable(new ByteReader(bytes, 0, bytes.length, 'table'));
          } catch (error) {
            if (!(error instanceof AmqpFault)) throw error;
            // Values are not looked at when a header only passes, and what follows this one was not read.
            if (error.message.includes('not finite')) return;
            readable = false;
          }
          expect(fault === undefined).toBe(readable);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('of damaged bytes is refused as such or gives its properties without an error', () => {
    fc.assert(
      fc.property(
        properties.chain((drawn) => damaged(contentBytes(drawn))),
        (payload) => {
          const fault = faultOf(payload);
          if (fault !== undefined) {
            expect(['syntax', 'unexpected-frame']).toContain(fault.kind);
            return;
          }
          const header = read(payload);
          for (const name of [...TEXTS, 'deliveryMode', 'priority', 'timestamp'] as const) {
            expect(header[name] !== undefined, name).toBe(header.has(name));
          }
          header.header('traceparent');
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('is refused for a class, weight, size or flag that no content has', () => {
    const payload = contentBytes({ priority: 1 });
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(payload);
      copy[at] = value;
      return copy;
    };
    expect(faultOf(changed(1, 50))).toMatchObject({ kind: 'unexpected-frame', replyCode: 505 });
    expect(faultOf(changed(3, 1))?.kind).toBe('unexpected-frame');
    expect(faultOf(changed(4, 0x20))?.kind).toBe('syntax');
    for (const flag of [1, 2]) expect(faultOf(changed(13, flag))?.kind).toBe('syntax');
  });

  it('may hold as many values and as deep tables as the limits say, and no more', () => {
    const nested = (depth: number): FieldTable =>
      depth === 1 ? [] : [['t', { type: 'F', value: nested(depth - 1) }]];
    const full = (count: number): FieldTable => [
      [
        'a',
        { type: 'A', value: Array.from({ length: count - 1 }, () => ({ type: 'V', value: null }) as const) },
      ],
    ];
    for (const [fits, exceeds] of [
      [nested(LIMITS.tableDepth), nested(LIMITS.tableDepth + 1)],
      [full(LIMITS.tableValues), full(LIMITS.tableValues + 1)],
    ] as const) {
      for (const [table, refused] of [
        [fits, false],
        [exceeds, true],
      ] as const) {
        const payload = contentBytes({ headers: table });
        expect(faultOf(payload) !== undefined).toBe(refused);
        const decode = () => readTable(new ByteReader(payload, 14, payload.length, 'table'));
        if (refused) expect(decode).toThrow(AmqpFault);
        else expect(decode()).toEqual(table);
      }
    }
  });
});
