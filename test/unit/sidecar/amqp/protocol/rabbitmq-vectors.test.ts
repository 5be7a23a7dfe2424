import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  AmqpFault,
  ContentHeader,
  decodeMethod,
  encodeMethod,
  methodIdAt,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { type Form, headerForm, methodForm } from './rabbitmq-form.ts';

type Vector = readonly [kind: 'method' | 'properties', hex: string, answer: Form];

/** Another file of vectors, larger than the one that is kept, may be named. */
const FILE = process.env['AMQP_VECTORS'] ?? path.join(import.meta.dirname, 'rabbitmq-vectors.jsonl');
const VECTORS = readFileSync(FILE, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);
const vectors = (kind: Vector[0]): readonly Vector[] => VECTORS.filter((vector) => vector[0] === kind);

/** What `read` gives, or `null` for bytes that it refuses as malformed, as in the vectors. */
function verdict(read: () => Form): Form {
  try {
    return read();
  } catch (error) {
    if (error instanceof AmqpFault && (error.kind === 'syntax' || error.kind === 'command')) return null;
    throw error;
  }
}

const CONTENT_HEAD = Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/** RabbitMQ does not look at the two flags that no property has; here they are refused. */
const strayFlags = (hex: string): boolean => (Number.parseInt(hex.slice(0, 4), 16) & 3) !== 0;

/** A property list's form without what this side does not read to the last bit. */
function comparable(form: Form): Form {
  if (!Array.isArray(form)) return form;
  const [name, fields] = form as unknown as readonly [string, readonly (readonly [string, Form])[]];
  return [
    name,
    fields
      .filter(([field]) => field !== 'cluster_id')
      .map(([field, value]) => [field, field === 'timestamp' ? String(Number(value)) : value]),
  ];
}

describe("RabbitMQ's own codec and this one", () => {
  it('read the same in methods', () => {
    expect(vectors('method').length).toBeGreaterThan(100);
    for (const [, hex, answer] of vectors('method')) {
      const bytes = Buffer.from(hex, 'hex');
      const found = verdict(() => methodForm(decodeMethod(bytes, 0, bytes.length)));
      if (answer !== null) expect(found, hex).toEqual(answer);
    }
  });

  it('write the same methods', () => {
    let written = 0;
    for (const [, hex, answer] of vectors('method')) {
      if (answer === null) continue;
      const bytes = Buffer.from(hex, 'hex');
      const { name, args } = decodeMethod(bytes, 0, bytes.length);
      const again = encodeMethod(0, name, args).subarray(7, -1);
      expect(methodForm(decodeMethod(again, 0, again.length)), hex).toEqual(answer);
      expect(again.length, hex).toBe(bytes.length);
      written += 1;
    }
    expect(written).toBeGreaterThan(50);
  });

  it('refuse the same methods, but for texts that are not UTF-8, which pass here', () => {
    for (const [, hex, answer] of vectors('method')) {
      const bytes = Buffer.from(hex, 'hex');
      const found = verdict(() => methodForm(decodeMethod(bytes, 0, bytes.length)));
      if (answer !== null || found === null) continue;
      expect(methodIdAt(bytes, 0)).toBeGreaterThan(0);
      const shortStrings = Object.values(decodeMethod(bytes, 0, bytes.length).args).filter(
        (value) => typeof value === 'string',
      );
      expect(
        shortStrings.some((text) => !text.isWellFormed()),
        hex,
      ).toBe(true);
    }
  });

  it('read the same in property lists', () => {
    expect(vectors('properties').length).toBeGreaterThan(100);
    for (const [, hex, answer] of vectors('properties')) {
      if (strayFlags(hex)) continue;
      const bytes = Buffer.concat([CONTENT_HEAD, Buffer.from(hex, 'hex')]);
      const found = verdict(() => headerForm(ContentHeader.read(bytes, 0, bytes.length)));
      expect(comparable(found), hex).toEqual(comparable(answer));
    }
  });
});
