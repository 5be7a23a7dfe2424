import grpc from '@grpc/grpc-js';
import type { TestServer } from '../harness.ts';

function method(name: string, requestStream: boolean, responseStream: boolean) {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** A service whose messages are bytes: each of the four kinds of call, and one that answers nothing. */
export const ECHO = {
  unary: method('Unary', false, false),
  down: method('Down', false, true),
  up: method('Up', true, false),
  both: method('Both', true, true),
  silent: method('Silent', false, false),
  fails: method('Fails', false, false),
} satisfies grpc.ServiceDefinition;

/** What the service saw of its calls. */
export interface Seen {
  readonly metadata: grpc.Metadata[];
  readonly deadlines: (Date | number)[];
  cancelled: number;
}

/** The service on a free port of `host`, without TLS. */
export async function echoService(host = '127.0.0.1'): Promise<TestServer & { readonly seen: Seen }> {
  const seen: Seen = { metadata: [], deadlines: [], cancelled: 0 };
  const server = new grpc.Server();
  const note = (call: { metadata: grpc.Metadata; getDeadline(): Date | number }): void => {
    seen.metadata.push(call.metadata);
    seen.deadlines.push(call.getDeadline());
  };
  server.addService(ECHO, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
      note(call);
      reply(null, call.request);
    },
    down: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      note(call);
      for (let index = 0; index < 100; index += 1)
        call.write(Buffer.concat([call.request, Buffer.of(index)]));
      call.end();
    },
    up: (call: grpc.ServerReadableStream<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
      let bytes = 0;
      call.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      call.on('end', () => reply(null, Buffer.from(String(bytes))));
    },
    both: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('cancelled', () => {
        seen.cancelled += 1;
      });
      call.on('data', (chunk: Buffer) => call.write(chunk));
      call.on('end', () => call.end());
    },
    silent: (call: grpc.ServerUnaryCall<Buffer, Buffer>) => {
      note(call);
      call.on('cancelled', () => {
        seen.cancelled += 1;
      });
    },
    fails: (_call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
      reply({ code: grpc.status.NOT_FOUND, details: 'nothing here' });
    },
  });
  const at = host.includes(':') ? `[${host}]` : host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${at}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    seen,
    close: async () => {
      server.forceShutdown();
    },
  };
}

const Client = grpc.makeGenericClientConstructor(ECHO, 'Echo');

/** A client that connects to `port` of `host` and names the service as the authority. */
export function echoClient(port: number, host = '127.0.0.1'): grpc.Client {
  const at = host.includes(':') ? `[${host}]` : host;
  return new Client(`${at}:${port}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': 'service',
    'grpc.enable_retries': 0,
  });
}

/** One unary call. */
export function unary(
  client: grpc.Client,
  { path, requestSerialize, responseDeserialize }: (typeof ECHO)['unary'],
  message: Buffer,
  options: grpc.CallOptions = {},
  metadata = new grpc.Metadata(),
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
      (error: grpc.ServiceError | null, value?: Buffer) => {
        if (error === null) resolve(value as Buffer);
        else reject(error);
      },
    );
  });
}
