import { GRPC, grpcMessage, grpcStatusOf } from './grpc.ts';
import { type HpackEncoder, type OutputBuffer, Pair } from './protocol/index.ts';

/** An answer of the sidecar's own, as fields and a body. */
export interface OwnAnswer {
  readonly pairs: readonly Pair[];
  readonly body: Buffer;
  /** The status of gRPC, -1 where it is none of gRPC. */
  readonly grpcStatus: number;
}

const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;
/** Fields of an answer of HTTP/1.1 that say something about its connection or its length. */
const NOT_TAKEN = new Set(['connection', 'content-length']);
const NO_BODY = Buffer.alloc(0);
const ERROR_FIELD = 'x-priomesh-error';

/** Those that AnswerBytes makes once are made once here, too. */
const made = new WeakMap<Buffer, OwnAnswer>();
const madeForGrpc = new WeakMap<Buffer, OwnAnswer>();

/** An answer that is written for HTTP/1.1, as one of HTTP/2; for gRPC as trailers alone. */
export function ownAnswer(bytes: Buffer, grpc: boolean): OwnAnswer {
  const known = (grpc ? madeForGrpc : made).get(bytes);
  if (known !== undefined) return known;
  const text = bytes.toString('latin1');
  const headEnd = text.indexOf(HEAD_END);
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const status = statusLine.slice(STATUS_AT, STATUS_AT + 3);
  const fields = lines
    .map(
      (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const,
    )
    .filter(([name]) => !NOT_TAKEN.has(name));
  const body = bytes.subarray(headEnd + HEAD_END.length);
  const answer = grpc ? forGrpc(Number(status), fields, body) : plain(status, fields, body);
  (grpc ? madeForGrpc : made).set(bytes, answer);
  return answer;
}

type Fields = readonly (readonly [name: string, value: string])[];

function plain(status: string, fields: Fields, body: Buffer): OwnAnswer {
  const length: Fields = [['content-length', String(body.length)]];
  const pairs = [[':status', status] as const, ...fields, ...length].map(([name, value]) =>
    Pair.of(name, value),
  );
  return { pairs, body, grpcStatus: -1 };
}

function forGrpc(status: number, fields: Fields, body: Buffer): OwnAnswer {
  const code = fields.find(([name]) => name === ERROR_FIELD)?.[1] ?? '';
  const grpcStatus = grpcStatusOf(code, status);
  const ours: Fields = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-status', String(grpcStatus)],
    ...(grpcStatus === GRPC.OK ? [] : [['grpc-message', grpcMessage(messageIn(body) ?? code)] as const]),
    ...fields.filter(([name]) => name !== 'content-type' && name !== 'retry-after'),
  ];
  return { pairs: ours.map(([name, value]) => Pair.of(name, value)), body: NO_BODY, grpcStatus };
}

/** The message of the JSON that stands in bodies of our own answers. */
function messageIn(body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null && 'message' in value
      ? String(value.message)
      : undefined;
  } catch {
    return body.length > 0 ? body.toString() : undefined;
  }
}

/** Writes the fields of an answer. */
export function writeOwnAnswer(answer: OwnAnswer, encoder: HpackEncoder, out: OutputBuffer): void {
  for (const pair of answer.pairs) encoder.pair(out, pair);
}
