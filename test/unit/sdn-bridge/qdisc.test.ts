import { afterEach, describe, expect, test } from 'vitest';
import { silentLogger, systemClock } from '../../../src/core/index.ts';
import { parseQdiscs, sampleOf } from '../../../src/sdn-bridge/qdisc/qdisc-counters.ts';
import { QdiscReader } from '../../../src/sdn-bridge/qdisc/qdisc-reader.ts';
import { TcSession } from '../../../src/sdn-bridge/qdisc/tc-session.ts';

/** As iproute2 6.1 printed it. */
const PRINTED =
  '[{"kind":"noqueue","handle":"0:","dev":"lo","root":true,"refcnt":2,"options":{},"bytes":0,"packets":0,"drops":0,"overlimits":0,"requeues":0,"backlog":0,"qlen":0},' +
  '{"kind":"htb","handle":"1:","dev":"v0","root":true,"refcnt":3,"options":{"r2q":10,"default":"0x11","direct_packets_stat":0,"direct_qlen":1000},"bytes":9,"packets":2,"drops":1,"overlimits":0,"requeues":0,"backlog":7,"qlen":1},' +
  '{"kind":"pfifo","handle":"10:","dev":"v0","parent":"1:10","options":{"limit":100},"bytes":5,"packets":1,"drops":0,"overlimits":0,"requeues":0,"backlog":3,"qlen":1}]';

describe('what tc prints', () => {
  test('gives the queue of a port and those of its classes', () => {
    const qdiscs = parseQdiscs(PRINTED);
    const sample = sampleOf({ device: 'v0', classids: ['1:10', '10:', '1:11', undefined] }, qdiscs, 4);
    expect(sample).toMatchObject({ timeMs: 4, total: { bytes: 9, packets: 2, drops: 1, backlogBytes: 7 } });
    expect(sample?.classes.map((one) => one?.backlogBytes)).toEqual([3, 3, undefined, undefined]);
    expect(sampleOf({ device: 'v1', classids: [] }, qdiscs, 4)).toBeUndefined();
  });

  test.each(['', '{}', '[1]', '[{"dev":"v0"}]', '[{"dev":"v0","handle":"1:"'])('%j is refused', (line) => {
    expect(() => parseQdiscs(line)).toThrow(/COMMAND_FAILED|tc printed/);
  });
});

/** A program that answers as tc does: what ends a list stays in its buffer until the next list begins. */
const SLOW_FLUSH = `
let count = 0;
require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write((count === 0 ? '' : ']\\n') + '[{"dev":"lo","handle":"0:","root":true,"bytes":' + count + '}');
  count += 1;
});`;

describe('a session of tc', () => {
  const sessions: TcSession[] = [];
  afterEach(() => Promise.all(sessions.splice(0).map((one) => one.close())));

  function start(program: string): TcSession {
    const session = new TcSession([process.execPath, '-e', program, '--']);
    sessions.push(session);
    return session;
  }

  test('answers every question with what is true then', async () => {
    const session = start(SLOW_FLUSH);
    const { signal } = new AbortController();
    const bytes: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      bytes.push(parseQdiscs(await session.ask(signal))[0]?.bytes ?? -1);
    }
    expect(bytes).toEqual([0, 2, 4]);
  });

  test('that ends says why', async () => {
    const session = start('process.stderr.write("no such thing"); process.exit(3)');
    await expect(session.ask(new AbortController().signal)).rejects.toThrow(/exit status 3.*no such thing/);
    await expect(session.ask(new AbortController().signal)).rejects.toThrow(/exit status 3/);
  });

  test('that is silent is given up', async () => {
    const session = start('process.stdin.resume()');
    const enough = new AbortController();
    const asked = session.ask(enough.signal);
    enough.abort();
    await expect(asked).rejects.toThrow('tc does not answer');
  });

  test('that prints without end is given up', async () => {
    const session = start('setInterval(() => process.stdout.write("x".repeat(1 << 20)), 1)');
    await expect(session.ask(new AbortController().signal)).rejects.toThrow('without end');
  });

  test('that cannot be started says so', async () => {
    const session = new TcSession(['/nonexistent/tc']);
    sessions.push(session);
    await expect(session.ask(new AbortController().signal)).rejects.toThrow(/cannot be started/);
  });

  test('is replaced when it ends', async () => {
    let opened = 0;
    const reader = new QdiscReader({
      clock: systemClock,
      logger: silentLogger,
      open: () => {
        opened += 1;
        return new TcSession([process.execPath, '-e', opened === 1 ? 'process.exit(1)' : SLOW_FLUSH, '--']);
      },
    });
    expect(await reader.read()).toBeUndefined();
    let reading = await reader.read();
    while (reading === undefined) {
      await systemClock.sleep(5);
      reading = await reader.read();
    }
    expect(reading.qdiscs).toHaveLength(1);
    expect(opened).toBe(2);
    await reader.close();
  });
});
