import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../../src/core/index.ts';
import type { TapMessage, TapRequest } from '../../../../src/sidecar/tap/events.ts';
import { parseTapLine, type TapLine } from '../../../../src/sidecar/tap/lines.ts';
import { TapServer } from '../../../../src/sidecar/tap/server.ts';

/** A folder that is gone at the end of the block. */
export async function scratchFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'priomesh-tap-'));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export const CLASS_NAMES = ['interactive', 'batch'];

/** A tap of the service `tested`, closed at the end of the block. */
export async function openedTap(socket: string): Promise<{ readonly tap: TapServer } & AsyncDisposable> {
  const tap = await TapServer.open({
    socket,
    service: 'tested',
    classNames: CLASS_NAMES,
    clock: systemClock,
  });
  return { tap, [Symbol.asyncDispose]: () => tap.close() };
}

/** A listener that keeps what it reads, and can be told to read nothing. */
export class Listener {
  readonly lines: TapLine[] = [];
  readonly socket: net.Socket;
  ended = false;
  #rest = '';
  #look: () => void = () => undefined;

  constructor(path: string) {
    this.socket = net.connect({ path });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk.toString()));
    this.socket.on('close', () => {
      this.ended = true;
      this.#look();
    });
  }

  #take(text: string): void {
    const texts = (this.#rest + text).split('\n');
    this.#rest = texts.pop() ?? '';
    for (const one of texts) {
      const line = parseTapLine(one);
      if (line === undefined) throw new Error(`no line of a tap: ${one}`);
      this.lines.push(line);
    }
    this.#look();
  }

  /** Resolves when the condition holds; it is looked at when something has come. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (condition()) resolve();
      };
      this.#look();
    });
  }
}

/** A request of class batch that the application has answered. */
export function requestEvent(changes: Partial<TapRequest> = {}): TapRequest {
  return {
    side: 'inbound',
    classIndex: 1,
    reason: 'rule exports',
    to: '',
    method: 'GET',
    path: '/batch/1',
    status: 200,
    queueWaitMs: 1.23456,
    tookMs: 20,
    outcome: 'completed',
    code: '',
    ...changes,
  };
}

/** A message of class interactive that is handed to the broker. */
export function messageEvent(changes: Partial<TapMessage> = {}): TapMessage {
  return {
    action: 'publish',
    classIndex: 0,
    reason: 'wire',
    exchange: '',
    routingKey: 'jobs',
    queue: '',
    priority: 9,
    bodyBytes: 100,
    queueWaitMs: -1,
    tookMs: -1,
    outcome: 'unsettled',
    ...changes,
  };
}
