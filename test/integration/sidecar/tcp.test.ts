import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../src/config/index.ts';
import { seededRandom } from '../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../src/sidecar/index.ts';
import { testPolicy, until } from './harness.ts';

const HOST = '127.0.0.1';
const folder = mkdtempSync(path.join(os.tmpdir(), 'priomesh-tcp-'));
const certificateFile = path.join(folder, 'certificate.pem');
const keyFile = path.join(folder, 'key.pem');
const closing: (() => unknown)[] = [];

beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,DNS:bulk.internal'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certificateFile, '-days', '2', ...subject], {
    stdio: 'ignore',
  });
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return portOf(server);
}

function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const at = (port: number) => ({ host: HOST, port });

async function started(parts: Pick<SidecarConfig, 'inbound' | 'outbound' | 'limits'>): Promise<Sidecar> {
  const sidecar = await startSidecar(
    {
      service: 'tested',
      policy: testPolicy(),
      layers: ['queue', 'mark'],
      baselineCongestionControl: '',
      ...parts,
    },
    { random: seededRandom(1) },
  );
  closing.push(() => sidecar.close());
  return sidecar;
}

type Classes = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The counters of a section of the statistics, by class. */
function classesOf(sidecar: Sidecar, section: string): Classes {
  const { classes } = sidecar.statistics()[section] as { classes: Classes };
  return classes;
}

/** All that comes until the end. */
function collect(socket: net.Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', () => resolve(Buffer.concat(pieces)));
    socket.on('error', reject);
  });
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Answers with all that it was sent, once the caller has ended. */
const mirror = (): net.Server =>
  net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    void collect(socket).then((bytes) => socket.end(bytes));
  });

