import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignedText, jsonText } from '../../../src/cli/tap-text.ts';
import type { MessageLine, RequestLine, TapLine } from '../../../src/sidecar/index.ts';

const TIME_MS = Date.UTC(2026, 0, 2, 14, 3, 11, 482);

const hello: TapLine = {
  event: 'hello',
  timeMs: TIME_MS,
  service: 'frontend',
  format: 'priomesh/tap/v1',
  classes: ['interactive', 'batch'],
};

function requestLine(changes: Partial<RequestLine> = {}): RequestLine {
  return {
    event: 'request',
    timeMs: TIME_MS,
    service: 'frontend',
    side: 'inbound',
    class: 'interactive',
    reason: 'rule pages',
    to: '',
    method: 'GET',
    path: '/product',
    status: 200,
    queueWaitMs: 0,
    tookMs: 12.345,
    outcome: 'completed',
    code: '',
    ...changes,
  };
}

function messageLine(changes: Partial<MessageLine> = {}): MessageLine {
  return {
    event: 'message',
    timeMs: TIME_MS,
    service: 'reviews',
    action: 'publish',
    class: 'batch',
    reason: 'wire',
    exchange: '',
    routingKey: 'jobs',
    queue: '',
    priority: 0,
    bodyBytes: 120,
    queueWaitMs: null,
    tookMs: null,
    outcome: 'unsettled',
    ...changes,
  };
}

const EVENTS: readonly TapLine[] = [
  hello,
  requestLine(),
  requestLine({ side: 'outbound', to: 'reviews', path: '/reviews/7', reason: 'trace-id', queueWaitMs: null }),
  requestLine({
    class: 'batch',
    status: 503,
    outcome: 'answered',
    code: 'QUEUE_DEADLINE',
    queueWaitMs: 500.2,
    tookMs: 500.3,
  }),
  requestLine({ status: null, outcome: 'caller-gone' }),
  requestLine({
    class: null,
    reason: '',
    method: '',
    path: '',
    status: 400,
    queueWaitMs: null,
    outcome: 'refused',
    code: 'bare-lf',
  }),
  messageLine(),
  messageLine({
    action: 'settle',
    exchange: 'amq.topic',
    queue: 'jobs',
    priority: null,
    queueWaitMs: 31,
    tookMs: 80.25,
    outcome: 'acked',
  }),
  { event: 'dropped', timeMs: TIME_MS, service: 'frontend', count: 12 },
];

/** All texts of one display. */
const told = (lines: readonly TapLine[], text = alignedText(false)): string => lines.map(text).join('');

describe('lines for a person', () => {
  it('stand under each other', () => {
    expect(told(EVENTS)).toBe(
      [
        'time (UTC)    service   event    class        reason        what                      result      waited        took',
        '14:03:11.482  frontend  in       interactive  rule pages    GET /product              200         0.0 ms     12.3 ms',
        '14:03:11.482  frontend  out      interactive  trace-id      GET reviews/reviews/7     200              -     12.3 ms',
        '14:03:11.482  frontend  in       batch        rule pages    GET /product              503       500.2 ms    500.3 ms  QUEUE_DEADLINE',
        '14:03:11.482  frontend  in       interactive  rule pages    GET /product              -           0.0 ms     12.3 ms  caller-gone',
        '14:03:11.482  frontend  in       -            -             -                         400              -     12.3 ms  bare-lf',
        '14:03:11.482  reviews   publish  batch        wire          jobs                      prio 0           -           -  120 bytes',
        '14:03:11.482  reviews   settle   batch        wire          jobs                      -          31.0 ms     80.3 ms  acked',
        '... 12 events of frontend are missing here: they came faster than they were read',
        '',
      ].join('\n'),
    );
  });

  it('stay aligned after a wider value has come, and one beyond all width moves its own line alone', () => {
    const long = requestLine({ path: `/${'x'.repeat(100)}` });
    const lines = told([
      hello,
      requestLine({ service: 'recommendations', reason: 'rule a-rather-long-name' }),
      long,
      requestLine(),
    ]).split('\n');
    const at = (line: string | undefined): number => line?.indexOf('200') ?? -1;
    expect(lines[1]?.indexOf('GET')).toBe(lines[3]?.indexOf('GET'));
    expect(at(lines[3])).toBeLessThan(at(lines[2]));
    expect(lines[2]).toContain('x'.repeat(100));
  });

  it('have colours only where they are asked for, and say the same with them', () => {
    const coloured = told(EVENTS, alignedText(true));
    expect(told(EVENTS)).not.toContain('\u001b');
    expect(coloured).toContain('\u001b[36minteractive');
    expect(coloured).toContain('\u001b[31m503');
    const spaces = (text: string): string => text.replaceAll(/ +$/gm, '');
    expect(spaces(stripVTControlCharacters(coloured))).toBe(told(EVENTS));
  });
});

describe('text that came over the network', () => {
  it('cannot command a terminal, nor break a line', () => {
    const evil = fc
      .array(
        fc.constantFrom('\u001b[2J', '\u009b', '\n', '\r', '\u202e', '\u2028', '\u007f', '\u{e0001}', 'a'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(evil, (text) => {
        const line = messageLine({ exchange: text, routingKey: text, reason: text, service: text });
        for (const told of [alignedText(false)(line), jsonText()(line)]) {
          expect(told.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        }
        expect(jsonText()(line).split('\n')).toHaveLength(2);
        expect(JSON.parse(jsonText()(line))).toEqual(line);
      }),
    );
  });
});

describe('lines for a program', () => {
  it('are what came, without the greeting', () => {
    const lines = told(EVENTS, jsonText()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(EVENTS.slice(1));
  });
});
