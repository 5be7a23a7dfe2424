import fc from 'fast-check';
import type { FieldTable, FieldValue, MethodName } from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { METHODS } from '../../../../../src/sidecar/amqp/protocol/method-table.ts';
import { readText } from '../../../../../src/sidecar/amqp/protocol/text.ts';

const exact = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

const bytesAsText = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => readText(Buffer.from(bytes), 0, bytes.length));

/** Texts of at most 255 bytes: names, Unicode, and bytes that are not UTF-8. */
export const shortText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => Buffer.byteLength(text) <= 255),
  bytesAsText(40),
);

const longText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  bytesAsText(300),
);

const signed64 = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(exact),
);
const unsigned64 = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(exact));
const integer = (bits: number, signed: boolean): fc.Arbitrary<number> =>
  signed
    ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
    : fc.integer({ min: 0, max: 2 ** bits - 1 });

const of = <T extends FieldValue['type'], V>(type: T, value: fc.Arbitrary<V>) =>
  value.map((drawn) => ({ type, value: drawn }) as unknown as FieldValue);

const flat: fc.Arbitrary<FieldValue> = fc.oneof(
  of('t', fc.boolean()),
  of('b', integer(8, true)),
  of('B', integer(8, false)),
  of('s', integer(16, true)),
  of('u', integer(16, false)),
  of('I', integer(32, true)),
  of('i', integer(32, false)),
  of('l', signed64),
  of('L', signed64),
  of('f', fc.float({ noNaN: true, noDefaultInfinity: true })),
  of('d', fc.double({ noNaN: true, noDefaultInfinity: true })),
  of('D', fc.record({ scale: integer(8, false), digits: integer(32, false) })),
  of('S', longText),
  of(
    'x',
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  ),
  of('T', unsigned64),
  of('V', fc.constant(null)),
);

/** Field tables of all types of values, nested, with names that may stand twice. */
export const fieldTable: fc.Arbitrary<FieldTable> = fc.letrec<{
  table: FieldTable;
  value: FieldValue;
  nested: FieldValue;
}>((tie) => ({
  table: fc.array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b'), shortText), tie('value')), { maxLength: 6 }),
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, flat, tie('nested')),
  nested: fc.oneof(of('A', fc.array(tie('value'), { maxLength: 4 })), of('F', tie('table'))),
})).table;

const DOMAINS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bit: fc.boolean(),
  octet: integer(8, false),
  short: integer(16, false),
  long: integer(32, false),
  longlong: unsigned64,
  shortstr: shortText,
  longstr: longText,
  table: fieldTable,
};

export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

/** Arguments of every type for a method. */
export function argumentsOf(name: MethodName): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(METHODS[name].args).map(
    ([argument, domain]) => [argument, DOMAINS[domain] ?? fc.constant(undefined)] as const,
  );
  return fc.record(Object.fromEntries(entries));
}

/** A method with arguments. */
export const anyMethod: fc.Arbitrary<{ name: MethodName; args: Record<string, unknown> }> = fc
  .constantFrom(...METHOD_NAMES)
  .chain((name) => argumentsOf(name).map((args) => ({ name, args })));

/** Properties of a message, each there or not, by the names that amqplib and this code share. */
export const properties = fc.record(
  {
    contentType: shortText,
    contentEncoding: shortText,
    headers: fieldTable,
    deliveryMode: integer(8, false),
    priority: integer(8, false),
    correlationId: shortText,
    replyTo: shortText,
    expiration: shortText,
    messageId: shortText,
    timestamp: fc.maxSafeNat(),
    type: shortText,
    userId: shortText,
    appId: shortText,
    clusterId: shortText,
  },
  { requiredKeys: [] },
);

/** What `properties` draws. */
export type DrawnProperties = typeof properties extends fc.Arbitrary<infer P> ? P : never;

/** Bytes with a few of them changed, left out or added. */
export function damaged(bytes: Buffer): fc.Arbitrary<Buffer> {
  const place = fc.nat({ max: Math.max(0, bytes.length - 1) });
  const one = fc.oneof(
    fc.tuple(fc.constant('set' as const), place, integer(8, false)),
    fc.tuple(fc.constant('cut' as const), place, fc.integer({ min: 1, max: 8 })),
    fc.tuple(fc.constant('add' as const), place, integer(8, false)),
  );
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((changes) => {
    let changed = [...bytes];
    for (const [kind, at, value] of changes) {
      if (kind === 'set' && at < changed.length) changed[at] = value;
      else if (kind === 'cut') changed = [...changed.slice(0, at), ...changed.slice(at + value)];
      else if (kind === 'add') changed.splice(at, 0, value);
    }
    return Buffer.from(changed);
  });
}
