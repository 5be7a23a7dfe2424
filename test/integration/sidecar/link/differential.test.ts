import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, digest, linked, linkNumbers, pattern, startChain, talk, until } from './chain.ts';

let plain: Chain;
let link: Chain;

beforeAll(async () => {
  plain = await startChain({ link: 'off' });
  link = await startChain({ link: 'auto' });
  await linked(link);
});

afterAll(async () => {
  await link.close();
  await plain.close();
});

function head(method: string, path: string, ...lines: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: service', ...lines, '', ''].join('\r\n');
}

const CLOSE = 'Connection: close';

function once(method: string, path: string): readonly Buffer[] {
  return [Buffer.from(head(method, path, CLOSE))];
}

function posted(path: string, body: Buffer, ...lines: readonly string[]): readonly Buffer[] {
  return [Buffer.from(head('POST', path, CLOSE, `Content-Length: ${body.length}`, ...lines)), body];
}

function chunked(path: string, body: Buffer, chunkBytes: number): readonly Buffer[] {
  const pieces: Buffer[] = [Buffer.from(head('POST', path, CLOSE, 'Transfer-Encoding: chunked'))];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  pieces.push(Buffer.from('0\r\n\r\n'));
  return pieces;
}

type Scenario = readonly [name: string, (port: number) => Promise<string>];

async function seen(port: number, pieces: readonly Buffer[], slowBytes?: number): Promise<string> {
  const { received, end } = await talk(port, pieces, slowBytes === undefined ? {} : { slowBytes });
  return `${end} ${digest(received)} ${received.toString('latin1', 0, 400)}`;
}

