import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/index.ts';
import { TAP_LIMITS } from '../../../../src/sidecar/tap/limits.ts';
import { TapServer } from '../../../../src/sidecar/tap/server.ts';
import { CLASS_NAMES, Listener, messageEvent, openedTap, requestEvent, scratchFolder } from './support.ts';

const refusal = (socket: string) =>
  TapServer.open({ socket, service: 'tested', classNames: [], clock: systemClock }).then(
    () => 'opened',
    (error: unknown) => String(Reflect.get(error as object, 'message')),
  );

describe('the stream of a tap', () => {
  it('begins with what the sidecar is, and tells requests and messages by the names of their classes', async () => {
    await using folder = await scratchFolder();
    await using opened = await openedTap(path.join(folder.path, 'tap.sock'));
    const { tap } = opened;
    expect(tap.active).toBe(false);
    tap.request(requestEvent({ path: '/before-anybody-listens' }));
    const listener = new Listener(path.join(folder.path, 'tap.sock'));
    await listener.until(() => listener.lines.length === 1);
    expect(tap.active).toBe(true);
    tap.request(requestEvent());
    tap.message(messageEvent());
    tap.request(
      requestEvent({ classIndex: -1, status: 0, queueWaitMs: -1, outcome: 'refused', code: 'bare-lf' }),
    );
    await listener.until(() => listener.lines.length === 4);
    const told = { timeMs: expect.any(Number), service: 'tested' };
    expect(listener.lines).toEqual([
      { event: 'hello', ...told, format: 'priomesh/tap/v1', classes: CLASS_NAMES },
      {
        event: 'request',
        ...told,
        side: 'inbound',
        class: 'batch',
        reason: 'rule exports',
        to: '',
        method: 'GET',
        path: '/batch/1',
        status: 200,
        queueWaitMs: 1.235,
        tookMs: 20,
        outcome: 'completed',
        code: '',
      },
      {
        event: 'message',
        ...told,
        action: 'publish',
        class: 'interactive',
        reason: 'wire',
        exchange: '',
        routingKey: 'jobs',
        queue: '',
        priority: 9,
        bodyBytes: 100,
        queueWaitMs: null,
        tookMs: null,
        outcome: 'unsettled',
      },
      expect.objectContaining({ class: null, status: null, queueWaitMs: null, code: 'bare-lf' }),
    ]);
  });

  it('goes to all listeners alike, and stops being active when the last is gone', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using opened = await openedTap(socket);
    const listeners = [new Listener(socket), new Listener(socket)];
    for (const one of listeners) await one.until(() => one.lines.length === 1);
    opened.tap.request(requestEvent());
    for (const one of listeners) await one.until(() => one.lines.length === 2);
    for (const one of listeners) one.socket.destroy();
    while (opened.tap.active) await new Promise((resolve) => setImmediate(resolve));
  });

  it('is refused, with a word, to more than may listen', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using _opened = await openedTap(socket);
    const listeners = Array.from({ length: TAP_LIMITS.listeners }, () => new Listener(socket));
    for (const one of listeners) await one.until(() => one.lines.length === 1);
    const late = new Listener(socket);
    await late.until(() => late.ended);
    expect(late.lines).toMatchObject([{ event: 'full', limit: TAP_LIMITS.listeners }]);
    for (const one of listeners) one.socket.destroy();
  });

  it('drops events for a listener that does not read, counts them, and tells it where they are missing', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    await using opened = await openedTap(socket);
    const { tap } = opened;
    const slow = new Listener(socket);
    const quick = new Listener(socket);
    for (const one of [slow, quick]) await one.until(() => one.lines.length === 1);
    slow.socket.pause();
    const events = 20_000;
    const numbers = (listener: Listener): number[] =>
      listener.lines.flatMap((line) => (line.event === 'request' ? [Number(line.path)] : []));
    for (let sent = 0; sent < events; sent += 1) {
      tap.request(requestEvent({ path: String(sent) }));
      // The quick one is given the time to read; the slow one takes none.
      if (sent % 500 === 499) await quick.until(() => numbers(quick).length === sent + 1);
    }
    expect(numbers(quick)).toEqual(Array.from({ length: events }, (_, index) => index));
    slow.socket.resume();
    await slow.until(() => slow.lines.some((line) => line.event === 'dropped'));
    tap.request(requestEvent({ path: String(events) }));
    await slow.until(() => numbers(slow).at(-1) === events);
    const dropped = slow.lines.flatMap((line) => (line.event === 'dropped' ? [line.count] : []));
    expect(dropped.reduce((sum, one) => sum + one, 0)).toBe(events + 1 - numbers(slow).length);
    expect(numbers(slow).length).toBeLessThan(events);
    expect(tap.statistics()).toEqual({
      listeners: 2,
      listenersAccepted: 2,
      events: events + 1,
      dropped: dropped.reduce((sum, one) => sum + one, 0),
    });
    const at = slow.lines.findIndex((line) => line.event === 'dropped');
    expect(slow.lines.slice(1, at)).toMatchObject(
      Array.from({ length: at - 1 }, (_, index) => ({ path: String(index) })),
    );
    const waiting = slow.lines.slice(1, at).map((line) => JSON.stringify(line).length + 1);
    const kernelBytes = 1024 * 1024;
    expect(waiting.reduce((sum, one) => sum + one, 0)).toBeLessThan(
      TAP_LIMITS.waitingCharacters + kernelBytes,
    );
  }, 60_000);
});

