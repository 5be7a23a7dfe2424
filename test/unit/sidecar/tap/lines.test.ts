import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageLine, moveLine, parseTapLine, requestLine } from '../../../../src/sidecar/tap/lines.ts';
import { messageEvent, requestEvent } from './support.ts';

const told = { timeMs: 1_700_000_000_000, service: 'tested' };

describe('a line of the stream', () => {
  it('is read as what was written', () => {
    const text = fc.string({ unit: 'binary' });
    const requests = fc.record({
      method: text,
      path: text,
      to: text,
      reason: text,
      status: fc.integer({ min: 0, max: 599 }),
      queueWaitMs: fc.oneof(fc.constant(-1), fc.double({ min: 0, max: 1e9, noNaN: true })),
      tookMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(requests, fc.option(text, { nil: undefined }), (changes, className) => {
        const line = requestLine(told, className, requestEvent(changes));
        expect(parseTapLine(JSON.stringify(line))).toEqual(line);
      }),
    );
    const messages = fc.record({ exchange: text, routingKey: text, queue: text, priority: fc.integer() });
    fc.assert(
      fc.property(messages, (changes) => {
        const line = messageLine(told, 'batch', messageEvent(changes));
        expect(parseTapLine(JSON.stringify(line))).toEqual(line);
      }),
    );
  });

  it('tells a move', () => {
    const move = {
      classIndex: 1,
      peer: '10.0.0.2',
      from: 'primary',
      to: 'secondary',
      reason: 'congested',
      owner: 'sidecar',
    } as const;
    const line = moveLine(told, 'batch', move);
    expect(parseTapLine(JSON.stringify(line))).toEqual(line);
    expect(line).toEqual({
      event: 'move',
      ...told,
      peer: '10.0.0.2',
      class: 'batch',
      from: 'primary',
      to: 'secondary',
      reason: 'congested',
      owner: 'sidecar',
    });
  });

  it('does not hold the token by which a waiting client can be answered', () => {
    const reply = { routingKey: 'amq.rabbitmq.reply-to.g1h2AA==.VTCP8Fu', queue: 'amq.rabbitmq.reply-to.x' };
    expect(messageLine(told, 'batch', messageEvent(reply))).toMatchObject({
      routingKey: 'amq.rabbitmq.reply-to',
      queue: 'amq.rabbitmq.reply-to',
    });
    expect(messageLine(told, 'batch', messageEvent({ routingKey: 'jobs.a' })).routingKey).toBe('jobs.a');
  });

  it('may say more than this version knows', () => {
    const line = { ...requestLine(told, 'batch', requestEvent()), colour: 'green' };
    expect(parseTapLine(JSON.stringify(line))).toEqual(line);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"event":"toString","timeMs":1,"service":"a"}',
    '{"event":"dropped","timeMs":1,"service":"a"}',
    '{"event":"dropped","timeMs":1,"service":"a","count":"7"}',
    '{"event":"hello","timeMs":1,"service":"a","format":"priomesh/tap/v2","classes":[]}',
    '{"event":"hello","timeMs":1,"service":"a","format":"priomesh/tap/v1","classes":[1]}',
  ])('is not %s', (text) => {
    expect(parseTapLine(text)).toBeUndefined();
  });

  it('is refused, without an exception, when one member is missing or of another type', () => {
    const line = requestLine(told, 'batch', requestEvent());
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(line)),
        fc.constantFrom({}, [], true, undefined),
        (member, value) => {
          expect(parseTapLine(JSON.stringify({ ...line, [member]: value }))).toBeUndefined();
        },
      ),
    );
    fc.assert(fc.property(fc.json(), (text) => parseTapLine(text) === undefined));
  });
});
