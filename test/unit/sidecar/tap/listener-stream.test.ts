import { EventEmitter } from 'node:events';
import type net from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TAP_LIMITS } from '../../../../src/sidecar/tap/limits.ts';
import { ListenerStream } from '../../../../src/sidecar/tap/listener-stream.ts';

/** A socket whose other end takes as much as the test says. */
class FakeSocket extends EventEmitter {
  written = '';
  writableLength = 0;

  write(text: string): void {
    this.written += text;
    this.writableLength += text.length;
  }

  end(): void {
    this.emit('ended');
  }

  /** The other end takes so much; when nothing is left, that is told, as node:stream does. */
  take(characters: number): void {
    const before = this.writableLength;
    this.writableLength = Math.max(0, before - characters);
    if (before > 0 && this.writableLength === 0) this.emit('drain');
  }
}

function opened() {
  const socket = new FakeSocket();
  const stream = new ListenerStream(socket as unknown as net.Socket, (count) => `dropped ${count}\n`);
  return { socket, stream };
}

const LARGE = 64 * 1024;
const line = (number: number): string => `${number} `.padEnd(LARGE - 1, '.').concat('\n');

describe('what waits for a listener', () => {
  it('is bounded, and all that is missing is told at its place', () => {
    const acts = fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.constant('offer' as const) },
        { weight: 2, arbitrary: fc.constant('flush' as const) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: TAP_LIMITS.waitingCharacters }) },
      ),
      { minLength: 50, maxLength: 200 },
    );
    fc.assert(
      fc.property(acts, (script) => {
        const { socket, stream } = opened();
        let offered = 0;
        for (const act of script) {
          if (act === 'offer') {
            stream.offer(line(offered));
            offered += 1;
          } else if (act === 'flush') stream.flush();
          else socket.take(act);
          expect(socket.writableLength).toBeLessThanOrEqual(TAP_LIMITS.waitingCharacters + 100);
        }
        stream.end();
        let next = 0;
        for (const one of socket.written.trimEnd().split('\n')) {
          const [first = '', second = ''] = one.split(' ');
          if (first === 'dropped') next += Number(second);
          else if (first !== '') {
            expect(Number(first)).toBe(next);
            next += 1;
          }
        }
        expect(next).toBe(offered);
      }),
    );
  });
});
