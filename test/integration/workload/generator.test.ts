import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import { generate, LOOPBACK, listenRaw, serveGraph, workload } from './support.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Answers each request when `when` resolves. */
function answering(when: () => Promise<void>) {
  return (socket: net.Socket) => {
    socket.on('data', async () => {
      await when();
      if (!socket.destroyed) socket.write(ANSWER);
    });
  };
}

function busyFor(ms: number): void {
  for (const untilMs = systemClock.nowMs() + ms; systemClock.nowMs() < untilMs; );
}

describe('the generator', () => {
  test('drives a graph of four services: every request answered, none faster than its path computes', async () => {
    const ports = await serveGraph();
    const run = await generate(ports['frontend'] ?? 0, {
      workloads: [
        workload({ arrivals: 'poisson' }),
        workload({ name: 'exports', class: 'batch', path: '/export', rateRps: 20 }),
      ],
    });
    expect(run.report.errors).toEqual({});
    const measured = run.rows.filter((row) => row['phase'] === 'measure');
    expect(run.report.statuses).toEqual({ 200: measured.length });
    expect(run.report.sent).toBe(measured.length);
    for (const row of run.rows) {
      const isPage = row['workload'] === 'pages';
      expect(row['class']).toBe(isPage ? 'interactive' : 'batch');
      expect(Number(row['bytes'])).toBe(isPage ? 3000 : 1_001_234);
      // Pages: frontend 2, then the longer of catalog 5 and reviews 4 + ratings 3.
      expect(Number(row['end_ms']) - Number(row['intended_ms'])).toBeGreaterThanOrEqual(isPage ? 9 : 1);
      expect(Number(row['sent_ms'])).toBeGreaterThanOrEqual(Number(row['intended_ms']));
      expect(Number(row['first_byte_ms'])).toBeGreaterThan(Number(row['sent_ms']));
      expect(Number(row['end_ms'])).toBeGreaterThanOrEqual(Number(row['first_byte_ms']));
    }
    for (const name of ['interactive', 'batch']) {
      const sum = (rows: typeof run.rows) =>
        rows.filter((row) => row['class'] === name).reduce((total, row) => total + Number(row['bytes']), 0);
      expect(sum(run.throughput)).toBe(sum(run.rows));
    }
  });

  test('tells ready, started, the phases and done, in order', async () => {
    const port = await listenRaw(answering(async () => {}));
    const { events } = await generate(port, { startAt: systemClock.nowMs() + 300 });
    expect(events.map((event) => event['phase'] ?? event.event)).toEqual([
      'ready',
      'started',
      'measure',
      'drain',
      'done',
    ]);
  });

  test('starts its schedule at the instant that it is given', async () => {
    const port = await listenRaw(answering(async () => {}));
    const startAt = systemClock.nowMs() + 300;
    const { originMs, rows } = await generate(port, { startAt });
    expect(originMs).toBe(startAt);
    for (const row of rows) expect(Number(row['sent_ms'])).toBeGreaterThanOrEqual(0);
  });

  test('does not omit what a stall does to requests that were due meanwhile', async () => {
    let stallBeginMs = Number.NaN;
    const stall = Promise.withResolvers<void>();
    let stallEndMs = Number.NaN;
    const port = await listenRaw(
      answering(async () => {
        if (Number.isNaN(stallBeginMs)) return;
        await stall.promise;
      }),
    );
    const { rows, originMs } = await generate(port, { measureMs: 1200 }, (event) => {
      if (event['phase'] !== 'measure') return;
      stallBeginMs = systemClock.nowMs();
      setTimeout(() => {
        stallEndMs = systemClock.nowMs();
        stall.resolve();
      }, 500);
    });
    const due = rows.filter((row) => {
      const intended = originMs + Number(row['intended_ms']);
      return intended > stallBeginMs && intended < stallEndMs;
    });
    // 100 requests a second: about 50 were due. A closed loop would have sent one of them.
    expect(due.length).toBeGreaterThanOrEqual(49);
    for (const row of due) {
      const remainingMs = stallEndMs - (originMs + Number(row['intended_ms']));
      const latencyMs = Number(row['end_ms']) - Number(row['intended_ms']);
      expect(latencyMs).toBeGreaterThanOrEqual(remainingMs - 0.01);
    }
    const sentInTime = due.filter((row) => originMs + Number(row['sent_ms']) < stallEndMs);
    expect(sentInTime.length).toBeGreaterThan(due.length * 0.8);
    const latencies = due.map((row) => Number(row['end_ms']) - Number(row['intended_ms']));
    const mean = latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length;
    // Arrivals spread evenly over a stall wait half of it on average.
    expect(mean).toBeGreaterThan((stallEndMs - stallBeginMs) * 0.4);
  });

  test('counts as late what it sent too late, and measures that from the intended time as well', async () => {
    const port = await listenRaw(answering(async () => {}));
    const { rows, report } = await generate(port, { lateMs: 20 }, (event) => {
      if (event['phase'] === 'measure') busyFor(150);
    });
    const lateness = (row: (typeof rows)[number]) => Number(row['sent_ms']) - Number(row['intended_ms']);
    const measured = rows.filter((row) => row['phase'] === 'measure');
    const late = measured.filter((row) => row['late'] === '1');
    expect(late.length).toBeGreaterThanOrEqual(10);
    expect(report.late).toBe(late.length);
    for (const row of rows) expect(row['late'] === '1').toBe(lateness(row) > 20);
    for (const row of late) {
      expect(Number(row['end_ms']) - Number(row['intended_ms'])).toBeGreaterThan(20);
    }
    expect(report.maxLatenessMs).toBeCloseTo(Math.max(...measured.map(lateness)), 2);
    expect(report.maxLatenessMs).toBeGreaterThan(100);
  });

  test('notices that its event loop was held up', async () => {
    const port = await listenRaw(answering(async () => {}));
    let held = false;
    const { report } = await generate(port, {}, (event) => {
      if (event['phase'] !== 'measure') return;
      setTimeout(() => {
        held = true;
        busyFor(120);
      }, 100);
    });
    expect(held).toBe(true);
    expect(report.loopLagMaxMs).toBeGreaterThan(100);
  });

  test('sends at the same times for the same seed and trial', async () => {
    const port = await listenRaw(answering(async () => {}));
    const config = { workloads: [workload({ arrivals: 'poisson' })], warmupMs: 0, measureMs: 300 };
    const intended = async (trial: number) =>
      (await generate(port, { ...config, trial })).rows.map((row) => row['intended_ms']);
    const first = await intended(4);
    expect(await intended(4)).toEqual(first);
    expect(await intended(5)).not.toEqual(first);
  });

  test('keeps connections alive and opens no more than requests overlap', async () => {
    let accepted = 0;
    const port = await listenRaw((socket) => {
      accepted += 1;
      answering(async () => {})(socket);
    });
    const { report, rows } = await generate(port);
    expect(report.connectionsOpened).toBe(accepted);
    expect(accepted).toBeLessThan(rows.length / 2);
  });

  test('says neither class nor anything else beside what a request needs', async () => {
    const heads: string[] = [];
    const port = await listenRaw((socket) =>
      socket.on('data', (data) => {
        heads.push(data.toString());
        socket.write(ANSWER);
      }),
    );
    await generate(port, { warmupMs: 0, measureMs: 50 });
    expect(new Set(heads)).toEqual(
      new Set(['GET /page/7 HTTP/1.1\r\nhost: frontend\r\nuser-agent: priomesh-generator\r\n\r\n']),
    );
  });
});

