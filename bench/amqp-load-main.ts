/** The load of the AMQP benchmark: amqplib, in a process of its own. */
import amqp, { type ChannelModel } from 'amqplib';
import { quantileSorted } from '../src/analysis/index.ts';
import { seededRandom, systemClock } from '../src/core/index.ts';
import { openPacer } from '../src/workload/index.ts';
import { type AmqpLoadResult, type AmqpLoadTask, MESSAGE_BYTES } from './amqp-load.ts';

/** Messages that are published and not confirmed, and published and not acknowledged, at most. */
const UNCONFIRMED = 256;
const OUTSTANDING = 512;
/** What the consumer asks the broker for. */
const PREFETCH = 100;
const LATE_MS = 1;
const DRAIN_MS = 2000;

/** As an application sends it whose tracing library was instrumented: the class is in the baggage. */
const HEADERS = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  baggage: 'priomesh.class=interactive',
};

function say(event: string, result: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...result })}\n`);
}

function connectTo({ address, virtualHost }: AmqpLoadTask): Promise<ChannelModel> {
  const where = { hostname: address.host, port: address.port, vhost: encodeURIComponent(virtualHost) };
  return amqp.connect({ username: 'guest', password: 'guest', ...where }, { noDelay: true });
}

/** Publishes with confirms, pipelined, and consumes with acknowledgements, on two connections, as fast as both go. */
async function throughput(task: AmqpLoadTask): Promise<AmqpLoadResult> {
  const producer = await connectTo(task);
  const worker = await connectTo(task);
  const publishing = await producer.createConfirmChannel();
  const consuming = await worker.createChannel();
  await publishing.assertQueue('throughput');
  await consuming.prefetch(PREFETCH);
  const body = Buffer.alloc(MESSAGE_BYTES, 'm');
  let published = 0;
  let confirmed = 0;
  let consumed = 0;
  let refused = 0;
  let over = false;
  const onConfirm = (error: unknown): void => {
    confirmed += 1;
    if (error !== null) refused += 1;
    fill();
  };
  const fill = (): void => {
    while (!over && published - confirmed < UNCONFIRMED && published - consumed < OUTSTANDING) {
      published += 1;
      publishing.sendToQueue('throughput', body, { headers: HEADERS }, onConfirm);
    }
  };
  await consuming.consume('throughput', (message) => {
    if (message === null) return;
    consumed += 1;
    consuming.ack(message);
    fill();
  });
  fill();
  await systemClock.sleep(task.warmupMs);
  say('measuring');
  const [startedMs, from] = [systemClock.nowMs(), consumed];
  await systemClock.sleep(task.measureMs);
  const result = { messages: consumed - from, durationMs: systemClock.nowMs() - startedMs };
  over = true;
  return finish([producer, worker], { ...result, p50Ms: 0, p99Ms: 0, late: 0, errors: refused });
}

/** Requests and replies over direct reply-to, at the times of a Poisson process, whatever became of the ones before. */
async function latency(task: AmqpLoadTask): Promise<AmqpLoadResult> {
  const { rateRps, warmupMs, measureMs, seed } = task;
  const caller = await connectTo(task);
  const callee = await connectTo(task);
  const serving = await callee.createChannel();
  await serving.assertQueue('requests');
  await serving.prefetch(PREFETCH);
  await serving.consume('requests', (request) => {
    if (request === null) return;
    const { replyTo, correlationId } = request.properties as { replyTo: string; correlationId: string };
    serving.sendToQueue(replyTo, request.content, { correlationId });
    serving.ack(request);
  });
  const calling = await caller.createChannel();
  const body = Buffer.alloc(MESSAGE_BYTES, 'm');
  const random = seededRandom(seed);
  const dueMs: number[] = [];
  for (let at = random.exponential(1000 / rateRps); at < warmupMs + measureMs; ) {
    dueMs.push(at);
    at += random.exponential(1000 / rateRps);
  }
  const intendedMs = new Float64Array(new SharedArrayBuffer(dueMs.length * Float64Array.BYTES_PER_ELEMENT));
  intendedMs.set(dueMs);
  const firstMeasured = dueMs.findIndex((at) => at >= warmupMs);
  const latencies: number[] = [];
  let replies = 0;
  let late = 0;
  const all = Promise.withResolvers<void>();
  const originMs = systemClock.nowMs() + 100;
  const sinceDueMs = (index: number): number => systemClock.nowMs() - originMs - (intendedMs[index] ?? 0);
  const onReply = (reply: amqp.ConsumeMessage | null): void => {
    if (reply === null) return;
    const index = Number(reply.properties.correlationId);
    if (index >= firstMeasured) latencies.push(sinceDueMs(index));
    replies += 1;
    if (replies === dueMs.length) all.resolve();
  };
  await calling.consume('amq.rabbitmq.reply-to', onReply, { noAck: true });
  const pacer = await openPacer(systemClock);
  const { signal } = new AbortController();
  const onDue = (index: number): void => {
    if (index === firstMeasured) say('measuring');
    if (index >= firstMeasured && sinceDueMs(index) > LATE_MS) late += 1;
    const options = { replyTo: 'amq.rabbitmq.reply-to', correlationId: String(index), headers: HEADERS };
    calling.sendToQueue('requests', body, options);
  };
  await pacer.run({ intendedMs, originMs }, onDue, signal);
  await pacer.close();
  await Promise.race([all.promise, systemClock.sleep(DRAIN_MS)]);
  const sorted = Float64Array.from(latencies).sort();
  return finish([caller, callee], {
    messages: dueMs.length - firstMeasured,
    durationMs: measureMs,
    p50Ms: quantileSorted(sorted, 0.5),
    p99Ms: quantileSorted(sorted, 0.99),
    late,
    errors: dueMs.length - replies,
  });
}

async function finish(connections: readonly ChannelModel[], result: AmqpLoadResult): Promise<AmqpLoadResult> {
  say('measured', result);
  for (const connection of connections) await connection.close();
  return result;
}

const task = JSON.parse(process.argv[2] ?? '') as AmqpLoadTask;
await (task.kind === 'throughput' ? throughput(task) : latency(task));
