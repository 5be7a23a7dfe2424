import type * as Http2 from 'node:http2';
import type { Check, Dial, Verdict } from './check.ts';

/** What a gRPC check asks for. */
export interface GrpcCheckOptions {
  /** The name of the service; empty: the server as a whole. */
  readonly service: string;
  readonly host: string;
  /** Header fields beside those that every check has. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const METHOD = '/grpc.health.v1.Health/Check';
/** The flag of an uncompressed message and its length stand before it. */
const PREFIX_BYTES = 5;
/** The response is a field of one small number. */
const MAX_RESPONSE_BYTES = 64;
const STATUS_FIELD = 0x08;
const SERVING = 1;
const MAX_NAME_BYTES = 127;

/** `HealthCheckRequest { string service = 1; }` as one message of a call. */
function requestOf(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, MAX_NAME_BYTES);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Whether a call's answer is `HealthCheckResponse { status: SERVING }`. */
function isServing(answer: Buffer): boolean {
  return (
    answer.length === PREFIX_BYTES + 2 &&
    answer[0] === 0 &&
    answer[PREFIX_BYTES] === STATUS_FIELD &&
    answer[PREFIX_BYTES + 1] === SERVING
  );
}

let loading: Promise<typeof Http2> | undefined;

/** One call over a connection of its own. */
class Call {
  readonly #verdict: Verdict;
  #session: Http2.ClientHttp2Session | undefined;
  #socket: ReturnType<Dial> | undefined;
  #done = false;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  get done(): boolean {
    return this.#done;
  }

  begin(http2: typeof Http2, socket: ReturnType<Dial>, body: Buffer, head: Http2.OutgoingHttpHeaders): void {
    this.#socket = socket;
    const session = http2.connect('http://endpoint', { createConnection: () => socket });
    this.#session = session;
    session.on('error', () => this.#decide(false));
    session.on('close', () => this.#decide(false));
    const stream = session.request(head);
    let answer = Buffer.alloc(0);
    let isOk = false;
    stream.on('response', (fields) => {
      isOk = fields[':status'] === 200;
    });
    stream.on('data', (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length > MAX_RESPONSE_BYTES) this.#decide(false);
    });
    let status: unknown;
    stream.on('trailers', (fields) => {
      status = fields['grpc-status'];
    });
    stream.on('error', () => this.#decide(false));
    stream.on('end', () => this.#decide(isOk && status === '0' && isServing(answer)));
    stream.end(body);
  }

  end(): void {
    this.#done = true;
    this.#session?.destroy();
    // A session that ended by itself leaves it open.
    this.#socket?.destroy();
  }

  #decide(healthy: boolean): void {
    if (this.#done) return;
    this.end();
    this.#verdict(healthy);
  }
}

/**
 * The health checking protocol of gRPC (`grpc.health.v1.Health/Check`): healthy is who answers SERVING. Checks are few, so that Node's own HTTP/2
 * does, loaded when the first is made.
 */
export function grpcCheck(dial: Dial, { service, host, fields }: GrpcCheckOptions): Check {
  const body = requestOf(service);
  const head: Http2.OutgoingHttpHeaders = {
    ':method': 'POST',
    ':path': METHOD,
    ':authority': host,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...Object.fromEntries(fields),
  };
  return (address, verdict) => {
    const call = new Call(verdict);
    loading ??= import('node:http2');
    void loading.then((http2) => {
      if (!call.done) call.begin(http2, dial(address), body, head);
    });
    return () => call.end();
  };
}
