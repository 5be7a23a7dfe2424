import type { FieldTable, FieldValue } from './field-table.ts';

/** A value as JavaScript has it: what `plainOf` gives and `tableOf` takes. */
export type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly Plain[]
  | { readonly [name: string]: Plain };

const INT32 = 0x8000_0000;

function fieldFor(plain: Plain): FieldValue {
  if (plain === null) return { type: 'V', value: null };
  if (typeof plain === 'string') return { type: 'S', value: plain };
  if (typeof plain === 'boolean') return { type: 't', value: plain };
  if (typeof plain === 'bigint') return { type: 'l', value: plain };
  if (typeof plain === 'number') {
    if (!Number.isSafeInteger(plain)) return { type: 'd', value: plain };
    return plain >= -INT32 && plain < INT32 ? { type: 'I', value: plain } : { type: 'l', value: plain };
  }
  if (plain instanceof Uint8Array) return { type: 'x', value: plain };
  if (isArray(plain)) return { type: 'A', value: plain.map(fieldFor) };
  return { type: 'F', value: tableOf(plain) };
}

/** `Array.isArray` does not narrow a union with a readonly array. */
function isArray(plain: Plain): plain is readonly Plain[] {
  return Array.isArray(plain);
}

/** A field table of plain values. Integers become I where they fit and l where not, other numbers d, texts S, bytes x. */
export function tableOf(plain: Readonly<Record<string, Plain>>): FieldTable {
  return Object.entries(plain).map(([name, value]) => [name, fieldFor(value)] as const);
}

function plainFor(field: FieldValue): Plain {
  switch (field.type) {
    case 'A':
      return field.value.map(plainFor);
    case 'F':
      return plainOf(field.value);
    case 'D':
      return field.value.digits / 10 ** field.value.scale;
    default:
      return field.value;
  }
}

/** The plain values of a field table, without their types on the wire; of a name that stands twice the first, as RabbitMQ takes it. */
export function plainOf(table: FieldTable): Record<string, Plain> {
  const plain: Record<string, Plain> = Object.create(null);
  for (const [name, field] of table) {
    if (!(name in plain)) plain[name] = plainFor(field);
  }
  return plain;
}
