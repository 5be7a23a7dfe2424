import type { Message } from 'amqplib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  endToEndFields,
  fieldOf,
  isOriginForm,
  parseFields,
} from '../../../../../src/sidecar/amqp/request-reply/fields.ts';
import {
  cancelOptions,
  type QueuedRequest,
  readCancel,
  readReply,
  readReplyTo,
  readRequest,
  requestHeaderBytes,
  requestOptions,
  responseOptions,
  startedOptions,
} from '../../../../../src/sidecar/amqp/request-reply/message-format.ts';
import { waitPreferenceMs } from '../../../../../src/sidecar/amqp/request-reply/prefer.ts';

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/);
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([ -~\x80-\xff]{0,20}[\x21-\x7e])?$/);
const fields = fc.array(fc.tuple(token, value), { maxLength: 12 }).map((pairs) => pairs.flat());
const id = fc.stringMatching(/^[\x21-\x7e]{1,60}$/);
const request: fc.Arbitrary<QueuedRequest> = fc.record({
  id,
  key: id,
  method: token,
  target: fc.stringMatching(/^\/[\x21-\x7e]{0,30}$/),
  fields,
  trace: fc.record(
    { traceparent: fc.stringMatching(/^[0-9a-f-]{1,55}$/), tracestate: fc.stringMatching(/^[ -~]{1,30}$/) },
    { requiredKeys: [] },
  ),
  body: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
});

/** A message as it comes out of a queue: properties through JSON, as a stand-in for the wire. */
function message(options: object, body: Buffer = Buffer.alloc(0)): Message {
  return {
    content: body,
    fields: { deliveryTag: 1, redelivered: false, exchange: '', routingKey: '' },
    properties: JSON.parse(JSON.stringify(options)) as Message['properties'],
  };
}