describe('a request without a complete response', () => {
  const few = { warmupMs: 0, measureMs: 100, drainMs: 5000 };

  test.each([
    ['timeout', '', { timeoutMs: 60 }],
    ['timeout', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab', { timeoutMs: 60 }],
    ['reset', 'END', {}],
    ['reset', 'HTTP/1.1 200 OK\r\nEND', {}],
    ['body-length', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabEND', {}],
    ['body-length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nEND', {}],
    ['protocol', 'nonsense\r\n\r\n', {}],
  ])('is recorded as %s (%j)', async (error, answer, more) => {
    const port = await listenRaw((socket) =>
      socket.once('data', () => {
        socket.write(answer.replace('END', ''));
        if (answer.endsWith('END')) socket.end();
      }),
    );
    const { report, rows } = await generate(port, { ...few, workloads: [workload(more)] });
    expect(report.errors).toEqual({ [error]: rows.length });
    for (const row of rows) {
      expect(row['error']).toBe(error);
      expect(row['end_ms']).toBe('');
      expect(row['bytes']).toBe(answer.includes('ab') ? '2' : '0');
      expect(row['status']).toBe(answer.includes('ab') ? '200' : '0');
    }
  });

  test('is recorded as unfinished when the trial is over', async () => {
    const port = await listenRaw(() => {});
    const { report, rows } = await generate(port, { ...few, drainMs: 20 });
    expect(report.errors).toEqual({ unfinished: rows.length });
  });

  test('is recorded as connect when nobody listens', async () => {
    const server = net.createServer().listen(0, LOOPBACK);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    const { report, rows } = await generate(port, few);
    expect(report.errors).toEqual({ connect: rows.length });
  });

  test('is recorded as connections when there may be no more of them', async () => {
    const port = await listenRaw(() => {});
    const { report, rows } = await generate(port, { ...few, drainMs: 20, maxConnections: 2 });
    expect(report.errors).toEqual({ connections: rows.length - 2, unfinished: 2 });
    expect(report.connectionsOpened).toBe(2);
  });

  test('does not spoil the next one: a connection with stray bytes is not used again', async () => {
    const port = await listenRaw((socket) => socket.once('data', () => socket.write(`${ANSWER}${ANSWER}`)));
    const { report, rows } = await generate(port, few);
    expect(report.statuses).toEqual({ 200: rows.length });
    expect(report.connectionsOpened).toBe(rows.length);
  });
});
