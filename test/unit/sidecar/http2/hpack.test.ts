import { once } from 'node:events';
import http2 from 'node:http2';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  COMPRESSION_FAULT,
  FieldBlock,
  HpackDecoder,
  HpackEncoder,
  OutputBuffer,
  PairCache,
} from '../../../../src/sidecar/http2/protocol/index.ts';
import { literals } from './literals.ts';

type Field = readonly [name: string, value: string];

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function fieldsOf(block: FieldBlock): Field[] {
  return Array.from({ length: block.count }, (_, index) => [block.name(index), block.text(index)]);
}

function decoderOf(maxListBytes = 65_536): HpackDecoder {
  return new HpackDecoder(new PairCache(), maxListBytes);
}

function decode(decoder: HpackDecoder, bytes: Buffer): Field[] {
  const block = new FieldBlock(256);
  expect(decoder.decode(bytes, 0, bytes.length, block)).toBe(0);
  return fieldsOf(block);
}

/** RFC 7541 appendix C: sections, and what each block decodes to, with the size of the table after it. */
const REQUESTS: readonly (readonly [fields: readonly Field[], tableBytes: number])[] = [
  [
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ],
    57,
  ],
  [
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ],
    110,
  ],
  [
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ],
    164,
  ],
];

const RESPONSES: readonly (readonly Field[])[] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];

