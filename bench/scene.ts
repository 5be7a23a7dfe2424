/** Where everything of the benchmark listens: nothing leaves the machine. */
export const HOST = '127.0.0.1';

/** The `Host` header of every request, and the name under which the outbound sidecar knows the upstream. */
export const SERVICE = 'application';

/** The bodies that the upstream answers with. */
export const BODY_BYTES = { small: 200, large: 10_240, huge: 1_048_576 } as const;

/** The name of a body in {@link BODY_BYTES}. */
export type BodyName = keyof typeof BODY_BYTES;

/** The request target of a body. */
export function pathOf(body: BodyName): string {
  return `/${body}`;
}

/** Answers with the class header that reached the upstream. */
export const ECHO_PATH = '/echo';

/** The header that carries the class to the upstream. */
export const CLASS_HEADER = 'baggage';

/** The value of {@link CLASS_HEADER} for a class. */
export function classValue(name: string): string {
  return `priomesh.class=${name}`;
}

/** Which class a `priority` header (RFC 9218) leads to: the same table in every peer. */
export const CLASS_OF_PRIORITY: Readonly<Record<string, string>> = {
  'u=0': 'interactive',
  'u=1': 'interactive',
  'u=2': 'interactive',
  'u=3': 'interactive',
  'u=4': 'batch',
  'u=5': 'batch',
  'u=6': 'batch',
  'u=7': 'batch',
};

/** The class of a request without a `priority` header. */
export const DEFAULT_CLASS = 'interactive';

/** What every request of the closed loop carries beside `Host`: the head of a browser's request. */
export const REQUEST_HEADERS: Readonly<Record<string, string>> = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language': 'en-US,en;q=0.5',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  Priority: 'u=1',
};

/** The payload of a gRPC message, either way. */
export const GRPC_MESSAGE_BYTES = 100;

/** Where a gRPC client calls: the upstream answers with as many messages as the request's message says. */
export const GRPC_PATH = '/priomesh.Bench/Answer';

/** A gRPC request: compression flag, length, and a message whose first four bytes say how many messages shall come back. */
export function grpcRequest(messages: number): Buffer {
  const bytes = Buffer.alloc(5 + GRPC_MESSAGE_BYTES);
  bytes.writeUInt32BE(GRPC_MESSAGE_BYTES, 1);
  bytes.writeUInt32BE(messages, 5);
  return bytes;
}
