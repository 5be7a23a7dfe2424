import { access, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { hostExec, mustRun, silentLogger } from '../../../src/core/index.ts';
import {
  type Controller,
  type Lab,
  type LabLine,
  type NetworkStatistics,
  type NetworkTopology,
  openController,
  openLab,
} from '../../../src/lab/index.ts';
import { launchCommand } from '../../../src/lab/mininet-launch.ts';
import { ask, openEvents, type ServerEvent } from '../../support/northbound-client.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OPENAPI = path.join(ROOT, 'docs/reference/northbound.openapi.json');
const WAIT = { timeout: 120_000, interval: 20 } as const;
const DEFAULT = { spread: 'default', marks: {} } as const;
/** AF11: counted; EF: counted and steered. */
const COUNTED = 10;
const STEERED = 46;

async function openTestLab(
  name: 'dumbbell' | 'dual-path',
  folder = '.',
): Promise<{ lab: Lab; controller: Controller } & AsyncDisposable> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-net-'));
  const signal = new AbortController().signal;
  const shape = { rateBps: 20_000_000, delayMs: 0, queuePackets: 100 };
  const topology = { name, ...shape, nodes: ['left2', 'right2'], controller: true };
  const lab = await openLab(
    { kind: 'mininet', topology, logDirectory: directory, logger: silentLogger },
    signal,
  );
  const end = async (): Promise<void> => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const controller = await openController(lab, {
      directory: path.join(directory, folder),
      pollMs: 20,
      classMarks: [COUNTED, STEERED],
      logger: silentLogger,
      signal,
    });
    return { lab, controller, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

let opened: Awaited<ReturnType<typeof openTestLab>>;
let lab: Lab;
let controller: Controller;
beforeAll(async () => {
  opened = await openTestLab('dual-path');
  ({ lab, controller } = opened);
});
afterAll(() => opened?.[Symbol.asyncDispose]());
beforeEach(() => controller.setRoutes(DEFAULT));

async function run(node: string, ...argv: [string, ...string[]]): Promise<string> {
  return (await mustRun(lab.execOn(node), argv)).stdout;
}

/** Pings right1 from left1 and tells how many echoes came. */
async function ping(dscp: number, count: number, ...options: string[]): Promise<number> {
  const to = options.includes('-6') ? lab.nodes['right1']?.address6 : lab.nodes['right1']?.address;
  const mark = `0x${(dscp << 2).toString(16)}`;
  const command = ['ping', '-n', '-Q', mark, '-c', `${count}`, '-i', '0.005', ...options, to ?? ''] as const;
  const said = await run('left1', ...command);
  expect(said).not.toContain('duplicates');
  return Number(/(\d+) received/.exec(said)?.[1]);
}

const textOf = (line: LabLine): string => String(line['text']);

interface Seen {
  readonly packets: number;
  readonly mark: (dscp: number) => number;
}

function seenIn(statistics: NetworkStatistics, link: string): Seen {
  const found = statistics.links.find(({ id }) => id === link);
  if (found === undefined) throw new Error(`no link ${link}`);
  return { packets: found.txPackets, mark: (dscp) => found.marks[dscp]?.packets ?? 0 };
}

/** How many packets with a mark have crossed links since `before`, as soon as they are so many in all. */
async function crossed(
  before: NetworkStatistics,
  dscp: number,
  links: readonly string[],
  total: number,
): Promise<number[]> {
  const count = async (): Promise<number[]> => {
    const now = await controller.statistics();
    return links.map((link) => seenIn(now, link).mark(dscp) - seenIn(before, link).mark(dscp));
  };
  const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);
  await vi.waitFor(async () => expect(sum(await count())).toBeGreaterThanOrEqual(total), WAIT);
  const counts = await count();
  expect(sum(counts)).toBe(total);
  return counts;
}

test('the topology is what the laboratory built', async () => {
  const topology = await controller.topology();
  expect(topology.switches.map(({ name, dpid, connected }) => [name, dpid, connected])).toEqual(
    [1, 2, 3, 4].map((number) => [`s${number}`, number, true]),
  );
  expect(topology.links.map(({ id, up }) => [id, up])).toEqual(lab.links.map(({ id }) => [id, true]));
  expect(topology.links.map(({ device, rateBps }) => ({ device, rateBps }))).toEqual(
    lab.links.map(({ device, rateBps }) => ({ device, rateBps })),
  );
  expect(topology.paths).toEqual([
    {
      id: 'primary',
      default: true,
      between: ['s1', 's4'],
      forward: ['s1>s2', 's2>s4'],
      backward: ['s4>s2', 's2>s1'],
    },
    {
      id: 'secondary',
      default: false,
      between: ['s1', 's4'],
      forward: ['s1>s3', 's3>s4'],
      backward: ['s4>s3', 's3>s1'],
    },
  ]);
  expect(topology.hosts.map(({ name, addresses, switch: at }) => [name, addresses, at])).toEqual(
    Object.entries(lab.nodes).map(([name, { address, address6 }]) => [
      name,
      [address, address6],
      name.startsWith('left') ? 's1' : 's4',
    ]),
  );
  // Every port that is to be shaped is the beginning of a link.
  const shaped = lab.links.filter(({ portLabel }) => portLabel !== null);
  expect(
    shaped.map(({ node, device, rateBps, portLabel: label }) => ({ node, device, rateBps, label })),
  ).toEqual(
    expect.arrayContaining(
      lab.ports.map(({ node, device, rateBps, label }) => ({ node, device, rateBps, label })),
    ),
  );
  expect(shaped).toHaveLength(lab.ports.length);
});

describe('steering by DSCP', () => {
  test('takes both directions of both families over the other path', async () => {
    await controller.setRoutes({ spread: 'default', marks: { [STEERED]: 'secondary' } });
    const before = await controller.statistics();
    expect(await ping(STEERED, 20)).toBe(20);
    expect(await ping(STEERED, 20, '-6')).toBe(20);
    expect(await ping(COUNTED, 20)).toBe(20);
    expect(await crossed(before, STEERED, ['s1>s2', 's1>s3'], 40)).toEqual([0, 40]);
    expect(await crossed(before, STEERED, ['s4>s2', 's4>s3'], 40)).toEqual([0, 40]);
    expect(await crossed(before, COUNTED, ['s1>s2', 's1>s3'], 20)).toEqual([20, 0]);
    expect(await crossed(before, COUNTED, ['s4>s2', 's4>s3'], 20)).toEqual([20, 0]);
  });

  test('is in effect when it is answered, and loses and doubles nothing', async () => {
    const before = await controller.statistics();
    const count = 400;
    let over = false;
    const pinging = ping(STEERED, count, '-i', '0.01').finally(() => {
      over = true;
    });
    let changes = 0;
    for (; !over; changes += 1) {
      const path = changes % 2 === 0 ? 'secondary' : 'primary';
      await controller.setRoutes({ spread: 'default', marks: { [STEERED]: path } });
      expect((await controller.routes()).marks).toEqual({ [STEERED]: path });
    }
    expect(await pinging).toBe(count);
    expect(changes).toBeGreaterThan(4);
    for (const links of [
      ['s1>s2', 's1>s3'],
      ['s4>s2', 's4>s3'],
    ]) {
      const counts = await crossed(before, STEERED, links, count);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    }
  });

  test('one mark at a time, by a request of its own', async () => {
    const steer = (method: string, dscp: number, body?: object): Promise<{ status: number; body: unknown }> =>
      ask(controller.socket, method, `/v1/routes/marks/${dscp}`, JSON.stringify(body));
    expect(await steer('PUT', 1, { path: 'secondary' })).toMatchObject({
      status: 200,
      body: { spread: 'default', marks: { 1: 'secondary' } },
    });
    expect(await steer('PUT', 63, { path: 'primary' })).toMatchObject({
      body: { marks: { 1: 'secondary', 63: 'primary' } },
    });
    const before = await controller.statistics();
    expect(await ping(1, 10)).toBe(10);
    expect(await crossed(before, 1, ['s1>s2', 's1>s3'], 10)).toEqual([0, 10]);
    expect(await steer('DELETE', 1)).toMatchObject({ status: 200, body: { marks: { 63: 'primary' } } });
    expect(await steer('DELETE', 1)).toMatchObject({ status: 200, body: { marks: { 63: 'primary' } } });
    const portsBefore = await controller.statistics();
    expect(await ping(1, 10)).toBe(10);
    await vi.waitUntil(async () => {
      const grown =
        seenIn(await controller.statistics(), 's1>s2').packets - seenIn(portsBefore, 's1>s2').packets;
      return grown >= 10;
    }, WAIT);
  });
});

test('a hash spreads what nothing steers', async () => {
  await controller.setRoutes({ spread: 'hash', marks: { [STEERED]: 'secondary' } });
  // A SYN each to a port at which nobody listens; Open vSwitch hashes the ports of TCP, not those of UDP.
  const send = `
import socket, sys
address, tos, first, step = sys.argv[1], *map(int, sys.argv[2:])
for number in range(40):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        one.bind(('', first + step * number))
        one.connect_ex((address, 9))
`;
  const syns = (dscp: number, first: number, step: number): Promise<string> =>
    run('left1', '/usr/bin/python3', '-c', send, address, `${dscp << 2}`, `${first}`, `${step}`);
  const before = await controller.statistics();
  const address = lab.nodes['right1']?.address ?? '';
  for (const dscp of [COUNTED, STEERED]) await syns(dscp, 20_000, 1);
  const spread = await crossed(before, COUNTED, ['s1>s2', 's1>s3'], 40);
  expect(Math.min(...spread)).toBeGreaterThan(0);
  expect(await crossed(before, STEERED, ['s1>s2', 's1>s3'], 40)).toEqual([0, 40]);
  // A flow stays on its path.
  await syns(COUNTED, 30_000, 0);
  const again = await crossed(before, COUNTED, ['s1>s2', 's1>s3'], 80);
  expect(again.map((count, at) => count - (spread[at] ?? 0)).sort((a, b) => a - b)).toEqual([0, 40]);
});

test('events tell the present first, then each change; counters are at most one round old', async () => {
  using stream = await openEvents(controller.socket);
  await stream.until(({ event }) => event === 'statistics');
  expect(stream.events.slice(0, 3).map(({ event }) => event)).toEqual(['topology', 'routes', 'statistics']);
  expect(stream.events[0]?.data).toEqual(await controller.topology());
  expect(stream.events[1]?.data).toEqual(DEFAULT);

  const before = await controller.statistics();
  expect(await ping(0, 30)).toBe(30);
  const { sequence } = await controller.statistics();
  const told = await stream.until(
    ({ event, data }) => event === 'statistics' && (data as NetworkStatistics).sequence > sequence + 1,
  );
  const grown = seenIn(told.data as NetworkStatistics, 's1>s2').packets - seenIn(before, 's1>s2').packets;
  expect(grown).toBeGreaterThanOrEqual(30);

  await controller.setRoutes({ spread: 'hash', marks: {} });
  const routes = await stream.until(
    ({ event, data }) => event === 'routes' && (data as { spread: string }).spread === 'hash',
  );
  expect(routes.data).toEqual({ spread: 'hash', marks: {} });

  const down = async (state: 'down' | 'up'): Promise<ServerEvent> => {
    await run('s2', 'ip', 'link', 'set', 's2-eth1', state);
    return stream.until(({ event, data, id }) => {
      if (event !== 'topology' || id === stream.events[0]?.id) return false;
      const link = (data as NetworkTopology).links.find((one) => one.id === 's1>s2');
      return link?.up === (state === 'up');
    });
  };
  const broken = await down('down');
  const ups = (broken.data as NetworkTopology).links.filter(({ up }) => !up).map(({ id }) => id);
  expect(ups.sort()).toEqual(['s1>s2', 's2>s1']);
  await down('up');

  const numbers = stream.events.map(({ id }) => id.split('-').map(Number));
  expect(new Set(numbers.map(([epoch]) => epoch)).size).toBe(1);
  const order = numbers.map(([, number]) => number ?? 0);
  expect(order.slice(3)).toEqual([...new Set(order.slice(3))].sort((a, b) => a - b));
});

test('kill -9 and restart lose no packet, keep the routes and touch no flow', async () => {
  await controller.setRoutes({ spread: 'default', marks: { [STEERED]: 'secondary' } });
  const changes: string[] = [];
  const monitor = await lab.spawn('s1', ['sh', '-c', 'exec ovs-ofctl monitor s1 watch:!initial 2>&1'], {
    stderrFile: path.join(path.dirname(controller.logFile), 'monitor.log'),
    onLine: (line) => {
      if (textOf(line).includes('event=')) changes.push(textOf(line));
    },
  });
  await monitor.waitForLine((line) => textOf(line).includes('FLOW_MONITOR reply'), 60_000);
  const { epoch } = await controller.topology();
  using stream = await openEvents(controller.socket);
  const pinger = await lab.spawn(
    'left1',
    [
      'ping',
      '-n',
      '-Q',
      `0x${(STEERED << 2).toString(16)}`,
      '-i',
      '0.01',
      lab.nodes['right1']?.address ?? '',
    ],
    { stderrFile: path.join(path.dirname(controller.logFile), 'ping.log') },
  );
  const echo = (number: number) =>
    pinger.waitForLine((line) => textOf(line).includes(`icmp_seq=${number} `), 60_000);
  await echo(20);
  await controller.kill();
  expect(controller.running).toBe(false);
  await expect(controller.exited).resolves.toEqual({ signal: 'SIGKILL' });
  await expect(controller.routes()).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  await expect(stream.until(() => false)).rejects.toThrow();
  await echo(100);
  await controller.restart();
  expect(controller.running).toBe(true);
  expect(await controller.routes()).toEqual({ spread: 'default', marks: { [STEERED]: 'secondary' } });
  expect((await controller.topology()).epoch).toBeGreaterThan(epoch);
  await pinger.signal('SIGINT');
  const summary = textOf(
    await pinger.waitForLine((line) => textOf(line).includes('packets transmitted'), 60_000),
  );
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(summary) ?? [];
  // The last one may have been under way.
  expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
  expect(changes).toEqual([]);
  // It counts anew, and what it changes is seen.
  const counted = async (): Promise<number> => seenIn(await controller.statistics(), 's1>s3').mark(STEERED);
  expect(await counted()).toBeLessThanOrEqual(Number(sent) - 100);
  expect(await ping(STEERED, 10)).toBe(10);
  await vi.waitUntil(async () => (await counted()) >= 10, WAIT);
  await controller.setRoutes(DEFAULT);
  await monitor.waitForLine((line) => textOf(line).includes('event=ADDED'), 60_000);
  await monitor.signal('SIGTERM');
});

test('what is wrong in a switch is put right when the controller comes', async () => {
  await controller.setRoutes({ spread: 'hash', marks: { [STEERED]: 'secondary' } });
  await controller.kill();
  const change = (...argv: string[]): Promise<string> =>
    run('s1', 'ovs-ofctl', '-O', 'OpenFlow13', ...(argv as [string]));
  await change('add-flow', 's1', 'priority=5000,actions=drop');
  await change('del-flows', 's1', 'table=0,dl_dst=02:00:00:00:00:01');
  await change('mod-group', 's1', 'group_id=100,type=select,bucket=output:3');
  await change('add-group', 's1', 'group_id=7777,type=all,bucket=output:3');
  await controller.restart();
  expect(await ping(STEERED, 10)).toBe(10);
  expect(await change('dump-flows', 's1')).not.toContain('priority=5000');
  const groups = await change('dump-groups', 's1');
  expect(groups).not.toContain('7777');
  expect(groups).toMatch(/group_id=100,type=select,bucket=\S*output:3,bucket=\S*output:4/);
});

describe('the northbound trusts nobody', () => {
  const deep = '['.repeat(60_000);
  test.each<[string, string, string | undefined, number, string]>([
    ['GET', '/', undefined, 404, 'NOT_FOUND'],
    ['GET', '/v1/topology/', undefined, 404, 'NOT_FOUND'],
    ['GET', '/v1/../v1/routes%00', undefined, 404, 'NOT_FOUND'],
    ['POST', '/v1/topology', '{}', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/v1/routes', undefined, 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', '/v1/routes/marks/64', '{"path":"primary"}', 404, 'NOT_FOUND'],
    ['PUT', '/v1/routes/marks/046', '{"path":"primary"}', 404, 'NOT_FOUND'],
    ['PUT', '/v1/routes/marks/-1', '{"path":"primary"}', 404, 'NOT_FOUND'],
    ['PUT', '/v1/routes/marks/46', '{"path":"third"}', 400, 'UNKNOWN_PATH'],
    ['PUT', '/v1/routes/marks/46', '{"path":["primary"]}', 400, 'UNKNOWN_PATH'],
    ['PUT', '/v1/routes/marks/46', '{"path":"primary","more":1}', 400, 'INVALID'],
    ['PUT', '/v1/routes/marks/46', '{"path":"primary","path":"secondary"}', 400, 'INVALID'],
    ['PUT', '/v1/routes/marks/46', '', 400, 'INVALID'],
    ['PUT', '/v1/routes', '[]', 400, 'INVALID'],
    ['PUT', '/v1/routes', 'null', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"default"}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"all","marks":{}}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":{},"marks":{}}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"hash","marks":[]}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"hash","marks":{"64":"primary"}}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"hash","marks":{" 1":"primary"}}', 400, 'INVALID'],
    ['PUT', '/v1/routes', '{"spread":"hash","marks":{"1":NaN}}', 400, 'INVALID'],
    ['PUT', '/v1/routes', deep, 400, 'INVALID'],
    ['PUT', '/v1/routes', `${deep}${deep}`, 413, 'TOO_LARGE'],
  ])('%s %s %.40s', async (method, where, body, status, code) => {
    const answer = await ask(controller.socket, method, where, body);
    expect(answer).toMatchObject({ status, type: 'application/json', body: { error: { code } } });
    expect(await controller.routes()).toEqual(DEFAULT);
  });

  test('a body that is no UTF-8', async () => {
    const answer = await ask(controller.socket, 'PUT', '/v1/routes', Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID' } } });
  });

  test('bytes that are no HTTP', async () => {
    for (const bytes of [
      '\x16\x03\x01\x00\xff\x01',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(20_000)}\r\n`,
      'PUT /v1/routes HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
      'PUT /v1/routes HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'PUT /v1/routes HTTP/1.1\r\nContent-Length: 1_0\r\nConnection: close\r\n\r\n{"a":1234}',
      'PUT /v1/routes HTTP/1.1\r\nContent-Length: 500\r\n\r\n{',
    ]) {
      const socket = connect(controller.socket);
      await new Promise<void>((resolve) => {
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume();
        socket.end(Buffer.from(bytes, 'latin1'));
      });
      expect(await controller.routes()).toEqual(DEFAULT);
    }
  });

  test('streams that nobody reads are dropped, and there are only so many', async () => {
    const lazy = Array.from({ length: 16 }, () => connect(controller.socket).pause());
    for (const socket of lazy) {
      socket.on('error', () => {});
      socket.write('GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    const status = async (): Promise<number> => {
      using stream = await openEvents(controller.socket);
      return stream.status;
    };
    await vi.waitUntil(async () => (await status()) === 503, WAIT);
    expect(await controller.routes()).toEqual(DEFAULT);
    await vi.waitUntil(async () => (await status()) === 200, WAIT);
    for (const socket of lazy) socket.destroy();
  });
});

test('the reference is what is served', async () => {
  const document = JSON.parse(await readFile(OPENAPI, 'utf8')) as {
    paths: Record<string, Record<string, { responses: Record<string, object> }>>;
    components: { schemas: Record<string, object> };
  };
  expect((await ask(controller.socket, 'GET', '/v1/openapi.json')).body).toEqual(document);
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'northbound');
  const expectValid = (schema: string, value: unknown): void => {
    const validate = ajv.getSchema(`northbound#/components/schemas/${schema}`);
    expect(validate?.(value), JSON.stringify(validate?.errors)).toBe(true);
  };
  await controller.setRoutes({ spread: 'hash', marks: { 1: 'primary', [STEERED]: 'secondary' } });
  expect(await ping(COUNTED, 5)).toBe(5);
  for (const [where, schema] of [
    ['/v1/topology', 'Topology'],
    ['/v1/statistics', 'Statistics'],
    ['/v1/routes', 'Routes'],
    ['/v1/nothing', 'Error'],
  ] as const) {
    expectValid(schema, (await ask(controller.socket, 'GET', where)).body);
  }
  // What it names exists, with these methods and no others.
  for (const [where, operations] of Object.entries(document.paths)) {
    const concrete = where.replace('{dscp}', '5');
    for (const method of ['get', 'put', 'delete', 'post']) {
      if (where === '/v1/events' && method === 'get') continue;
      const answer = await ask(controller.socket, method.toUpperCase(), concrete, '{}');
      expect(answer.status === 405, `${method} ${where}`).toBe(operations[method] === undefined);
      const named =
        operations[method]?.responses ?? operations['get']?.responses ?? operations['put']?.responses;
      expect(named, `${method} ${where}`).toHaveProperty(String(answer.status));
      if (answer.status !== 200) expectValid('Error', answer.body);
    }
  }
});

test('a dumbbell has one path', async () => {
  // The path of a socket in this folder would be too long.
  await using other = await openTestLab('dumbbell', 'x'.repeat(90));
  expect(Buffer.byteLength(other.controller.socket)).toBeLessThanOrEqual(100);
  const { links, paths } = await other.controller.topology();
  expect(links.map(({ id, rateBps, up }) => [id, rateBps, up])).toEqual([
    ['s1>s2', 20_000_000, true],
    ['s2>s1', 20_000_000, true],
  ]);
  expect(paths).toEqual([
    { id: 'primary', default: true, between: ['s1', 's2'], forward: ['s1>s2'], backward: ['s2>s1'] },
  ]);
  await other.controller.setRoutes({ spread: 'hash', marks: { [STEERED]: 'primary' } });
  const address = other.lab.nodes['right2']?.address ?? '';
  const { stdout } = await mustRun(other.lab.execOn('left2'), [
    'ping',
    '-n',
    '-c',
    '5',
    '-i',
    '0.01',
    address,
  ]);
  expect(stdout).toContain('5 received');
  const { stdout: near } = await mustRun(other.lab.execOn('left1'), [
    'ping',
    '-6',
    '-n',
    '-c',
    '5',
    '-i',
    '0.01',
    other.lab.nodes['left2']?.address6 ?? '',
  ]);
  expect(near).toContain('5 received');
  await other.controller.close();
  await other.controller.close();
  await expect(access(path.dirname(other.controller.socket))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(other.controller.restart()).rejects.toMatchObject({ code: 'LAB_FAILED' });

  const options = { classMarks: [], logger: silentLogger, signal: new AbortController().signal };
  const directory = path.dirname(other.controller.logFile);
  await expect(openController(other.lab, { ...options, directory, pollMs: 1 })).rejects.toMatchObject({
    code: 'LAB_FAILED',
    message: expect.stringContaining('pollMs: 5 to 10000'),
  });
});

test('the local laboratory has no switches to control', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-net-'));
  const signal = new AbortController().signal;
  const topology = { name: 'dumbbell', rateBps: 1, delayMs: 0, queuePackets: 1, nodes: [] } as const;
  const local = await openLab(
    { kind: 'local', topology, logDirectory: directory, logger: silentLogger },
    signal,
  );
  try {
    const options = { directory, pollMs: 20, classMarks: [], logger: silentLogger, signal };
    await expect(openController(local, options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  } finally {
    await local.close();
    await rm(directory, { recursive: true, force: true });
  }
});

test('the guide tells how to use it with plain Mininet', async () => {
  const guide = await readFile(path.join(ROOT, 'docs/guides/controller.md'), 'utf8');
  const script = /```python\n(.*?)```/s.exec(guide)?.[1];
  expect(script).toBeDefined();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-plain-'));
  // A laboratory's namespaces and its Open vSwitch, but not its network; and instead of a person at the prompt, a few questions.
  const before = `
import json, os, sys
from mininet.net import Mininet
import mininet.cli
sys.path.insert(0, ${JSON.stringify(path.join(ROOT, 'topologies'))})
import lab_network
os.environ['PATH'] += ':/usr/sbin:/sbin'
os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
lab_network.isolate()
lab_network.Network(os.getcwd())._start_open_vswitch()
Mininet.inited = True
def ask(net):
    from urllib.request import Request, urlopen
    def answer(path, method='GET', body=None):
        url = 'http://127.0.0.1:8080/v1/' + path
        with urlopen(Request(url, body, method=method), timeout=30) as response:
            return json.load(response)
    lost = [net.pingAll(timeout='5')]
    steered = answer('routes/marks/0', 'PUT', b'{"path": "secondary"}')
    lost.append(net.pingAll(timeout='5'))
    first = answer('statistics')
    while answer('statistics')['sequence'] < first['sequence'] + 2:
        pass
    links = {link['id']: link for link in answer('statistics')['links']}
    print(json.dumps({'lost': lost, 'steered': steered, 'topology': answer('topology'),
                      'secondary': links['s1>s3']['txPackets'] > 0}), flush=True)
    os._exit(0)
mininet.cli.CLI = ask
`;
  const [program = '', ...rest] = launchCommand(process.getuid?.() === 0).slice(0, -1);
  await symlink(path.join(ROOT, 'topologies'), path.join(folder, 'topologies'));
  const command = [
    'sh',
    '-c',
    'cd "$1" && shift && exec "$@"',
    'sh',
    folder,
    program,
    ...rest,
    '-c',
    `${before}\n${script}`,
  ] as const;
  try {
    const { stdout } = await mustRun(hostExec, command, { timeoutMs: 120_000 });
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(said).toMatchObject({
      lost: [0, 0],
      steered: { spread: 'default', marks: { 0: 'secondary' } },
      secondary: true,
    });
    const { links, switches } = said['topology'] as NetworkTopology;
    expect(switches.every(({ connected }) => connected)).toBe(true);
    expect(links.map(({ id, rateBps }) => [id, rateBps])).toEqual(
      expect.arrayContaining([
        ['s1>s2', 20_000_000],
        ['s2>s1', 20_000_000],
        ['s2>s4', null],
      ]),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