describe('a port of a protocol that is not read', () => {
  it('carries both directions, each to its own end, with the class of the port', async () => {
    const port = await listening(mirror());
    const listen = at(await freePort());
    const sidecar = await started({
      inbound: {
        listen: at(0),
        application: at(port),
        ingress: false,
        tcp: [{ listen, application: at(port), class: 'batch' }],
      },
    });
    const client = net.connect({ ...listen, allowHalfOpen: true });
    const bytes = randomBytes(3_000_000);
    client.end(bytes);
    expect(digest(await collect(client))).toBe(digest(bytes));
    const section = `inboundTcp ${listen.port}`;
    await until(() => classesOf(sidecar, section)['batch']?.['completed'] === 1);
    expect(classesOf(sidecar, section)['batch']).toMatchObject({ requestBytes: 3e6, responseBytes: 3e6 });
    expect(classesOf(sidecar, section)['interactive']).toMatchObject({ requests: 0 });
  });

  it('lets the server speak first', async () => {
    const port = await listening(net.createServer((socket) => socket.end('220 ready\r\n')));
    const listen = at(await freePort());
    await started({
      inbound: {
        listen: at(0),
        application: at(port),
        ingress: false,
        tcp: [{ listen, application: at(port), class: 'interactive' }],
      },
    });
    const client = net.connect(listen);
    expect((await collect(client)).toString()).toBe('220 ready\r\n');
  });

  it('leads through two sidecars to a reader that is slow, unchanged', async () => {
    const bytes = randomBytes(24_000_000);
    const port = await listening(
      net.createServer((socket) => socket.on('error', () => undefined).end(bytes)),
    );
    const [inner, outer] = [at(await freePort()), at(await freePort())];
    await started({
      inbound: {
        listen: at(0),
        application: at(port),
        ingress: false,
        tcp: [{ listen: inner, application: at(port), class: 'batch' }],
      },
    });
    await started({
      outbound: {
        listen: at(0),
        upstreams: { files: { endpoints: [inner] } },
        tcp: [{ listen: outer, upstream: 'files', class: 'batch' }],
      },
    });
    const client = net.connect(outer);
    const hash = createHash('sha256');
    let turns = 0;
    await new Promise<void>((resolve, reject) => {
      client.on('data', (piece: Buffer) => {
        hash.update(piece);
        turns += 1;
        if (turns % 8 !== 0) return;
        client.pause();
        setImmediate(() => client.resume());
      });
      client.on('end', resolve).on('error', reject);
    });
    expect(hash.digest('hex')).toBe(digest(bytes));
  });

  it('gives a connection the class of the name in its TLS handshake, which passes unread', async () => {
    const server = tls.createServer(
      { key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
      (socket) => socket.end(socket.servername === false ? 'no name' : (socket.servername ?? '')),
    );
    const port = await listening(server);
    const listen = at(await freePort());
    const names = [{ name: 'bulk.internal', class: 'batch' }];
    const sidecar = await started({
      inbound: {
        listen: at(0),
        application: at(port),
        ingress: false,
        tcp: [{ listen, application: at(port), class: 'interactive', names }],
      },
    });
    for (const servername of ['bulk.internal', 'localhost']) {
      const client = tls.connect({ ...listen, servername, ca: readFileSync(certificateFile) });
      expect((await collect(client)).toString()).toBe(servername);
    }
    const section = `inboundTcp ${listen.port}`;
    await until(() => classesOf(sidecar, section)['batch']?.['completed'] === 1);
    expect(classesOf(sidecar, section)['batch']).toMatchObject({ requests: 1 });
    expect(classesOf(sidecar, section)['interactive']).toMatchObject({ requests: 1 });
  });

  it('resets the caller when nobody can be reached, and says so in its counters', async () => {
    const listen = at(await freePort());
    const gone = at(await freePort());
    const sidecar = await started({
      inbound: {
        listen: at(0),
        application: gone,
        ingress: false,
        tcp: [{ listen, application: gone, class: 'interactive' }],
      },
    });
    const client = net.connect(listen);
    await expect(collect(client)).rejects.toThrow(/ECONNRESET/);
    expect(classesOf(sidecar, `inboundTcp ${listen.port}`)['interactive']).toMatchObject({ errors: 1 });
  });
});

describe('the port of HTTP', () => {
  const answering = () =>
    http.createServer((request, response) => {
      response.end(`${request.method} ${request.url} ${request.headers['baggage']}`);
    });

  it('passes on what is no HTTP where it is told to, and serves HTTP all the same', async () => {
    const application = at(await listening(answering()));
    const other = at(await listening(mirror()));
    const sidecar = await started({
      inbound: {
        listen: at(0),
        application,
        ingress: true,
        opaque: { class: 'batch', application: other },
      },
    });
    const port = sidecar.inboundPort ?? 0;
    const client = net.connect({ ...at(port), allowHalfOpen: true });
    client.end(Buffer.from('\x00\x01\x02 no HTTP'));
    expect((await collect(client)).toString('latin1')).toBe('\x00\x01\x02 no HTTP');
    await until(() => classesOf(sidecar, 'opaque')['batch']?.['completed'] === 1);
    const response = await fetch(`http://${HOST}:${port}/x`);
    expect(await response.text()).toContain('GET /x priomesh.class=interactive');
  });

  it('ends TLS for HTTP/1.1 and HTTP/2, whichever ALPN chose', async () => {
    const http2Application = http2.createServer((request, response) => {
      response.end(`h2 ${request.url} ${request.headers['baggage']}`);
    });
    const plain = at(await listening(answering()));
    const second = at(await listening(http2Application));
    const ca = readFileSync(certificateFile);
    for (const [application, expected] of [
      [plain, 'GET /x priomesh.class=interactive'],
      [second, 'h2 /x priomesh.class=interactive'],
    ] as const) {
      const sidecar = await started({
        inbound: { listen: at(0), application, ingress: true, tls: { certificateFile, keyFile } },
      });
      const port = sidecar.inboundPort ?? 0;
      const body = await (application === plain ? overHttp1(port, ca) : overHttp2(port, ca));
      expect(body).toContain(expected);
    }
  });

  it('takes large bodies over TLS, unchanged', async () => {
    const application = at(
      await listening(http.createServer((request, response) => void request.pipe(response))),
    );
    const sidecar = await started({
      inbound: { listen: at(0), application, ingress: true, tls: { certificateFile, keyFile } },
    });
    const bytes = randomBytes(4_000_000);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const request = https.request(
        {
          host: HOST,
          port: sidecar.inboundPort,
          method: 'POST',
          path: '/',
          servername: 'localhost',
          ca: readFileSync(certificateFile),
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () => resolve(Buffer.concat(pieces)));
        },
      );
      request.on('error', reject);
      request.end(bytes);
    });
    expect(digest(answer)).toBe(digest(bytes));
  });
});

function overHttp1(port: number, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: HOST, port, path: '/x', servername: 'localhost', ca, agent: false };
    const request = https.get(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

function overHttp2(port: number, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://localhost:${port}`, { ca, host: HOST });
    session.on('error', reject);
    const stream = session.request({ ':path': '/x' });
    let text = '';
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    stream.on('error', reject).on('end', () => {
      session.close();
      resolve(text);
    });
  });
}
