import { ByteReader } from '../../../../../src/sidecar/amqp/protocol/byte-reader.ts';
import { readTable } from '../../../../../src/sidecar/amqp/protocol/field-table.ts';
import type {
  AnyMethod,
  ContentHeader,
  FieldTable,
  FieldValue,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { textBytes, writeText } from '../../../../../src/sidecar/amqp/protocol/text.ts';

/*
 * What was decoded, in the form that rabbitmq-oracle.escript gives: binaries in hexadecimal, numbers as texts, names of types as in
 * Erlang.
 */
export type Form = string | boolean | null | readonly Form[];

function hexOf(text: string): string {
  const bytes = Buffer.alloc(textBytes(text));
  writeText(bytes, text, 0);
  return bytes.toString('hex').toUpperCase();
}

function bitsOf(value: number, size: 4 | 8): string {
  const bytes = Buffer.alloc(size);
  if (size === 4) bytes.writeFloatBE(value);
  else bytes.writeDoubleBE(value);
  return bytes.toString('hex').toUpperCase();
}

function formOf(field: FieldValue): readonly [type: string, value: Form] {
  switch (field.type) {
    case 't':
      return ['bool', field.value];
    case 'b':
      return ['byte', String(field.value)];
    case 'B':
      return ['unsignedbyte', String(field.value)];
    case 's':
      return ['short', String(field.value)];
    case 'u':
      return ['unsignedshort', String(field.value)];
    case 'I':
      return ['signedint', String(field.value)];
    case 'i':
      return ['unsignedint', String(field.value)];
    case 'l':
    case 'L':
      return ['long', String(field.value)];
    case 'f':
      return ['float', bitsOf(field.value, 4)];
    case 'd':
      return ['double', bitsOf(field.value, 8)];
    case 'D':
      return ['decimal', `${field.value.digits}/${field.value.scale}`];
    case 'S':
      return ['longstr', hexOf(field.value)];
    case 'x':
      return ['binary', Buffer.from(field.value).toString('hex').toUpperCase()];
    case 'A':
      return ['array', field.value.map(formOf)];
    case 'T':
      return ['timestamp', String(field.value)];
    case 'F':
      return ['table', tableForm(field.value)];
    case 'V':
      return ['void', null];
  }
}

function tableForm(table: FieldTable): Form {
  return table.map(([name, field]) => [hexOf(name), ...formOf(field)]);
}

function valueForm(value: string | number | bigint | boolean | FieldTable): Form {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return hexOf(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return tableForm(value);
}

/** RabbitMQ's spelling of a name: `basic.get_ok`, `prefetch_count`; `nowait` is its one exception. */
function spelled(name: string): string {
  if (name === 'noWait') return 'nowait';
  return name.replaceAll('-', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A method in the oracle's form. */
export function methodForm(method: AnyMethod): Form {
  const args = Object.entries<string | number | bigint | boolean | FieldTable>(method.args);
  return [spelled(method.name), args.map(([name, value]) => [spelled(name), valueForm(value)])];
}

const NAMES = [
  'contentType',
  'contentEncoding',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
] as const;

/** A content header in the oracle's form, but for clusterId, which this side does not read, and timestamps that are rounded. */
export function headerForm(header: ContentHeader): Form {
  const fields: Form[] = [];
  for (const name of NAMES) {
    const value = header[name];
    if (value !== undefined) fields.push([spelled(name), valueForm(value)]);
    if (name === 'contentEncoding' && header.has('headers')) {
      const reader = new ByteReader(header.bytes, header.headersStart, header.headersEnd, 'headers');
      fields.push(['headers', tableForm(readTable(reader))]);
    }
  }
  return ['P_basic', fields];
}
