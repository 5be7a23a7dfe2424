import net from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readClientHello } from '../../../src/sidecar/tcp/client-hello.ts';

/** What node:tls sends first. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const bytes = new Promise<Buffer>((resolve) => {
    server.once('connection', (socket) => {
      socket.once('data', (first: Buffer) => {
        resolve(first);
        socket.destroy();
        server.close();
      });
    });
  });
  const client = tls.connect({
    host: '127.0.0.1',
    port,
    ...(servername === undefined ? {} : { servername }),
  });
  client.on('error', () => client.destroy());
  return bytes;
}

let named = Buffer.alloc(0);
let nameless = Buffer.alloc(0);

beforeAll(async () => {
  named = Buffer.from(await helloOf('shop.example.org'));
  nameless = Buffer.from(await helloOf(undefined));
});

/** The same handshake message, spread over records of a few bytes. */
function inRecordsOf(hello: Buffer, sizeBytes: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += sizeBytes) {
    const part = message.subarray(at, at + sizeBytes);
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

describe('the name in a TLS handshake', () => {
  it('is read from what node:tls sends', () => {
    expect(readClientHello(named, 0, named.length)).toEqual({ kind: 'hello', name: 'shop.example.org' });
    expect(readClientHello(nameless, 0, nameless.length)).toEqual({ kind: 'hello', name: '' });
  });

  it('is read from a message spread over records, and from the middle of a buffer', () => {
    for (const size of [1, 7, 100]) {
      const spread = Buffer.concat([Buffer.from('xx'), inRecordsOf(named, size)]);
      expect(readClientHello(spread, 2, spread.length)).toEqual({ kind: 'hello', name: 'shop.example.org' });
    }
  });

  it('asks for more as long as something is missing', () => {
    for (let end = 1; end < named.length; end += 1) {
      expect(readClientHello(named, 0, end).kind).toBe('more');
    }
  });

  it('takes what is no ClientHello for something else', () => {
    for (const text of ['GET / HTTP/1.1\r\n', '\x16\x04\x01\x00\x05aaaaa', '\x16\x03\x01\x00\x01\x02']) {
      const bytes = Buffer.from(text, 'latin1');
      expect(readClientHello(bytes, 0, bytes.length)).toEqual({ kind: 'other' });
    }
  });

  it('never throws, never takes a name that is none, whatever is changed in it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(named);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const hello = readClientHello(bytes, 0, bytes.length);
        if (hello.kind === 'hello') expect(hello.name).toMatch(/^[a-z0-9_.-]*$/);
      }),
      { numRuns: 500 },
    );
  });
});
