import http from 'node:http';
import net from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BodyReader, RequestHead } from '../../../src/sidecar/http1/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { REQUEST_CASES } from './framing-cases.ts';

/** One message as a parser read it. */
interface Message {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** What follows the message under test: a parser that finds another end reads this one differently. */
const NEXT = 'GET /next-one HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n';

/** What the sidecar's reader says: the message and where it ends, or undefined when it refuses. */
function ours(bytes: Buffer): { message: Message; end: number } | undefined {
  const head = new RequestHead(FIXED_LIMITS.fields);
  const start = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0;
  const bodyStart = head.parse(bytes, start, bytes.length);
  if (bodyStart <= 0) return undefined;
  const body = new BodyReader(FIXED_LIMITS);
  body.begin(head.framing);
  const data: Buffer[] = [];
  const end = body.consume(bytes, bodyStart, bytes.length, (from, to) => data.push(bytes.subarray(from, to)));
  if (end < 0 || !body.done) return undefined;
  if (head.framing.kind === 'length') data.push(bytes.subarray(bodyStart, end));
  const text = (from: number, to: number): string => bytes.toString('latin1', start + from, start + to);
  const fields: string[] = [];
  for (let index = 0; index < head.lines.count; index += 1) {
    fields.push(text(head.lines.nameStart(index), head.lines.nameEnd(index)));
    fields.push(text(head.lines.valueStart(index), head.lines.valueEnd(index)));
  }
  return {
    message: {
      method: text(0, head.methodEnd),
      target: text(head.targetStart, head.targetEnd),
      fields,
      body: Buffer.concat(data).toString('latin1'),
    },
    end,
  };
}

let port = 0;
let seen: Message[] = [];
const server = http.createServer(
  { insecureHTTPParser: false, requireHostHeader: false },
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({
        method: request.method ?? '',
        target: request.url ?? '',
        fields: request.rawHeaders,
        body: Buffer.concat(chunks).toString('latin1'),
      });
      response.end();
    });
  },
);

beforeAll(async () => {
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** What llhttp, in its strict mode, reads out of the same bytes on a connection of its own. */
async function theirs(bytes: Buffer): Promise<readonly Message[]> {
  seen = [];
  await new Promise<void>((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });
  return seen;
}

const piece = fc.constantFrom(
  'Content-Length: 3\r\n',
  'Content-Length: 03\r\n',
  'content-length:3 \r\n',
  'Content-Length: 3,3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: Chunked\t\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'X: a\tb \r\n',
  'X:\r\n',
  "X!#$%&'*+-.^_`|~9: \xe9\r\n",
  'X : 1\r\n',
  'X: 1\r\n 2\r\n',
  'X: 1\n',
  'X: \x01\r\n',
  'Accept: */*\r\n',
);

const body = fc.constantFrom(
  '',
  'abc',
  '3\r\nabc\r\n0\r\n\r\n',
  '03;x=y\r\nabc\r\n0\r\n\r\n',
  '3;x="a;b"\r\nabc\r\n0\r\nT: 1\r\n\r\n',
  '3\r\nabc\r\n00\r\n\r\n',
  'A\r\n0123456789\r\n0\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  '3\nabc\r\n0\r\n\r\n',
  '0\r\n\r\n',
);

const generated = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS'),
    target: fc.constantFrom('/', '/a?b=c|d', '/%zz', 'http://a/', '*', '/"<>', '/a#b'),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2'),
    pieces: fc.array(piece, { maxLength: 4 }),
    body,
  })
  .map(
    ({ method, target, version, pieces, body: rest }) =>
      `${method} ${target} ${version}\r\nHost: a\r\n${pieces.join('')}\r\n${rest}`,
  );

const mutated = fc
  .tuple(fc.constantFrom(...REQUEST_CASES), fc.nat(), fc.nat({ max: 255 }))
  .map(([{ bytes }, at, value]) => {
    const changed = Buffer.from(bytes, 'latin1');
    changed[at % changed.length] = value;
    return changed.toString('latin1');
  });

async function compare(text: string): Promise<boolean> {
  const bytes = Buffer.from(text + NEXT, 'latin1');
  const mine = ours(bytes);
  if (mine === undefined) return false;
  // Any token is a method to the sidecar; llhttp knows a list of them.
  if (!http.METHODS.includes(mine.message.method)) return false;
  const closes = mine.message.fields.some((field) => /^close$/i.test(field));
  const messages = await theirs(bytes);
  expect(messages[0], JSON.stringify(text)).toEqual(mine.message);
  const rest = bytes.toString('latin1', mine.end);
  const last = messages.at(-1);
  if (rest === NEXT && !closes && !text.includes(' HTTP/1.0')) {
    expect(messages.length, JSON.stringify(text)).toBe(2);
    expect(last?.target).toBe('/next-one');
  }
  return true;
}

describe('whatever the sidecar accepts, llhttp in strict mode reads as the same message', () => {
  it('for the documented cases', async () => {
    let compared = 0;
    for (const { bytes } of REQUEST_CASES) if (await compare(bytes)) compared += 1;
    expect(compared).toBeGreaterThan(5);
  });

  it('for generated requests', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(generated, mutated), async (text) => {
        if (await compare(text)) compared += 1;
      }),
      { numRuns: 1500 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});