/** The same, for a body whose cuts into chunks are chance: the data of the chunks counts. */
async function seenEcho(port: number, pieces: readonly Buffer[]): Promise<string> {
  const { received, end } = await talk(port, pieces);
  const bodyStart = received.indexOf('\r\n\r\n') + 4;
  const data: Buffer[] = [];
  for (let at = bodyStart; ; ) {
    const lineEnd = received.indexOf('\r\n', at);
    const length = Number.parseInt(received.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || !(length > 0)) break;
    data.push(received.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return `${end} ${digest(Buffer.concat(data))} ${received.toString('latin1', 0, bodyStart)} ${received.toString('latin1', received.length - 5)}`;
}

const SIZES = [0, 1, 16_383, 65_527, 65_528, 65_536, 65_537, 1_000_003];
const LARGE = pattern(5_000_017);

const SCENARIOS: readonly Scenario[] = [
  ...SIZES.flatMap((size): Scenario[] => [
    [`a body of ${size} bytes with a length`, (port) => seen(port, once('GET', `/length/${size}`))],
    [`a body of ${size} bytes in chunks`, (port) => seen(port, once('GET', `/chunked/${size}`))],
    [
      `a body of ${size} bytes that ends with its connection`,
      (port) => seen(port, once('GET', `/until-close/${size}`)),
    ],
    [`a request body of ${size} bytes`, (port) => seen(port, posted('/echo-digest', pattern(size)))],
    [
      `a request body of ${size} bytes in chunks`,
      (port) => seenEcho(port, chunked('/echo-stream', pattern(size), 7001)),
    ],
  ]),
  [
    'a caller of HTTP/1.0',
    (port) => seen(port, [Buffer.from('GET /chunked/70000 HTTP/1.0\r\nHost: service\r\n\r\n')]),
  ],
  ['HEAD', (port) => seen(port, once('HEAD', '/length/500'))],
  ['204', (port) => seen(port, once('GET', '/status/204'))],
  ['304', (port) => seen(port, once('GET', '/status/304'))],
  ['an interim response', (port) => seen(port, once('GET', '/hints/'))],
  ['an expectation', (port) => seen(port, posted('/echo-digest', pattern(100), 'Expect: 100-continue'))],
  ['large bodies both ways at once', (port) => seenEcho(port, posted('/echo-stream', LARGE))],
  ['a slow reader', (port) => seen(port, once('GET', '/length/5000017'), 100_000)],
  ['a slow reader of chunks', (port) => seen(port, once('GET', '/chunked/3000017'), 50_000)],
  ['a malformed response', (port) => seen(port, once('GET', '/nonsense/'))],
  [
    'an unknown host',
    (port) => seen(port, [Buffer.from('GET / HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n')]),
  ],
  [
    'a refused request',
    (port) => seen(port, [Buffer.from('GET / HTTP/1.1\r\nHost: service\r\nContent-Length: x\r\n\r\n')]),
  ],
  [
    'many requests on one connection, one after the other in one write',
    (port) => {
      const paths = Array.from({ length: 30 }, (_, index) => `/length/${(index * 7919) % 40_000}`);
      const bytes = paths.map((path, index) =>
        head('GET', path, ...(index === paths.length - 1 ? [CLOSE] : [])),
      );
      return seen(port, [Buffer.from(bytes.join(''))]);
    },
  ],
  [
    'requests with bodies on one connection, one after the other in one write',
    (port) => {
      const bodies = [10, 70_000, 1, 200_000].map((size) => pattern(size));
      const pieces = bodies.flatMap((body, index) => [
        Buffer.from(
          head('POST', '/echo-digest', `Content-Length: ${body.length}`, ...(index === 3 ? [CLOSE] : [])),
        ),
        body,
      ]);
      return seen(port, [Buffer.concat(pieces)]);
    },
  ],
  [
    'an answer before the body',
    async (port) => {
      const { received } = await talk(port, [
        Buffer.from(head('POST', '/early/', 'Content-Length: 3000000')),
        pattern(100_000),
      ]);
      return received.toString('latin1');
    },
  ],
  [
    'a response that breaks off',
    async (port) => {
      const { received, end } = await talk(port, once('GET', '/broken/100000'));
      // How much of it came before it broke is chance.
      return `${end} ${received.toString('latin1', 0, 30)} ${received.length < 101_000}`;
    },
  ],
];

describe('a chain of sidecars over a link answers byte for byte as one over connections does', () => {
  it.each(SCENARIOS)('%s', async (_name, play) => {
    const [over, direct] = [await play(link.port), await play(plain.port)];
    expect(over).toBe(direct);
    expect(over.length).toBeGreaterThan(20);
  });

  it('also when all happen at once', async () => {
    const alone = new Map<string, string>();
    for (const [name, play] of SCENARIOS) alone.set(name, await play(plain.port));
    const together = await Promise.all(
      [...SCENARIOS, ...SCENARIOS].map(async ([name, play]) => [name, await play(link.port)] as const),
    );
    for (const [name, result] of together) expect(`${name} ${result}`).toBe(`${name} ${alone.get(name)}`);
  });

  it.each([
    ['plain', () => plain],
    ['link', () => link],
  ] as const)(
    'a caller that goes away in the middle is noticed by the application: %s',
    async (_name, chain) => {
      const before = chain().seen.aborted;
      await talk(chain().port, once('GET', '/length/50000000'), { resetAfterBytes: 100_000 });
      await talk(
        chain().port,
        [Buffer.from(head('POST', '/echo-stream', 'Content-Length: 1000000')), pattern(1000)],
        {
          resetAfterBytes: 100,
        },
      );
      await until(() => chain().seen.aborted > before);
      // And that hurts nobody else.
      expect((await talk(chain().port, once('GET', '/length/10'))).end).toBe('end');
    },
  );

  it('really went over a link, which lived through all of it', () => {
    const opened = linkNumbers(link.caller);
    expect(opened).toMatchObject({ links: 1, linksOpened: 1, linksLost: 0, faults: {} });
    expect(opened?.streamsOpened).toBeGreaterThan(20);
    expect(linkNumbers(link.called, 'acceptedLinks')).toMatchObject({ links: 1, linksOpened: 1, faults: {} });
    expect(linkNumbers(plain.caller)).toMatchObject({ linksOpened: 0, streamsOpened: 0 });
  });
});
