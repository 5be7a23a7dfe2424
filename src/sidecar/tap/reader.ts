import net from 'node:net';
import { abortError, type Clock, messageOf, PriomeshError } from '../../core/index.ts';
import { TAP_LIMITS } from './limits.ts';
import { type HelloLine, parseTapLine, type TapLine } from './lines.ts';

/** A stream that is being listened to. */
export interface TapReader {
  /** Its first line: beside which service the sidecar stands, and which classes it knows. */
  readonly hello: HelloLine;
  /** What follows, until the sidecar ends the stream or the signal fires. Can be gone through once. */
  readonly lines: AsyncIterable<TapLine>;
  close(): void;
}

/** What a tap is listened to with. */
export interface TapReaderOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Errors of a socket that is not served yet or no more, or whose sidecar is too busy to answer. */
const PASSING: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAGAIN',
  'ETIMEDOUT',
]);

/** Whether listening may succeed soon, as to a sidecar of a run: it is about to start, or about to end, or busy. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof PriomeshError) || error.code !== 'TAP_FAILED') return false;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && PASSING.has(Reflect.get(cause, 'code'));
}

function failed(path: string, why: string, cause?: unknown): PriomeshError {
  return new PriomeshError('TAP_FAILED', `${path}: ${why}`, { cause });
}

function connected(path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    const refused = (error: Error): void => reject(failed(path, messageOf(error), error));
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      resolve(socket);
    });
  });
}

/** The lines of a stream. A last one without its end is no line. @throws PriomeshError TAP_FAILED for what is no tap */
async function* linesOf(socket: net.Socket, path: string): AsyncGenerator<TapLine, void, undefined> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop() ?? '';
    if (rest.length > TAP_LIMITS.lineCharacters)
      throw failed(path, 'what it says is not the stream of a tap');
    for (const text of texts) {
      const line = parseTapLine(text);
      if (line === undefined) throw failed(path, 'what it says is not the stream of a tap');
      yield line;
    }
  }
}

/** The same, where a stream that was torn off, by either end, is one that has ended. */
async function* untilGone(
  lines: AsyncGenerator<TapLine, void, undefined>,
  socket: net.Socket,
): AsyncGenerator<TapLine, void, undefined> {
  try {
    yield* lines;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ECONNRESET') throw error;
  } finally {
    socket.destroy();
  }
}

async function helloOf(
  lines: AsyncGenerator<TapLine, void, undefined>,
  path: string,
  { clock, signal }: TapReaderOptions,
): Promise<HelloLine> {
  const enough = new AbortController();
  const late = clock.sleep(TAP_LIMITS.helloMs, AbortSignal.any([enough.signal, signal])).then(
    () => 'late' as const,
    () => 'gone' as const,
  );
  const first = await Promise.race([lines.next(), late]);
  enough.abort();
  if (signal.aborted) throw abortError(signal);
  if (first === 'late' || first === 'gone') throw failed(path, 'it says nothing', { code: 'ETIMEDOUT' });
  if (first.done === true) throw failed(path, 'it closed the connection at once', { code: 'ECONNRESET' });
  const line = first.value;
  if (line.event === 'full') throw failed(path, `${line.limit} listen already, and no more may`);
  if (line.event !== 'hello') throw failed(path, 'what it says is not the stream of a tap');
  return line;
}

/**
 * Listens to the tap at a Unix socket. The signal ends the lines, without an error.
 * @throws PriomeshError TAP_FAILED when nobody serves the socket or what it says is no tap's stream; ABORTED when the signal fires first
 */
export async function readTap(path: string, options: TapReaderOptions): Promise<TapReader> {
  const { signal } = options;
  if (signal.aborted) throw abortError(signal);
  const socket = await connected(path);
  const close = (): void => {
    signal.removeEventListener('abort', close);
    socket.destroy();
  };
  signal.addEventListener('abort', close, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', close));
  const lines = untilGone(linesOf(socket, path), socket);
  try {
    return { hello: await helloOf(lines, path, options), lines, close };
  } catch (error) {
    close();
    throw error;
  }
}