describe('the socket file of a tap', () => {
  it('belongs to its owner alone, and is gone when the tap is closed', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    const before = process.umask(0);
    try {
      await using _opened = await openedTap(socket);
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is replaced when it was left behind by a program that was killed', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await execa(process.execPath, ['-e', script, socket], { reject: false });
    expect(existsSync(socket)).toBe(true);
    await using _opened = await openedTap(socket);
    const listener = new Listener(socket);
    await listener.until(() => listener.lines.length === 1);
    listener.socket.destroy();
  });

  it('is left alone when somebody listens there, and when it is another kind of file', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    {
      await using _opened = await openedTap(socket);
      expect(await refusal(socket)).toContain('another program listens there');
      const listener = new Listener(socket);
      await listener.until(() => listener.lines.length === 1);
      listener.socket.destroy();
    }
    const file = path.join(folder.path, 'notes');
    await writeFile(file, 'mine');
    expect(await refusal(file)).toContain('no socket');
    await mkdir(path.join(folder.path, 'folder'));
    expect(await refusal(path.join(folder.path, 'folder'))).toContain('no socket');
    expect(await refusal(path.join(folder.path, 'missing', 'tap.sock'))).toContain('missing');
    expect(await refusal(path.join(folder.path, 'x'.repeat(120)))).toContain('tap: ');
    expect((await readdir(folder.path)).sort()).toEqual(['folder', 'notes']);
  });
});

describe('closing a tap', () => {
  it('gives listeners what waits for them', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    const opened = await openedTap(socket);
    const listener = new Listener(socket);
    await listener.until(() => listener.lines.length === 1);
    for (let sent = 0; sent < 500; sent += 1) opened.tap.request(requestEvent());
    await opened.tap.close();
    await listener.until(() => listener.ended);
    expect(listener.lines).toHaveLength(501);
  });

  it('does not wait for ever for one that does not read', async () => {
    await using folder = await scratchFolder();
    const socket = path.join(folder.path, 'tap.sock');
    const opened = await openedTap(socket);
    const stuck = net.connect({ path: socket }).pause();
    stuck.on('error', () => undefined);
    while (!opened.tap.active) await new Promise((resolve) => setImmediate(resolve));
    for (let sent = 0; sent < 5000; sent += 1) opened.tap.request(requestEvent());
    await Promise.all([opened.tap.close(), opened.tap.close()]);
    expect(existsSync(socket)).toBe(false);
    stuck.destroy();
  });
});
