import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Clock, PriomeshError, systemClock } from '../../../../src/core/index.ts';
import { TAP_LIMITS } from '../../../../src/sidecar/tap/limits.ts';
import { isPassing, readTap } from '../../../../src/sidecar/tap/reader.ts';
import { Listener, openedTap, requestEvent, scratchFolder } from './support.ts';

const never = new AbortController().signal;
const plain = { clock: systemClock, signal: never };

/** A server that says this to whoever comes, and ends or waits then. */
async function saying(socket: string, text: string, ends: boolean): Promise<AsyncDisposable> {
  const open = new Set<net.Socket>();
  const server = net.createServer((one) => {
    open.add(one.on('error', () => undefined));
    if (ends) one.end(text);
    else one.write(text);
  });
  await new Promise<void>((resolve) => server.listen({ path: socket }, resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const one of open) one.destroy();
      await closed;
    },
  };
}

const HELLO = `${JSON.stringify({ event: 'hello', timeMs: 1, service: 'a', format: 'priomesh/tap/v1', classes: [] })}\n`;
const DROPPED = `${JSON.stringify({ event: 'dropped', timeMs: 1, service: 'a', count: 3 })}\n`;

async function failure(attempt: Promise<unknown>): Promise<PriomeshError> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PriomeshError)) throw new Error(`no PriomeshError: ${String(error)}`);
  return error;
}

async function all(lines: AsyncIterable<unknown>): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

describe('listening to a tap', () => {
  it('gives what is told, to the end', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    const opened = await openedTap(socket);
    const { hello, lines } = await readTap(socket, plain);
    expect(hello).toMatchObject({ service: 'tested', classes: ['interactive', 'batch'] });
    opened.tap.request(requestEvent({ path: '/a' }));
    opened.tap.request(requestEvent({ path: '/ä' }));
    await opened.tap.close();
    expect(await all(lines)).toMatchObject([{ path: '/a' }, { path: '/ä' }]);
  });

  it('ends without an error when the signal fires, and lets the sidecar know', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using opened = await openedTap(socket);
    const ended = new AbortController();
    const { lines } = await readTap(socket, { clock: systemClock, signal: ended.signal });
    const read = all(lines);
    ended.abort();
    expect(await read).toEqual([]);
    while (opened.tap.active) await new Promise((resolve) => setImmediate(resolve));
  });

  it('leaves out a last line that was cut off', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using _server = await saying(socket, `${HELLO}${DROPPED}${DROPPED.slice(0, 20)}`, true);
    const { lines } = await readTap(socket, plain);
    expect(await all(lines)).toMatchObject([{ event: 'dropped' }]);
  });

  it('says that nobody is there', async () => {
    await using folder = await scratchFolder();
    const error = await failure(readTap(path.join(folder.path, 'none.sock'), plain));
    expect(error.code).toBe('TAP_FAILED');
    expect(isPassing(error)).toBe(true);
  });

  it('says that as many listen as may', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using _opened = await openedTap(socket);
    const others = Array.from({ length: TAP_LIMITS.listeners }, () => new Listener(socket));
    for (const one of others) await one.until(() => one.lines.length === 1);
    const error = await failure(readTap(socket, plain));
    expect(error.message).toContain('8 listen already');
    expect(isPassing(error)).toBe(false);
    for (const one of others) one.socket.destroy();
  });

  it.each([
    ['speaks otherwise', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['never ends a line', 'x'.repeat(TAP_LIMITS.lineCharacters + 1)],
    ['begins with something else', DROPPED],
  ])('refuses what %s', async (_, text) => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'other.sock');
    await using _server = await saying(socket, text, false);
    const error = await failure(readTap(socket, plain));
    expect(error.message).toContain('not the stream of a tap');
    expect(isPassing(error)).toBe(false);
  });

  it('refuses what goes on otherwise after a good beginning', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'other.sock');
    await using _server = await saying(socket, `${HELLO}nonsense\n`, false);
    const { lines } = await readTap(socket, plain);
    expect((await failure(all(lines))).message).toContain('not the stream of a tap');
  });

  it('does not wait for ever for what says nothing', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'other.sock');
    await using _server = await saying(socket, '', false);
    const asked: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms) => {
        asked.push(ms);
        return Promise.resolve();
      },
    };
    expect((await failure(readTap(socket, { clock, signal: never }))).message).toContain('says nothing');
    expect(asked).toEqual([TAP_LIMITS.helloMs]);
  });

  it('says that what closes at once may serve soon, as a sidecar that starts or ends', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'other.sock');
    await using _server = await saying(socket, '', true);
    const error = await failure(readTap(socket, plain));
    expect(error.message).toContain('closed the connection at once');
    expect(isPassing(error)).toBe(true);
  });

  it('rejects with ABORTED when the signal fires before the first line', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'other.sock');
    await using _server = await saying(socket, '', false);
    const ended = new AbortController();
    const attempt = failure(readTap(socket, { clock: systemClock, signal: ended.signal }));
    setImmediate(() => ended.abort());
    expect((await attempt).code).toBe('ABORTED');
    const early = readTap(socket, { clock: systemClock, signal: AbortSignal.abort() });
    expect((await failure(early)).code).toBe('ABORTED');
  });
});
