import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import { BodyReader, RequestHead } from '../../../src/sidecar/http1/index.ts';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { hostileStream } from '../../support/http1-corpus.ts';
import { sidecarBefore, until } from './harness.ts';

const ROUNDS = Number(process.env['PRIOMESH_SMUGGLING_ROUNDS'] ?? 600);
const SEED = Number(process.env['PRIOMESH_SMUGGLING_SEED'] ?? fc.sample(fc.integer(), 1)[0]);

/** Comes last on each connection: who answers it has understood all that was in front as something else than its body. */
const LAST = 'GET /last HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n';

/** How long a judge or the sidecar may wait for bytes that do not come. */
const PATIENCE_MS = 1500;

/** A server that says of each request that it understood, in the field `x-seen`, what it took for method and target. */
interface Judge {
  readonly name: string;
  readonly port: number;
}

let folder = '';
let sidecar: Sidecar | undefined;
const children: ChildProcess[] = [];
const judges: Judge[] = [];
/** All that has come over the connections of the sidecar to its application, in the order of the connections. */
const received = new Map<net.Socket, Buffer[]>();

const llhttp = http.createServer(
  { requireHostHeader: false, keepAliveTimeout: 60_000 },
  (request, response) => {
    request.resume();
    request.on('end', () => {
      response.setHeader('x-seen', `${request.method} ${request.url}`);
      response.end();
    });
    request.on('error', () => response.destroy());
  },
);
llhttp.on('checkContinue', (request, response) => llhttp.emit('request', request, response));
llhttp.on('clientError', (_error, socket) => socket.destroy());

/** Reads what the sidecar has sent as the sidecar itself reads, keeps it, and answers each request that is there whole. */
const recorder = net.createServer((socket) => {
  let bytes = Buffer.alloc(0);
  const kept: Buffer[] = [];
  received.set(socket, kept);
  socket.on('data', (piece: Buffer) => {
    kept.push(piece);
    bytes = Buffer.concat([bytes, piece]);
    for (let end = answerOne(socket, bytes); end > 0; end = answerOne(socket, bytes))
      bytes = bytes.subarray(end);
  });
  socket.on('error', () => socket.destroy());
});

/** What the recorder has answered since the list was emptied. */
const meant: string[] = [];

/** @returns where the first request ends, 0 while it is not whole */
function answerOne(socket: net.Socket, bytes: Buffer): number {
  const head = new RequestHead(FIXED_LIMITS.fields);
  const bodyStart = head.parse(bytes, 0, bytes.length);
  if (bodyStart <= 0) return 0;
  const body = new BodyReader(FIXED_LIMITS);
  body.begin(head.framing);
  const end = body.consume(bytes, bodyStart, bytes.length);
  if (end < 0 || !body.done) return 0;
  const request = bytes.toString('latin1', 0, head.targetEnd);
  meant.push(request);
  const answer = `HTTP/1.1 200 OK\r\nx-seen: ${request}\r\ncontent-length: 0\r\n\r\n`;
  socket.write(Buffer.from(answer, 'latin1'));
  return end;
}

function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return portOf(server);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function serving(port: number): Promise<void> {
  let open = false;
  await until(() => {
    if (!open) {
      const socket = net.connect(port, '127.0.0.1', () => {
        open = true;
        socket.destroy();
      });
      socket.on('error', () => undefined);
    }
    return open;
  });
}

async function startJudge(name: string, argv: (file: string) => string[], text: (port: number) => string) {
  const port = await freePort();
  const file = path.join(folder, `${name}.conf`);
  await writeFile(file, text(port));
  const [program = '', ...args] = argv(file);
  const child = spawn(program, args, { stdio: 'ignore' });
  children.push(child);
  await serving(port);
  judges.push({ name, port });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-smuggling-'));
  judges.push({ name: 'llhttp', port: await listening(llhttp) });
  await startJudge(
    'haproxy',
    (file) => ['/usr/sbin/haproxy', '-db', '-f', file],
    (port) => `defaults
  mode http
  timeout client 2s
  timeout http-request 2s
  timeout connect 2s
  timeout server 2s
frontend in
  bind 127.0.0.1:${port}
  option http-buffer-request
  http-request return status 200 hdr x-seen "%[method] %[url]"
`,
  );
  await startJudge(
    'nginx',
    (file) => ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', file],
    (port) => `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  client_body_timeout 2s;
  client_header_timeout 2s;
  keepalive_requests 100000;
  underscores_in_headers on;
  server {
    listen 127.0.0.1:${port};
    location / { add_header x-seen "$request_method $request_uri"; return 200; }
  }
}
`,
  );
  const port = await listening(recorder);
  sidecar = await sidecarBefore(port, { limits: { bodyTimeoutMs: 100, headTimeoutMs: 100 } });
});

afterAll(async () => {
  await sidecar?.close();
  recorder.close();
  for (const socket of received.keys()) socket.destroy();
  llhttp.close();
  llhttp.closeAllConnections();
  for (const child of children) child.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Sends bytes on a connection of its own and gives what came back until it was closed, or nothing more came. */
async function say(port: number, pieces: readonly Buffer[]): Promise<string> {
  const answers: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('data', (piece: Buffer) => answers.push(piece));
    socket.on('error', () => undefined).on('close', () => resolve());
    for (const piece of pieces) socket.write(piece);
  });
  return Buffer.concat(answers).toString('latin1');
}

function seenIn(answers: string): readonly string[] {
  return [...answers.matchAll(/^x-seen: (.*)\r$/gim)].map((match) => match[1] ?? '');
}

const isLast = (request: string): boolean => request === 'GET /last';

async function compare(text: string, cut: number): Promise<number> {
  const bytes = Buffer.from(text + LAST, 'latin1');
  const at = cut % bytes.length;
  const where = `${JSON.stringify(text)} cut at ${at}`;
  for (const pieces of received.values()) pieces.length = 0;
  meant.length = 0;
  const answers = await say(sidecar?.inboundPort ?? 0, [bytes.subarray(0, at), bytes.subarray(at)]);
  // One answer for each request: else the sidecar has sent on as one what is more than one.
  expect(seenIn(answers), where).toEqual(meant.slice(0, seenIn(answers).length));
  for (const pieces of received.values()) {
    if (pieces.length === 0) continue;
    const stream = Buffer.concat(pieces);
    for (const judge of judges) {
      const seen = seenIn(await say(judge.port, [stream, Buffer.from(LAST)]));
      const understood = seen.at(-1) === 'GET /last' ? seen.slice(0, -1) : seen;
      const matching = received.size > 1 ? meant.filter((one) => stream.includes(one, 0, 'latin1')) : meant;
      expect(understood, `${judge.name} of ${where}`).toEqual(matching.slice(0, understood.length));
    }
  }
  return meant.filter((one) => !isLast(one)).length;
}

describe(`hostile streams of requests (PRIOMESH_SMUGGLING_SEED=${SEED})`, () => {
  it(
    'are understood by llhttp, HAProxy and nginx as the requests that the sidecar took them for, or as fewer',
    async () => {
      const cuts = seededRandom(SEED >>> 0);
      let requests = 0;
      for (const text of fc.sample(hostileStream, { numRuns: ROUNDS, seed: SEED })) {
        requests += await compare(text, cuts.below(1 << 20));
      }
      // Else nothing was compared.
      expect(requests).toBeGreaterThan(ROUNDS / 10);
    },
    PATIENCE_MS * ROUNDS,
  );
});
