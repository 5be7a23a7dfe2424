/** The names of the static table in order of first appearance (RFC 7541 appendix A), the five of pseudo-fields first. */
const STATIC_NAMES = [
  ':authority',
  ':method',
  ':path',
  ':scheme',
  ':status',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'accept',
  'access-control-allow-origin',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'refresh',
  'retry-after',
  'server',
  'set-cookie',
  'strict-transport-security',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
] as const;

/** Other names that the sidecar looks at, or that stand in most messages of gRPC. */
const OTHER_NAMES = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'http2-settings',
  'trailer',
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
  'grpc-timeout',
  'grpc-status',
  'grpc-message',
  'grpc-encoding',
  'grpc-accept-encoding',
  'x-priomesh-error',
] as const;

const NAMES = [...STATIC_NAMES, ...OTHER_NAMES];

/** A name with a small number. */
export type KnownName = (typeof NAMES)[number];

/** The small number of a name; 0 is every other name. The pseudo-fields are 1 to 5. */
export const NAME = Object.fromEntries(NAMES.map((name, index) => [name, index + 1])) as Readonly<
  Record<KnownName, number>
>;

/** The last number of a pseudo-field. */
export const LAST_PSEUDO: number = NAME[':status'];

/** How many numbers there are. */
export const NAME_COUNT: number = NAMES.length + 1;

/** The bytes of each known name. */
export const NAME_BYTES: readonly Buffer[] = ['', ...NAMES].map((name) => Buffer.from(name));

const MAX_LENGTH = 31;

interface Candidate {
  readonly id: number;
  readonly bytes: Buffer;
}

const candidates: (readonly Candidate[] | undefined)[] = (() => {
  const lists: Candidate[][] = [];
  NAME_BYTES.forEach((bytes, id) => {
    if (id === 0) return;
    const key = bytes.length * 32 + ((bytes.at(-1) ?? 0) & 31);
    const list = lists[key] ?? [];
    list.push({ id, bytes });
    lists[key] = list;
  });
  return Array.from({ length: (MAX_LENGTH + 1) * 32 }, (_, key) => lists[key]);
})();

/** The number of the name at `start`..`end`, or 0. */
export function identifyName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > MAX_LENGTH || length === 0) return 0;
  const list = candidates[length * 32 + ((bytes[end - 1] as number) & 31)];
  if (list === undefined) return 0;
  for (const { id, bytes: name } of list) {
    let index = 0;
    while (index < length && bytes[start + index] === name[index]) index += 1;
    if (index === length) return id;
  }
  return 0;
}
