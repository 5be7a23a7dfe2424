import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import amqplib from 'amqplib';
import {
  FRAME,
  FrameScanner,
  methodIdAt,
  methodName,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';

/*
 * Makes rabbitmq-session.jsonl: the frames of a session of amqplib with a RabbitMQ that runs here.
 *   node rabbitmq-session-main.ts PORT
 * Of each kind of frame the first few in each direction are kept.
 */
const brokerPort = Number(process.argv[2]);
const KEPT = 3;
const KEPT_HEADERS = 8;
const rows: string[] = [];
const seen = new Map<string, number>();

/** Notes the frames that pass a socket; the protocol header is left out. */
function record(from: 'client' | 'server', socket: Socket, to: Socket): void {
  const scanner = new FrameScanner();
  let rest: Buffer = Buffer.alloc(0);
  let first = from === 'client';
  socket.on('data', (chunk: Buffer) => {
    to.write(chunk);
    rest = Buffer.concat([rest, chunk]);
    if (first) rest = rest.subarray(8);
    first = false;
    while (scanner.scan(rest, 0, rest.length, 2 ** 20) === 'frame') {
      const frame = rest.subarray(0, scanner.frameEnd);
      const name = scanner.type === FRAME.method ? methodName(methodIdAt(frame, 7)) : scanner.type;
      const key = `${from} ${name}`;
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      if (count <= (scanner.type === FRAME.header ? KEPT_HEADERS : KEPT))
        rows.push(JSON.stringify([from, frame.toString('hex')]));
      rest = rest.subarray(scanner.frameEnd);
    }
  });
  // A broker resets a connection that it has closed.
  socket.on('error', () => {});
  socket.on('close', () => to.end());
}

const server = createServer((client) => {
  const broker = connect(brokerPort, '127.0.0.1');
  record('client', client, broker);
  record('server', broker, client);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port');

const connection = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${address.port}`, {
  clientProperties: { connection_name: 'recorded' },
});
const channel = await connection.createConfirmChannel();
await channel.assertExchange('dead', 'fanout', { durable: false });
await channel.assertExchange('inner', 'topic', { durable: false, autoDelete: true });
await channel.bindExchange('dead', 'inner', 'a.*');
await channel.unbindExchange('dead', 'inner', 'a.*');
await channel.assertQueue('graveyard', { durable: false });
await channel.bindQueue('graveyard', 'dead', '');
await channel.assertQueue('work', {
  durable: true,
  maxPriority: 3,
  deadLetterExchange: 'dead',
  messageTtl: 60_000,
});
await channel.checkQueue('work');
await channel.prefetch(2);
await channel.prefetch(5, true);
channel.on('return', () => {});
channel.publish('', 'no-such-queue', Buffer.from('lost'), { mandatory: true });
const headers = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  n: 7,
  list: [1, 'b', { c: true }],
};
for (let count = 0; count < 3; count += 1) {
  const options = {
    headers,
    priority: count,
    persistent: true,
    contentType: 'text/plain',
    correlationId: 'c',
    replyTo: 'r',
    messageId: `m${count}`,
    timestamp: 1_700_000_000,
    type: 't',
    appId: 'a',
    userId: 'guest',
    expiration: '60000',
  };
  channel.sendToQueue('work', Buffer.from(`message ${count}`), options);
}
await channel.waitForConfirms();
let got = 0;
await new Promise<void>((resolve) => {
  void channel.consume(
    'work',
    (message) => {
      if (message === null) return;
      got += 1;
      if (got === 1) channel.ack(message);
      else if (got === 2) channel.nack(message, false, false);
      else channel.reject(message, false);
      if (got === 3) resolve();
    },
    { consumerTag: 'worker' },
  );
});
await channel.cancel('worker');
// What was rejected comes back with its history in x-death.
for (let dead = 0; dead < 2; ) {
  const message = await channel.get('graveyard');
  if (message === false) continue;
  channel.ack(message);
  dead += 1;
}
await channel.get('graveyard');
await channel.recover();
await channel.purgeQueue('graveyard');
await channel.unbindQueue('graveyard', 'dead', '');
await channel.consume('graveyard', () => {});
await channel.deleteQueue('graveyard');
await channel.deleteQueue('work');
await channel.deleteExchange('dead');
await channel.close();
const failing = await connection.createChannel();
failing.on('error', () => {});
await failing.checkQueue('no-such-queue').catch(() => {});
await connection.close();
server.close();
writeFileSync(path.join(import.meta.dirname, 'rabbitmq-session.jsonl'), `${rows.join('\n')}\n`);
process.stdout.write(`${rows.length} frames\n`);