describe('HPACK, RFC 7541 appendix C', () => {
  it.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key',
      'custom-header',
      55,
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', ':path', '/sample/path', 0],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password', 'secret', 0],
    ['C.2.4', '82', ':method', 'GET', 0],
  ] as const)('%s', (_, bytes, name, value, tableBytes) => {
    const decoder = decoderOf();
    expect(decode(decoder, hex(bytes))).toEqual([[name, value]]);
    expect(decoder.tableBytes).toBe(tableBytes);
  });

  it.each([
    [
      'C.3',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
  ] as const)('%s', (_, blocks) => {
    const decoder = decoderOf();
    blocks.forEach((block, index) => {
      expect(decode(decoder, hex(block))).toEqual(REQUESTS[index]?.[0]);
      expect(decoder.tableBytes).toBe(REQUESTS[index]?.[1]);
    });
  });

  it('C.6: evicts what a table of 256 bytes cannot hold', () => {
    const decoder = decoderOf();
    const blocks = [
      `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ];
    blocks.forEach((block, index) => {
      expect(decode(decoder, hex(block))).toEqual(RESPONSES[index]);
    });
    expect(decoder.tableBytes).toBe(215);
  });
});

describe('HPACK, what is refused', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond both tables', 'be'],
    ['a name index beyond both tables', '7f00 0161'],
    ['a string beyond the block', '0005 6161'],
    ['a string cut short', '00'],
    ['an integer cut short', 'ff'],
    ['an integer that overflows', 'ffff ffff ffff 7f'],
    ['a table larger than announced', '3fe2 1f'],
    ['a change of the table behind a field', '8220'],
    ['Huffman padding of eight bits', '0082 ffff 0161'],
    ['Huffman padding with zeros', '0081 1800'],
    ['EOS in a string', '0084 ffff fffc 0161'],
  ])('%s', (_, bytes) => {
    const block = new FieldBlock(16);
    expect(decoderOf().decode(hex(bytes), 0, hex(bytes).length, block)).toBe(COMPRESSION_FAULT);
  });

  it('takes every prefix and every change of a good block without throwing', () => {
    const good = hex(
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 40 }), (noise, at) => {
        const bytes = Buffer.from(good);
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        decoderOf(200).decode(bytes, 0, bytes.length, new FieldBlock(4));
        decoderOf().decode(Buffer.from(noise), 0, noise.length, new FieldBlock(16));
      }),
      { numRuns: 3000 },
    );
  });

  it('bounds what a bomb makes: one large entry, referred to ten thousand times', () => {
    const decoder = decoderOf(32_768);
    const large = Buffer.concat([hex('40 01 78 7f a1 1e'), Buffer.alloc(4000, 0x61)]);
    const block = new FieldBlock(128);
    expect(decoder.decode(large, 0, large.length, block)).toBe(0);
    const bomb = Buffer.alloc(10_000, 0xbe);
    expect(decoder.decode(bomb, 0, bomb.length, block)).toBe(0);
    expect(decoder.fault).not.toBe(0);
    expect(block.count).toBe(8);
    expect(block.length).toBe(0);
  });
});

const name = fc.oneof(
  fc.constantFrom(
    'content-type',
    'user-agent',
    'traceparent',
    'baggage',
    'cookie',
    'x-request-id',
    'grpc-status',
  ),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).map((text) => `x${text}`),
);
const value = fc.oneof(
  fc.constantFrom('a', 'application/grpc', 'trailers'),
  fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/),
);
const messages = fc.array(fc.array(fc.tuple(name, value), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 12,
});

function encode(encoder: HpackEncoder, from: FieldBlock): Buffer {
  const out = new OutputBuffer(8);
  encoder.begin(out);
  encoder.block(out, from);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

describe('HPACK, both ways', () => {
  it('gives back through encoder and decoder what came in, whatever the table holds and however it is resized', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 5000 }), { maxLength: 4 }), (list, sizes) => {
        const pairs = new PairCache();
        const first = new HpackDecoder(pairs, 65_536);
        const encoder = new HpackEncoder(pairs);
        const second = new HpackDecoder(pairs, 65_536);
        const block = new FieldBlock(64);
        // Twice, so that what repeats is indexed the second time.
        [...list, ...list].forEach((fields, index) => {
          const size = sizes[index % 5];
          if (size !== undefined) encoder.limitTable(size);
          const literal = literals(fields);
          expect(first.decode(literal, 0, literal.length, block)).toBe(0);
          expect(fieldsOf(block)).toEqual(fields);
          expect(decode(second, encode(encoder, block))).toEqual(fields);
          expect(second.tableBytes).toBe(encoder.tableBytes);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('indexes what repeats and only that', () => {
    const pairs = new PairCache();
    const decoder = new HpackDecoder(pairs, 65_536);
    const encoder = new HpackEncoder(pairs);
    const block = new FieldBlock(64);
    const lengths = [1, 2, 3, 4].map((turn) => {
      const literal = literals([
        ['user-agent', 'grpc-node-js/1.14.3'],
        ['traceparent', `00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333${turn}-01`],
      ]);
      decoder.decode(literal, 0, literal.length, block);
      return encode(encoder, block).length;
    });
    // The last time: one byte for the first, and the value of the second with the index of its name.
    expect(lengths.at(-1)).toBe(1 + 55 + 3);
    expect(encoder.tableBytes).toBe(61 + 98);
  });

  it('keeps secrets out of the table that callers share', () => {
    const pairs = new PairCache();
    const decoder = new HpackDecoder(pairs, 65_536);
    const encoder = new HpackEncoder(pairs);
    const block = new FieldBlock(64);
    const indexing = Buffer.concat([hex('60 06'), Buffer.from('secret')]);
    decoder.decode(indexing, 0, indexing.length, block);
    decoder.decode(hex('be be'), 0, 2, block);
    encode(encoder, block);
    expect(fieldsOf(block)).toEqual([
      ['cookie', 'secret'],
      ['cookie', 'secret'],
    ]);
    expect(encoder.tableBytes).toBe(0);
  });
});

/** The blocks of HEADERS frames among what a peer sent, CONTINUATION left aside. */
function headerBlocks(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let at = bytes.indexOf('SM\r\n\r\n') + 6;
  while (at + 9 <= bytes.length) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === 1) blocks.push(bytes.subarray(at + 9, at + 9 + length));
    at += 9 + length;
  }
  return blocks;
}

describe('HPACK beside node:http2', () => {
  it('reads what nghttp2 writes', async () => {
    await fc.assert(
      fc.asyncProperty(messages, async (list) => {
        const [near, far] = duplexPair();
        const received: Buffer[] = [];
        far.on('data', (chunk: Buffer) => received.push(chunk));
        const client = http2.connect('http://a', { createConnection: () => near });
        client.on('error', () => undefined);
        for (const fields of list) {
          const headers: Record<string, string> = { ':path': '/a', ...Object.fromEntries(fields) };
          client.request(headers, { endStream: true }).on('error', () => undefined);
        }
        while (headerBlocks(Buffer.concat(received)).length < list.length) await once(far, 'data');
        client.destroy();
        const decoder = decoderOf();
        const blocks = headerBlocks(Buffer.concat(received));
        list.forEach((fields, index) => {
          const read = decode(decoder, blocks[index] as Buffer);
          const plain = Object.fromEntries(read.filter(([key]) => !key.startsWith(':')));
          expect(plain).toEqual(Object.fromEntries(fields));
        });
      }),
      { numRuns: 40 },
    );
  });
});
