import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { messageOf, systemClock } from '../core/index.ts';
import type { ControlOrder, ControlTarget } from './broker-control.ts';
import { QUEUE_COLUMNS, readQueues } from './broker-queues.ts';

/** What a broker says first: a method frame on channel 0, connection.start (AMQP 0-9-1, sections 2.2.4 and 4.2.3). */
const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
const CONNECTION_START = { frame: Buffer.from([1, 0, 0]), method: Buffer.from([0, 10, 0, 10]) };
const RETRY_MS = 50;
const ANSWER_TIMEOUT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Resolves when the broker greets a client; rejects when it does not listen yet. */
function greet({ host, port }: ControlTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(PROTOCOL_HEADER));
    let heard = Buffer.alloc(0);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(why));
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => fail('the broker does not greet'));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the broker closed the connection'));
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < 11) return;
      const { frame, method } = CONNECTION_START;
      if (!heard.subarray(0, 3).equals(frame) || !heard.subarray(7, 11).equals(method)) {
        fail('what listens there is no AMQP 0-9-1 broker');
        return;
      }
      socket.destroy();
      resolve();
    });
  });
}

/** One request to the management API; rejects unless the answer is a success. */
function manage(target: ControlTarget, method: string, path: string, body?: object): Promise<unknown> {
  const { host, managementPort, userName, password } = target;
  return new Promise((resolve, reject) => {
    const sent = request(
      { host, port: managementPort, method, path, agent, auth: `${userName}:${password}` },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > ANSWER_LIMIT_BYTES) sent.destroy(new Error('the answer is too long'));
          else parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const status = answer.statusCode ?? 0;
          if (status < 200 || status > 299) {
            reject(new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`));
            return;
          }
          try {
            resolve(text === '' ? undefined : JSON.parse(text));
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    sent.setTimeout(ANSWER_TIMEOUT_MS, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const hostPath = (virtualHost: string): string => `/api/vhosts/${encodeURIComponent(virtualHost)}`;

async function awaitReady(target: ControlTarget): Promise<void> {
  for (;;) {
    try {
      await greet(target);
      const overview = (await manage(target, 'GET', '/api/overview?columns=rabbitmq_version')) as {
        rabbitmq_version?: string;
      };
      say({ event: 'ready', version: overview.rabbitmq_version ?? 'unknown' });
      return;
    } catch {
      // It is still starting; whoever waits has a time limit and watches the broker's process.
      await systemClock.sleep(RETRY_MS);
    }
  }
}

async function tellDepths(target: ControlTarget, virtualHost: string): Promise<void> {
  const path = `/api/queues/${encodeURIComponent(virtualHost)}?columns=${QUEUE_COLUMNS}`;
  const queues = readQueues(await manage(target, 'GET', path));
  say({ event: 'depths', monotonicMs: systemClock.nowMs(), queues });
}

async function watch(target: ControlTarget, virtualHost: string, intervalMs: number): Promise<void> {
  const startMs = systemClock.nowMs();
  for (let turn = 1; ; turn += 1) {
    try {
      await tellDepths(target, virtualHost);
    } catch (error) {
      say({ event: 'missed', why: messageOf(error) });
    }
    // On a grid of its own: a slow answer delays one sample and not all that follow.
    const due = startMs + turn * intervalMs;
    const lateTurns = Math.max(0, Math.ceil((systemClock.nowMs() - due) / intervalMs));
    turn += lateTurns;
    await systemClock.sleep(Math.max(0, due + lateTurns * intervalMs - systemClock.nowMs()));
  }
}

async function createVirtualHost(target: ControlTarget, virtualHost: string): Promise<void> {
  await manage(target, 'PUT', hostPath(virtualHost), {});
  const rights = { configure: '.*', write: '.*', read: '.*' };
  const where = `/api/permissions/${encodeURIComponent(virtualHost)}/${encodeURIComponent(target.userName)}`;
  await manage(target, 'PUT', where, rights);
}

async function serve(order: ControlOrder): Promise<void> {
  switch (order.operation) {
    case 'await-ready':
      return awaitReady(order.target);
    case 'depths':
      return tellDepths(order.target, order.virtualHost);
    case 'watch':
      return watch(order.target, order.virtualHost, order.intervalMs);
    case 'create-virtual-host':
      return createVirtualHost(order.target, order.virtualHost);
    case 'delete-virtual-host':
      await manage(order.target, 'DELETE', hostPath(order.virtualHost));
  }
}

try {
  await serve(JSON.parse(process.argv[2] ?? '') as ControlOrder);
  agent.destroy();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
  agent.destroy();
}
