import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import amqp from 'amqplib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { DepthSample } from '../../../src/lab/index.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';

let rabbit: TestBroker;
beforeAll(async () => {
  rabbit = await startTestBroker();
});
afterAll(() => rabbit.close());

const urlOf = ({ broker }: TestBroker, virtualHost: string): string =>
  `amqp://guest:guest@${broker.address.host}:${broker.address.port}/${encodeURIComponent(virtualHost)}`;

test('depths by priority, in a virtual host of their own', async () => {
  const { broker } = rabbit;
  await broker.createVirtualHost('trial/1');
  const connection = await amqp.connect(urlOf(rabbit, 'trial/1'));
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('jobs', { maxPriority: 3 });
  await channel.assertQueue('plain');
  for (const [priority, count] of [
    [1, 5],
    [3, 2],
  ] as const) {
    for (let sent = 0; sent < count; sent += 1) channel.sendToQueue('jobs', Buffer.from('x'), { priority });
  }
  channel.sendToQueue('plain', Buffer.from('x'));
  await channel.waitForConfirms();
  const expected = [
    { name: 'jobs', ready: { 0: 0, 1: 5, 2: 0, 3: 2 }, unacked: 0 },
    { name: 'plain', ready: { 0: 1 }, unacked: 0 },
  ];
  const samples: DepthSample[] = [];
  const watch = await broker.watchDepths('trial/1', {
    intervalMs: 50,
    onSample: (sample) => samples.push(sample),
  });
  await vi.waitUntil(() => samples.at(-1)?.queues.length === 2, { timeout: 60_000 });
  await watch.stop();
  await watch.stop();
  expect(samples.at(-1)?.queues).toEqual(expected);
  expect(samples.map(({ atMs }) => atMs)).toEqual(samples.map(({ atMs }) => atMs).sort((a, b) => a - b));
  expect((await broker.queueDepths('trial/1')).queues).toEqual(expected);
  expect((await broker.queueDepths('/')).queues).toEqual([]);

  const closed = new Promise((resolve) => connection.once('close', resolve));
  connection.on('error', () => {});
  await broker.deleteVirtualHost('trial/1');
  await closed;
  await expect(broker.queueDepths('trial/1')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});

test('kill -9 and restart keep what was confirmed; one process is the broker', async () => {
  const { broker } = rabbit;
  const connection = await amqp.connect(urlOf(rabbit, '/'));
  const lost = new Promise((resolve) => connection.once('close', resolve));
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  await channel.assertQueue('kept', { durable: true, maxPriority: 2 });
  for (let sent = 0; sent < 20; sent += 1) {
    channel.sendToQueue('kept', Buffer.from(String(sent)), { persistent: true, priority: sent % 3 });
  }
  await channel.waitForConfirms();
  expect(broker.running).toBe(true);
  await broker.kill();
  expect(broker.running).toBe(false);
  await expect(broker.exited).resolves.toEqual({ signal: 'SIGKILL' });
  await lost;
  await expect(broker.queueDepths('/')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });

  await broker.restart();
  expect(broker.running).toBe(true);
  const again = await amqp.connect(urlOf(rabbit, '/'));
  const reader = await again.createChannel();
  expect((await reader.checkQueue('kept')).messageCount).toBe(20);
  await again.close();
});

test('a second broker stands beside the first, and close leaves its log and nothing else', async () => {
  await using other = await startTestBroker();
  expect(other.broker.address.host).not.toBe(rabbit.broker.address.host);
  expect(other.broker.version).toBe(rabbit.broker.version);
  expect(other.broker.version).toMatch(/^\d+\.\d+\.\d+/);
  const connection = await amqp.connect(urlOf(other, '/'));
  await connection.close();
  await other.broker.close();
  // RabbitMQ writes its log in batches, so its end may be missing after SIGKILL; its beginning is not.
  expect(await readFile(other.broker.logFile, 'utf8')).toContain(other.directory);
  const left = await readdir(other.directory);
  expect(left.filter((name) => name === 'data' || name === 'home')).toEqual([]);
  expect(left).toContain(path.basename(path.dirname(other.broker.logFile)));
  await expect(other.broker.restart()).rejects.toMatchObject({ code: 'LAB_FAILED' });
  await other.close();
  await expect(readdir(other.directory)).rejects.toMatchObject({ code: 'ENOENT' });
});
