/** The header fields that the sidecar looks at; all others pass unread. Lower case. */
const KNOWN_FIELDS = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'http2-settings',
  'expect',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-request-id',
  'priority',
] as const;

/** The name of a field that the sidecar looks at. */
export type KnownField = (typeof KNOWN_FIELDS)[number];

/** The small number by which the scanner knows a field; 0 is every other field. */
export const FIELD = Object.fromEntries(KNOWN_FIELDS.map((name, index) => [name, index + 1])) as Readonly<
  Record<KnownField, number>
>;

/** How many small numbers there are. */
export const FIELD_COUNT = KNOWN_FIELDS.length + 1;

interface Candidate {
  readonly id: number;
  readonly bytes: Uint8Array;
}

const MAX_LENGTH = 31;
const candidates: (readonly Candidate[] | undefined)[] = (() => {
  const lists: Candidate[][] = [];
  for (const name of KNOWN_FIELDS) {
    const key = name.length * 32 + (name.charCodeAt(0) & 31);
    const list = lists[key] ?? [];
    list.push({ id: FIELD[name], bytes: Buffer.from(name) });
    lists[key] = list;
  }
  return Array.from({ length: (MAX_LENGTH + 1) * 32 }, (_, key) => lists[key]);
})();

/** The number of the field whose name stands at `start`..`end`, or 0. Costs one table look-up for most fields. */
export function identifyField(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > MAX_LENGTH) return 0;
  const list = candidates[length * 32 + ((bytes[start] as number) & 31)];
  if (list === undefined) return 0;
  for (const { id, bytes: name } of list) {
    let index = 0;
    while (index < length && ((bytes[start + index] as number) | 0x20) === name[index]) index += 1;
    if (index === length) return id;
  }
  return 0;
}
