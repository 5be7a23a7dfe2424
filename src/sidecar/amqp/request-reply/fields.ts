/** Header fields as a flat list of name, value, name, value, in the order in which they came; one character a byte (latin1). */
export type FieldList = readonly string[];

/** The fields that are about one connection (RFC 9110 section 7.6.1), and those that the next HTTP message makes anew. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII, blanks and obs-text: no control character ends a line or a value. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields of one message; more are not taken from a queue. */
const MAX_FIELDS = 256;

/** Whether a text is a token (RFC 9110 section 5.6.2), as methods and field names are. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether a request target can be written into a request line: origin form, no blank and no control character. */
export function isOriginForm(target: string): boolean {
  return /^\/[\x21-\x7e\x80-\xff]*$/.test(target);
}

/** Leaves out what is about one connection, and the fields that `dropped` names in lower case. */
export function endToEndFields(fields: FieldList, dropped: ReadonlySet<string>): string[] {
  const named = optionsOfConnection(fields);
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const lower = name.toLowerCase();
    if (CONNECTION_FIELDS.has(lower) || named.has(lower) || dropped.has(lower)) continue;
    kept.push(name, fields[index + 1] ?? '');
  }
  return kept;
}

/** The first value of a field; the name in lower case. */
export function fieldOf(fields: FieldList, name: string): string | undefined {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index]?.toLowerCase() === name) return fields[index + 1];
  }
  return undefined;
}

/** Reads a list of fields that came as JSON; undefined for anything that could not stand in a head. */
export function parseFields(text: unknown): string[] | undefined {
  if (typeof text !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > 2 * MAX_FIELDS) return undefined;
  const fields: string[] = [];
  for (const [index, one] of value.entries()) {
    if (typeof one !== 'string' || !(index % 2 === 0 ? TOKEN : VALUE).test(one)) return undefined;
    fields.push(one);
  }
  return fields;
}

function optionsOfConnection(fields: FieldList): ReadonlySet<string> {
  const named = new Set<string>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index]?.toLowerCase() !== 'connection') continue;
    for (const option of (fields[index + 1] ?? '').split(',')) named.add(option.trim().toLowerCase());
  }
  return named;
}
