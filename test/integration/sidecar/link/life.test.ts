import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, rawApplication, type TestServer } from '../harness.ts';
import {
  type Chain,
  type ChainOptions,
  digest,
  get,
  linked,
  linkNumbers,
  pattern,
  startApplication,
  startCalled,
  startCaller,
  startChain,
  talk,
  until,
} from './chain.ts';

const open: { close(): Promise<void> }[] = [];

function later<Part extends { close(): Promise<void> }>(part: Part): Part {
  open.unshift(part);
  return part;
}

afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

async function chain(options: Partial<ChainOptions> = {}): Promise<Chain> {
  return later(await startChain({ link: 'auto', ...options }));
}

/** The status line of an answer. */
function statusOf(answer: Buffer): string {
  return answer.toString('latin1', 0, answer.indexOf('\r\n'));
}

async function callerTo(server: TestServer): Promise<Sidecar> {
  return later(await startCaller([server.port], { link: 'auto' }));
}

describe('a peer that speaks no links', () => {
  it.each([
    [
      'answers as any server does',
      (server: net.Socket) => server.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    ],
    ['closes', (server: net.Socket) => server.end()],
    ['breaks off', (server: net.Socket) => server.resetAndDestroy()],
    ['answers with bytes without sense', (server: net.Socket) => server.write('\0'.repeat(5000))],
    [
      'switches to something else',
      (server: net.Socket) =>
        server.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: other/1\r\n\r\n'),
    ],
  ])('and %s gets requests over connections, is asked once, and no request fails', async (_what, answer) => {
    let asked = 0;
    const server = later(
      await rawApplication((socket) => {
        socket.on('data', (bytes) => {
          if (bytes.includes('Upgrade')) {
            asked += 1;
            answer(socket);
          } else {
            socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          }
        });
      }),
    );
    const caller = await callerTo(server);
    const port = caller.outboundPort ?? 0;
    await until(async () => {
      expect(statusOf(await get(port, '/'))).toBe('HTTP/1.1 200 OK');
      return linkNumbers(caller)?.plainPeers === 1;
    });
    for (let count = 0; count < 10; count += 1) {
      expect(statusOf(await get(port, '/'))).toBe('HTTP/1.1 200 OK');
    }
    expect(asked).toBe(1);
    expect(linkNumbers(caller)).toMatchObject({ linksOpened: 0, plainPeers: 1 });
  });

  it('and never answers the question keeps no request waiting', async () => {
    const server = later(
      await rawApplication((socket) => {
        socket.on('data', (bytes) => {
          if (!bytes.includes('Upgrade')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
      }),
    );
    const caller = await callerTo(server);
    for (let count = 0; count < 5; count += 1) {
      expect(statusOf(await get(caller.outboundPort ?? 0, '/'))).toBe('HTTP/1.1 200 OK');
    }
    await until(() => linkNumbers(caller)?.plainPeers === 1);
  });

  it('that is a server of node:http is served as before', async () => {
    const server = later(await httpApplication((_request, response) => response.end('fine')));
    const caller = await callerTo(server);
    await until(async () => {
      expect((await get(caller.outboundPort ?? 0, '/')).toString()).toContain('fine');
      return linkNumbers(caller)?.plainPeers === 1;
    });
  });

  it.each([
    ['takes no links', { links: false }],
    ['stands at the ingress', { ingress: true }],
  ])('because it %s refuses the question in words', async (_what, options) => {
    const { called, caller, port } = await chain(options);
    await until(async () => {
      expect(statusOf(await get(port, '/length/5'))).toBe('HTTP/1.1 200 OK');
      return linkNumbers(caller)?.plainPeers === 1;
    });
    const { received } = await talk(called.inboundPort ?? 0, [
      Buffer.from('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n'),
    ]);
    expect(statusOf(received)).toBe('HTTP/1.1 501 Not Implemented');
  });
});

describe('the question', () => {
  it.each([
    ['another protocol', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'],
    [
      'two protocols',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1, other\r\n\r\n',
    ],
    ['no host', 'OPTIONS * HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n'],
    [
      'a body',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\nContent-Length: 1\r\n\r\nx',
    ],
    [
      'another method',
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n',
    ],
    [
      'a connection that does not name it',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: priomesh-link/1\r\n\r\n',
    ],
  ])('is refused with %s', async (_what, bytes) => {
    const { called } = await chain();
    const { received } = await talk(called.inboundPort ?? 0, [Buffer.from(bytes)]);
    expect(statusOf(received)).toMatch(/^HTTP\/1\.1 [45]/);
  });

  it('may come in pieces; a plain OPTIONS is a request', async () => {
    const { called } = await chain();
    const port = called.inboundPort ?? 0;
    const bytes = 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n';
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.setNoDelay(true);
        const send = (at: number): void => {
          if (at < bytes.length)
            socket.write(bytes.slice(at, at + 20), () => setImmediate(() => send(at + 20)));
        };
        send(0);
      });
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
    });
    expect(answer).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n',
    );
    const { received } = await talk(port, [
      Buffer.from('OPTIONS /status/200 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ]);
    expect(statusOf(received)).toBe('HTTP/1.1 200 OK');
  });
});

describe('a link', () => {
  it('that breaks a rule is closed, and requests go on over other ways and then over a new one', async () => {
    const parts = await chain();
    await linked(parts);
    const { called } = parts;
    await new Promise<void>((resolve) => {
      const socket = net.connect(called.inboundPort ?? 0, '127.0.0.1', () => {
        socket.write(
          'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: priomesh-link/1\r\n\r\n',
        );
      });
      socket.once('data', () => socket.write(Buffer.from([0, 0, 99, 0, 0, 0, 0, 1])));
      socket.on('close', () => resolve());
    });
    expect(linkNumbers(called, 'acceptedLinks')?.faults).toEqual({ 'frame-type': 1 });
    expect(statusOf(await get(parts.port, '/length/5'))).toBe('HTTP/1.1 200 OK');
  });

  it('is left by agreement when the called sidecar shuts down; running requests end, no other fails', async () => {
    const seen = { aborted: 0 };
    const application = later(await startApplication(seen));
    const limits = { drainTimeoutMs: 60_000 };
    const first = await startCalled(application.port, { link: 'auto', limits });
    const second = later(await startCalled(application.port, { link: 'auto' }));
    const ports = [first.inboundPort ?? 0, second.inboundPort ?? 0];
    const caller = later(await startCaller(ports, { link: 'auto' }));
    const port = caller.outboundPort ?? 0;
    await until(async () => {
      await get(port, '/length/1');
      return linkNumbers(caller)?.links === 2;
    });
    const large = digest(pattern(5_000_000));
    const running = Array.from({ length: 4 }, () =>
      talk(
        port,
        [Buffer.from('GET /length/5000000 HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n')],
        {
          slowBytes: 200_000,
        },
      ),
    );
    let stop = false;
    let failed = 0;
    const steady = Array.from({ length: 8 }, async () => {
      while (!stop) {
        // A method that is not sent again when its connection is lost.
        const { received } = await talk(port, [
          Buffer.from(
            'POST /echo-digest HTTP/1.1\r\nHost: service\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
          ),
        ]);
        if (statusOf(received) !== 'HTTP/1.1 200 OK') failed += 1;
      }
    });
    await get(port, '/length/1');
    await first.close();
    for (const { received } of await Promise.all(running)) {
      expect(digest(received.subarray(received.indexOf('\r\n\r\n') + 4))).toBe(large);
    }
    stop = true;
    await Promise.all(steady);
    expect(failed).toBe(0);
    expect(linkNumbers(caller)).toMatchObject({ links: 1, linksLost: 0, faults: {} });
  });

  it('is opened again after the called sidecar came back', async () => {
    const application = later(await startApplication({ aborted: 0 }));
    const first = await startCalled(application.port, { link: 'auto' });
    const calledPort = first.inboundPort ?? 0;
    const caller = later(await startCaller([calledPort], { link: 'auto' }));
    const port = caller.outboundPort ?? 0;
    const goesOverLinks = (count: number) => async () => {
      await get(port, '/length/1');
      return linkNumbers(caller)?.linksOpened === count && (linkNumbers(caller)?.streams ?? 0) > 0;
    };
    await until(goesOverLinks(1));
    await first.close();
    expect(statusOf(await get(port, '/length/1'))).toMatch(/^HTTP\/1\.1 50[23]/);
    later(await startCalled(application.port, { link: 'auto', calledPort }));
    await until(goesOverLinks(2));
  });

  it('without requests is closed after the idle time, and nobody calls that a loss', async () => {
    const parts = await chain({ limits: { idleTimeoutMs: 100 } });
    await linked(parts);
    await until(() => linkNumbers(parts.caller)?.links === 0);
    await until(() => linkNumbers(parts.called, 'acceptedLinks')?.links === 0);
    expect(linkNumbers(parts.caller)).toMatchObject({ linksLost: 0, faults: {} });
    await linked(parts);
  });

  it('carries the classes whose sockets are alike, with their profile at both ends, and is what samples see', async () => {
    const parts = await chain({ layers: ['transport', 'mark'] });
    await linked(parts, '/length/1');
    for (const [sidecar, side] of [
      [parts.caller, 'outbound'],
      [parts.called, 'inbound'],
    ] as const) {
      const { classes } = sidecar.statistics()[side] as {
        classes: { interactive: { transport: { congestionControl: string; samples: unknown[] } } };
      };
      expect(classes.interactive.transport).toMatchObject({ congestionControl: 'reno' });
      expect(classes.interactive.transport.samples.length).toBeGreaterThan(0);
    }
    expect(linkNumbers(parts.caller)?.links).toBe(1);
    // The other class differs in its mark, so it has a link of its own.
    await until(async () => {
      await talk(parts.port, [
        Buffer.from(
          'GET /length/1 HTTP/1.1\r\nHost: service\r\nbaggage: priomesh.class=batch\r\nConnection: close\r\n\r\n',
        ),
      ]);
      return linkNumbers(parts.caller)?.links === 2;
    });
  });

  it('counts its streams as connections and holds no more than the called side may', async () => {
    const parts = await chain({ limits: { maxConnections: 8, maxIdleConnections: 1 } });
    await linked(parts);
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () =>
        talk(
          parts.port,
          [Buffer.from('GET /length/3000000 HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n')],
          {
            slowBytes: 50_000,
          },
        ),
      ),
    );
    const statuses = answers.map(({ received }) => statusOf(received));
    expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 200 OK', 'HTTP/1.1 503 Service Unavailable']));
  });
});