describe('the message of a request', () => {
  it('gives back the request that was put in', () => {
    fc.assert(
      fc.property(request, (one) => {
        const sent = { ...requestOptions(one, 1000), replyTo: 'amq.rabbitmq.reply-to.g1h2' };
        expect(readRequest(message(sent, one.body))).toEqual({
          request: one,
          replyTo: 'amq.rabbitmq.reply-to.g1h2',
        });
      }),
    );
  });

  it('is durable, must be routed, and expires when the deadline passes', () => {
    const [one] = fc.sample(request, 1);
    if (one === undefined) throw new Error('no sample');
    expect(requestOptions(one, 12.3)).toMatchObject({
      type: 'http-request',
      mandatory: true,
      persistent: true,
      expiration: '13',
      messageId: one.key,
      correlationId: one.id,
      replyTo: 'amq.rabbitmq.reply-to',
    });
    expect(requestOptions(one, -5).expiration).toBe('1');
  });

  it('is not read where any part could not stand in a request', () => {
    const sound = {
      type: 'http-request',
      correlationId: 'a',
      messageId: 'b',
      headers: { method: 'GET', target: '/', fields: '[]' },
    };
    expect(readRequest(message(sound))).toMatchObject({ request: { id: 'a', key: 'b' } });
    const wrong: object[] = [
      { ...sound, type: 'other' },
      { ...sound, correlationId: undefined },
      { ...sound, messageId: '' },
      { ...sound, messageId: 'x'.repeat(256) },
      { ...sound, headers: undefined },
      { ...sound, headers: { ...sound.headers, method: 'GET /x' } },
      { ...sound, headers: { ...sound.headers, target: 'http://elsewhere/' } },
      { ...sound, headers: { ...sound.headers, target: '/a b' } },
      { ...sound, headers: { ...sound.headers, target: '/a\r\nx: y' } },
      { ...sound, headers: { ...sound.headers, fields: '["a"]' } },
      { ...sound, headers: { ...sound.headers, fields: '["a","b\\r\\nc: d"]' } },
      { ...sound, headers: { ...sound.headers, fields: '["a b","c"]' } },
      { ...sound, headers: { ...sound.headers, fields: '["a",1]' } },
      { ...sound, headers: { ...sound.headers, fields: '{' } },
      { ...sound, headers: { ...sound.headers, fields: JSON.stringify(Array(514).fill('a')) } },
    ];
    for (const one of wrong) expect(typeof readRequest(message(one)), JSON.stringify(one)).toBe('string');
  });

  it('never makes a reader throw', () => {
    fc.assert(
      fc.property(fc.object(), (properties) => {
        const one = message(properties);
        readRequest(one);
        readReply(one);
        readCancel(one);
        readReplyTo(one.properties);
      }),
    );
  });

  it('is answered at a direct reply-to address only', () => {
    const to = (replyTo: unknown) => readReplyTo(message({ replyTo }).properties);
    expect(to('amq.rabbitmq.reply-to.g2dkAA')).toBe('amq.rabbitmq.reply-to.g2dkAA');
    for (const other of ['payments', 'amq.rabbitmq.reply-to', '', 7, undefined, null]) {
      expect(to(other)).toBeUndefined();
    }
  });

  it('counts its header bytes on the safe side', () => {
    fc.assert(
      fc.property(request, (one) => {
        const { headers, messageId, correlationId } = requestOptions(one, 1);
        const written = JSON.stringify({ headers, messageId, correlationId });
        const texts = Object.values<string>(headers).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        expect(requestHeaderBytes(one)).toBeGreaterThan(texts + Buffer.byteLength(one.key));
        expect(written.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('a reply', () => {
  it('gives back the response that was put in', () => {
    fc.assert(
      fc.property(id, fields, fc.integer({ min: 200, max: 599 }), (one, list, status) => {
        const response = { status, fields: list, body: Buffer.from('body') };
        const sent = message(responseOptions(one, response, {}), response.body);
        expect(readReply(sent)).toEqual({ id: one, kind: 'response', response });
      }),
    );
  });

  it('can be the word that the request was started', () => {
    expect(readReply(message(startedOptions('a', {})))).toEqual({ id: 'a', kind: 'started' });
  });

  it('is malformed where the status or the fields are', () => {
    const sent = responseOptions('a', { status: 200, fields: [], body: Buffer.alloc(0) }, {});
    for (const headers of [
      { status: 100, fields: '[]' },
      { status: 600, fields: '[]' },
      { status: 'x' },
      {},
      undefined,
    ]) {
      expect(readReply(message({ ...sent, headers }))).toEqual({ id: 'a', kind: 'malformed' });
    }
    expect(readReply(message({}))).toBeUndefined();
  });

  it('is told from a cancel notice', () => {
    expect(readCancel(message(cancelOptions('a')))).toBe('a');
    expect(readCancel(message(startedOptions('a', {})))).toBeUndefined();
  });
});

describe('header fields', () => {
  it('lose what is about one connection, and what Connection names', () => {
    const kept = endToEndFields(
      [
        'Connection',
        'close, X-Hop',
        'X-Hop',
        '1',
        'Keep-Alive',
        '5',
        'X-End',
        '2',
        'TE',
        'trailers',
        'Host',
        'a',
      ],
      new Set(['host']),
    );
    expect(kept).toEqual(['X-End', '2']);
  });

  it('are found in any letter case, the first of a name', () => {
    expect(fieldOf(['A', '1', 'b', '2', 'B', '3'], 'b')).toBe('2');
    expect(fieldOf(['A', '1'], 'c')).toBeUndefined();
  });

  it('pass through JSON unchanged', () => {
    fc.assert(
      fc.property(fields, (list) => {
        expect(parseFields(JSON.stringify(list))).toEqual(list);
      }),
    );
  });

  it('go with targets of the origin form only', () => {
    expect(isOriginForm('/a?b=c')).toBe(true);
    for (const other of ['', '*', 'a', 'http://a/', '/a b', '/a\n']) expect(isOriginForm(other)).toBe(false);
  });
});

describe('the preference wait', () => {
  it('is read as RFC 7240 writes it', () => {
    expect(waitPreferenceMs('wait=10')).toBe(10_000);
    expect(waitPreferenceMs('respond-async, wait=10')).toBe(10_000);
    expect(waitPreferenceMs('Wait = "3" ; x=y')).toBe(3000);
    expect(waitPreferenceMs('wait=10;foo')).toBe(10_000);
    expect(waitPreferenceMs(['respond-async', 'wait=2'])).toBe(2000);
    for (const none of [undefined, '', 'wait', 'wait=x', 'await=5', 'wait=-1', 'wait=1.5']) {
      expect(waitPreferenceMs(none), String(none)).toBe(Number.POSITIVE_INFINITY);
    }
  });
});
