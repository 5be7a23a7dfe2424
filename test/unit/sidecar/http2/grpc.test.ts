import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerStatus } from '../../../../src/sidecar/http1/index.ts';
import { grpcMessage, grpcStatusOf, grpcTimeout, grpcTimeoutMs } from '../../../../src/sidecar/http2/grpc.ts';
import { ownAnswer } from '../../../../src/sidecar/http2/own-answer.ts';
import { FieldBlock, HpackDecoder, PairCache } from '../../../../src/sidecar/http2/protocol/index.ts';
import { literals } from './literals.ts';

function timeout(value: string): number {
  const block = new FieldBlock(4);
  const bytes = literals([['grpc-timeout', value]]);
  new HpackDecoder(new PairCache(), 1000).decode(bytes, 0, bytes.length, block);
  return grpcTimeoutMs(block, 0);
}

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['40m', 40],
    ['500u', 0.5],
    ['99999999n', 99.999_999],
    ['', -1],
    ['m', -1],
    ['5', -1],
    ['-5m', -1],
    ['1.5S', -1],
    ['123456789m', -1],
    ['5s', -1],
  ])('%s', (value, ms) => {
    expect(timeout(value)).toBeCloseTo(ms, 9);
  });

  it('is written so that it is read as the same time, or a little less', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 99_999_999_000, noNaN: true }), (ms) => {
        const read = timeout(grpcTimeout(ms));
        expect(read).toBeLessThanOrEqual(ms);
        expect(read).toBeGreaterThan(ms - (ms < 1e8 ? 1 : 1000));
      }),
    );
    // What has passed already is not sent on as no deadline at all.
    expect(timeout(grpcTimeout(-5))).toBe(1);
  });
});

describe('statuses of gRPC', () => {
  const NUMBERS = /\| +(\d+) `([A-Z_]+)` +\|$/;
  const guide = readFileSync(new URL('../../../../docs/guides/http2-and-grpc.md', import.meta.url), 'utf8');
  const rows = guide
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const status = Number(NUMBERS.exec(line)?.[1]);
      return [...line.matchAll(/`([A-Z_]+)`/g)]
        .slice(0, -1)
        .map((match) => [match[1] ?? '', status] as const);
    });

  it('are those that the guide names', () => {
    expect(rows.length).toBeGreaterThan(10);
    for (const [code, status] of rows) {
      const http =
        code === 'FRAMING_REFUSED' ? 400 : answerStatus(code as Parameters<typeof answerStatus>[0]);
      expect([code, grpcStatusOf(code, http)]).toEqual([code, status]);
    }
    expect([429, 403, 401].map((status) => grpcStatusOf('', status))).toEqual([8, 7, 16]);
  });

  it('stand in trailers alone', () => {
    const bytes = Buffer.from(
      'HTTP/1.1 503 Service Unavailable\r\nx-priomesh-error: QUEUE_FULL\r\ncontent-type: application/json\r\ncontent-length: 9\r\nretry-after: 1\r\nconnection: close\r\n\r\n{"message":"100 % full\u00fc"}',
      'latin1',
    );
    const fields = (grpc: boolean) =>
      ownAnswer(bytes, grpc).pairs.map(({ name, text }) => [name.toString(), text]);
    expect(fields(true)).toEqual([
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '8'],
      ['grpc-message', '100 %25 full%EF%BF%BD'],
      ['x-priomesh-error', 'QUEUE_FULL'],
    ]);
    expect(ownAnswer(bytes, true).body).toHaveLength(0);
    expect(fields(false)).toContainEqual([':status', '503']);
    expect(fields(false)).toContainEqual(['retry-after', '1']);
    expect(fields(false).map(([name]) => name)).not.toContain('connection');
  });

  it('have messages of visible ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const message = grpcMessage(text);
        expect(message).toMatch(/^[ -~]*$/);
        expect(decodeURIComponent(message)).toBe(Buffer.from(text).toString());
      }),
    );
  });
});
