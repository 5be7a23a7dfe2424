import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../../src/sidecar/amqp/protocol/byte-reader.ts';
import { readTable } from '../../../../../src/sidecar/amqp/protocol/field-table.ts';
import {
  ContentHeader,
  decodeMethod,
  editContentHeader,
  encodeFrame,
  encodeMethod,
  FRAME,
  FrameScanner,
  isFromClient,
  isFromServer,
  MIN_FRAME_MAX,
  plainOf,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';

/** A session of amqplib with RabbitMQ 3.10.8 that rabbitmq-session-main.ts recorded. */
const FRAMES = readFileSync(path.join(import.meta.dirname, 'rabbitmq-session.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as ['client' | 'server', string])
  .map(([from, hex]) => {
    const frame = Buffer.from(hex, 'hex');
    const scanner = new FrameScanner();
    const found = scanner.scan(frame, 0, frame.length, MIN_FRAME_MAX);
    const { type, channel, payloadStart: start, payloadEnd: end, frameEnd } = scanner;
    return { from, frame, found, type, channel, start, end, frameEnd };
  });

const methods = FRAMES.filter(({ type }) => type === FRAME.method).map((frame) => ({
  ...frame,
  method: decodeMethod(frame.frame, frame.start, frame.end),
}));
const contents = FRAMES.filter(({ type }) => type === FRAME.header).map((frame) => ({
  ...frame,
  header: ContentHeader.read(frame.frame, frame.start, frame.end),
}));

describe('a recorded session with RabbitMQ', () => {
  it('is made of whole frames', () => {
    expect(FRAMES.length).toBeGreaterThan(80);
    for (const { found, frame, frameEnd } of FRAMES)
      expect([found, frameEnd]).toEqual(['frame', frame.length]);
  });

  it('has methods that are written as they were read, each from the side that may send it', () => {
    expect(new Set(methods.map(({ method }) => method.name)).size).toBeGreaterThan(45);
    for (const { method, channel, frame, from } of methods) {
      expect(encodeMethod(channel, method.name, method.args).equals(frame), method.name).toBe(true);
      expect(from === 'client' ? isFromClient(method.id) : isFromServer(method.id), method.name).toBe(true);
    }
  });

  it('tells of the broker and of what was declared', () => {
    const found = methods.map(({ method }) => method);
    const start = found.find((method) => method.name === 'connection.start');
    expect(plainOf(start?.args.serverProperties ?? [])).toMatchObject({
      product: 'RabbitMQ',
      version: '3.10.8',
      capabilities: { publisher_confirms: true, 'connection.blocked': true },
    });
    const declare = found.find((method) => method.name === 'queue.declare' && method.args.queue === 'work');
    expect(declare?.name === 'queue.declare' && plainOf(declare.args.arguments)).toMatchObject({
      'x-max-priority': 3,
      'x-dead-letter-exchange': 'dead',
    });
    const close = found.find((method) => method.name === 'channel.close' && method.args.replyCode === 404);
    expect(close?.args).toMatchObject({ classId: 50, methodId: 10 });
  });

  it('has content headers whose properties are read, with the history of dead letters', () => {
    const published = contents.find(({ from, header }) => from === 'client' && header.messageId === 'm1');
    expect(published?.header).toMatchObject({
      priority: 1,
      deliveryMode: 2,
      contentType: 'text/plain',
      expiration: '60000',
      timestamp: 1_700_000_000,
      userId: 'guest',
    });
    const dead = contents.find(
      ({ from, header }) => from === 'server' && header.header('x-first-death-queue') !== undefined,
    );
    expect(dead?.header.header('x-first-death-reason')).toBe('rejected');
    expect(dead?.header.header('n')).toBe(7);
    const { bytes, headersStart, headersEnd } = dead?.header ?? ContentHeader.read(Buffer.alloc(0), 0, 0);
    const table = plainOf(readTable(new ByteReader(bytes, headersStart, headersEnd, 'headers')));
    expect(table['x-death']).toMatchObject([{ count: 1, queue: 'work', 'routing-keys': ['work'] }]);
  });

  it('has content headers that edits leave as they were but for what they change', () => {
    expect(contents.length).toBeGreaterThan(5);
    for (const { frame, start, end, channel, header } of contents) {
      const edited = editContentHeader(frame, start, end, { priority: 9, headers: { 'x-new': 'v', n: 8 } });
      const found = ContentHeader.read(edited, 0, edited.length);
      expect([found.priority, found.header('x-new'), found.header('n')]).toEqual([9, 'v', 8]);
      const back = editContentHeader(edited, 0, edited.length, {
        ...(header.priority === undefined ? {} : { priority: header.priority }),
        removeHeaders: ['x-new', 'n'],
      });
      const without = editContentHeader(frame, start, end, { removeHeaders: ['n'] });
      if (header.has('priority') && header.has('headers')) expect(back.equals(without)).toBe(true);
      expect(encodeFrame(FRAME.header, channel, editContentHeader(frame, start, end, {})).equals(frame)).toBe(
        true,
      );
    }
  });
});
