import http2 from 'node:http2';
import { Client, credentials } from '@grpc/grpc-js';
import type { Address } from '../src/config/index.ts';
import { messageOf, PriomeshError, systemClock } from '../src/core/index.ts';
import type { Wire } from './loads/index.ts';
import type { Peer } from './peers/index.ts';
import { CLASS_HEADER, classValue, ECHO_PATH, GRPC_PATH, grpcRequest, SERVICE } from './scene.ts';

const CHECK_TIMEOUT_MS = 5000;
const STREAMED = 100;

/** The class header that reached the upstream, by a request of HTTP/1.1. */
async function classOverHttp1(
  { host, port }: Address,
  priority: string,
  signal: AbortSignal,
): Promise<string> {
  const { request } = await import('undici');
  const { body, statusCode } = await request(`http://${host}:${port}${ECHO_PATH}`, {
    headers: { host: SERVICE, priority },
    signal,
  });
  const text = await body.text();
  if (statusCode !== 200) throw new PriomeshError('COMMAND_FAILED', `answered ${statusCode}`);
  return text;
}

/** The same by a request of HTTP/2. */
function classOverHttp2({ host, port }: Address, priority: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const session = http2.connect(`http://${host}:${port}`);
  const stop = (): void => reject(new PriomeshError('COMMAND_FAILED', 'gave no answer over HTTP/2'));
  signal.addEventListener('abort', stop, { once: true });
  session.on('error', reject).on('close', stop);
  const stream = session.request({ ':path': ECHO_PATH, ':authority': SERVICE, priority });
  let text = '';
  let status = 0;
  stream
    .setEncoding('utf8')
    .on('response', (head) => {
      status = head[':status'] ?? 0;
    })
    .on('data', (piece: string) => {
      text += piece;
    })
    .on('error', reject)
    .on('end', () => {
      if (status === 200) resolve(text);
      else reject(new PriomeshError('COMMAND_FAILED', `answered ${status} over HTTP/2`));
    });
  return promise.finally(() => {
    signal.removeEventListener('abort', stop);
    session.destroy();
  });
}

const same = (bytes: Buffer): Buffer => bytes;
/** A client adds and removes the five bytes in front of a message by itself. */
const message = (count: number): Buffer => grpcRequest(count).subarray(5);

/** Calls the gRPC server with a client that looks at everything, the trailers too. */
async function callGrpc({ host, port }: Address): Promise<void> {
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), {
    'grpc.default_authority': SERVICE,
    'grpc.use_local_subchannel_pool': 1,
  });
  const deadline = systemClock.wallMs() + CHECK_TIMEOUT_MS;
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(GRPC_PATH, same, same, message(1), { deadline }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    let messages = 0;
    await new Promise<void>((resolve, reject) => {
      client
        .makeServerStreamRequest(GRPC_PATH, same, same, message(STREAMED), { deadline })
        .on('data', () => {
          messages += 1;
        })
        .on('error', reject)
        .on('end', resolve);
    });
    if (messages !== STREAMED) {
      throw new PriomeshError('COMMAND_FAILED', `passed ${messages} of ${STREAMED} messages on`);
    }
  } finally {
    client.close();
  }
}

async function askedClasses(peer: Peer, ask: (priority: string) => Promise<string>): Promise<void> {
  const expected: readonly (readonly [string, string])[] = [
    ['u=1', 'interactive'],
    ...(peer.classifies ? ([['u=6', 'batch']] as const) : []),
  ];
  for (const [priority, requestClass] of expected) {
    const seen = await ask(priority);
    if (peer.stamps && seen !== classValue(requestClass)) {
      throw new PriomeshError(
        'COMMAND_FAILED',
        `a request with priority ${priority} reached the upstream with ${CLASS_HEADER} "${seen}"`,
      );
    }
  }
}

/**
 * Asks the upstream through a peer, so that none is measured that does not serve, or leaves out the work.
 * @throws PriomeshError COMMAND_FAILED
 */
export async function checkPeer(
  peer: Peer,
  wire: Wire,
  address: Address,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
  try {
    if (wire === 'grpc') await callGrpc(address);
    else if (wire === 'tcp') await classOverHttp1(address, 'u=1', limited);
    else {
      const ask = wire === 'http1' ? classOverHttp1 : classOverHttp2;
      await askedClasses(peer, (priority) => ask(address, priority, limited));
    }
  } catch (error) {
    if (signal.aborted || error instanceof PriomeshError) throw error;
    throw new PriomeshError('COMMAND_FAILED', `does not serve ${wire}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
