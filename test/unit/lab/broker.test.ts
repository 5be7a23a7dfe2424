import { expect, test } from 'vitest';
import { readSample } from '../../../src/lab/broker-control.ts';
import { brokerCommand, brokerConfiguration, brokerLogFile } from '../../../src/lab/broker-files.ts';
import { readQueues } from '../../../src/lab/broker-queues.ts';

test('depths are read by priority; without priorities all is 0; what is unknown is left out', () => {
  const answer = [
    {
      name: 'jobs',
      messages_ready: 8,
      messages_unacknowledged: 3,
      backing_queue_status: { len: 8, priority_lengths: { '0': 0, '1': 5, '10': 3 } },
    },
    { name: 'plain', messages_ready: 4, messages_unacknowledged: 0, backing_queue_status: { len: 4 } },
    { name: 'quorum', messages_ready: 2, messages_unacknowledged: 1 },
    { name: 'new', arguments: {} },
    {
      name: 'odd',
      messages_ready: 1,
      messages_unacknowledged: 0,
      backing_queue_status: { priority_lengths: [1] },
    },
    null,
    'text',
  ];
  expect(readQueues(answer)).toEqual([
    { name: 'jobs', ready: { 0: 0, 1: 5, 10: 3 }, unacked: 3 },
    { name: 'plain', ready: { 0: 4 }, unacked: 0 },
    { name: 'quorum', ready: { 0: 2 }, unacked: 1 },
    { name: 'odd', ready: { 0: 1 }, unacked: 0 },
  ]);
  expect(readQueues({ error: 'not_found' })).toEqual([]);
});

test('a sample is read from its line alone', () => {
  const queues = [{ name: 'jobs', ready: { 0: 1 }, unacked: 0 }];
  expect(readSample({ event: 'depths', monotonicMs: 12.5, queues })).toEqual({ atMs: 12.5, queues });
  expect(readSample({ event: 'missed', why: 'connect ECONNREFUSED' })).toBeUndefined();
  expect(readSample({ text: 'words' })).toBeUndefined();
});

test('the configuration names one address, and the management API beside it', () => {
  const listen = { host: '10.0.0.3', port: 5672, managementPort: 15_672 };
  const lines = brokerConfiguration(listen, '/run-folder/log').split('\n');
  expect(lines).toContain('listeners.tcp.default = 10.0.0.3:5672');
  expect(lines).toContain('management.tcp.ip = 10.0.0.3');
  expect(lines).toContain('management.tcp.port = 15672');
  expect(lines).toContain('log.dir = /run-folder/log');
  expect(brokerLogFile('/x')).toBe('/x/log/rabbitmq.log');
});

test("the command keeps a user's settings of RabbitMQ and Erlang out, and starts neither epmd nor distribution", () => {
  const inherited = ['PATH', 'RABBITMQ_NODE_PORT', 'ERL_AFLAGS', 'NOTIFY_SOCKET', 'ERL_ZFLAGS', 'HOME'];
  const [program, ...rest] = brokerCommand('/opt/rabbitmq-server', '/folder', inherited);
  expect(program).toBe('env');
  const removed = rest.filter((_, index) => rest[index - 1] === '-u');
  expect(removed).toEqual(['RABBITMQ_NODE_PORT', 'ERL_AFLAGS', 'NOTIFY_SOCKET']);
  expect(rest.at(-1)).toBe('/opt/rabbitmq-server');
  expect(rest).toContain('HOME=/folder/home');
  const flags = rest.find((one) => one.startsWith('ERL_ZFLAGS='));
  expect(flags).toContain('-start_epmd false');
  expect(flags).toContain('-dist_listen false');
});
