import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../../src/core/index.ts';
import type { Northbound } from '../../../src/sdn-bridge/northbound/northbound.ts';
import { priomeshNorthbound } from '../../../src/sdn-bridge/northbound/priomesh.ts';
import { Told } from './northbound-server.ts';

const TOPOLOGY = { epoch: 1, switches: [], links: [], hosts: [], paths: [] };
const event = (type: string, value: unknown): string => `event: ${type}\ndata: ${JSON.stringify(value)}\n\n`;

let directory = '';
let socket = '';
let server: http.Server;
let streams: http.ServerResponse[] = [];
let asked: string[] = [];
/** What a stream begins with. */
let greeting = '';
let status = 200;
const opened = new Set<() => void>();

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-nb-'));
  socket = path.join(directory, 'n.sock');
  streams = [];
  asked = [];
  status = 200;
  greeting = event('topology', TOPOLOGY) + event('routes', { spread: 'default', marks: {} });
  server = http.createServer((request, response) => {
    if (request.url === '/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(greeting);
      streams.push(response);
      for (const wake of opened) wake();
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${body}`);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        status === 200 ? '{}' : '{"error":{"code":"unknown-path","message":"there is no such path"}}',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

async function follow(use: (northbound: Northbound, told: Told) => Promise<void>): Promise<void> {
  const northbound = priomeshNorthbound({
    url: `unix:${socket}`,
    clock: systemClock,
    random: seededRandom(1),
  });
  const told = new Told();
  const stop = new AbortController();
  const ran = northbound.run(told, stop.signal);
  try {
    await use(northbound, told);
  } finally {
    stop.abort();
    await ran;
  }
}

test('follows the stream, and asks beside it', () =>
  follow(async (northbound, told) => {
    await told.until(() => told.events.includes('routes'));
    streams[0]?.write(': alive\n\n');
    streams[0]?.write(event('statistics', { epoch: 1, sequence: 1, timeMs: 5, links: [] }));
    streams[0]?.write(event('weather', 'fine'));
    await told.until(() => told.events.includes('statistics'));
    expect(told.events).toEqual(['found', 'topology', 'routes', 'statistics']);
    await northbound.moveClass(46, 'secondary');
    await northbound.unmoveClass(46);
    expect(asked).toEqual(['PUT /v1/routes/marks/46 {"path":"secondary"}', 'DELETE /v1/routes/marks/46 ']);
    status = 404;
    await expect(northbound.moveClass(46, 'third')).rejects.toThrow(/404.*there is no such path/);
  }));

test('comes back after every loss, and says each once', () =>
  follow(async (_, told) => {
    await told.until(() => told.events.includes('routes'));
    streams[0]?.destroy();
    await told.until(() => told.events.filter((one) => one === 'found').length === 2);
    streams[1]?.end();
    await told.until(() => told.events.filter((one) => one === 'found').length === 3);
    expect(told.events.filter((one) => one === 'lost')).toHaveLength(2);
  }));

test('a stream that says what it should not is lost; what is wrong reaches nobody', () =>
  follow(async (_, told) => {
    await told.until(() => told.events.includes('routes'));
    greeting = event('topology', { ...TOPOLOGY, links: 'many' });
    streams[0]?.write('event: statistics\ndata: {"links":\n\n');
    await told.until(() => told.events.includes('lost'));
    while (streams.length < 4) {
      await new Promise<void>((resolve) => {
        opened.add(resolve);
      });
    }
    expect(told.statisticsSeen).toEqual([]);
    expect(told.events).toEqual(['found', 'topology', 'routes', 'lost']);
  }));

test('a controller that is not there is said to be lost once', async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await follow(async (northbound, told) => {
    await told.until(() => told.events.includes('lost'));
    await expect(northbound.moveClass(1, 'secondary')).rejects.toThrow('PUT /v1/routes/marks/1');
    expect(told.events).toEqual(['lost']);
  });
  server.listen(socket);
});
