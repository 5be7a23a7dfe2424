import fc from 'fast-check';

const requestLine = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('GET /a HTTP/1.1\r\n', 'POST /b HTTP/1.1\r\n', 'PUT /c?d=e HTTP/1.1\r\n'),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'GET http://host/abs HTTP/1.1\r\n',
      'GET http://other/abs HTTP/1.1\r\n',
      'OPTIONS * HTTP/1.1\r\n',
      'GET * HTTP/1.1\r\n',
      'HEAD /h HTTP/1.1\r\n',
      'GET /a HTTP/1.0\r\n',
      'POST /b HTTP/1.0\r\n',
      'GET /a HTTP/1.2\r\n',
      'GET /a HTTP/2.0\r\n',
      'GET /a http/1.1\r\n',
      'GET /a\r\n',
      'GET  /a HTTP/1.1\r\n',
      'GET /a  HTTP/1.1\r\n',
      'GET\t/a HTTP/1.1\r\n',
      'GET /a HTTP/1.1 \r\n',
      'GET /a HTTP/1.1\n',
      'GET /a HTTP/1.1\r',
      'GET /a%0d%0aX:b HTTP/1.1\r\n',
      'GET /a b HTTP/1.1\r\n',
      'GET /\x00 HTTP/1.1\r\n',
      'GET /\xff HTTP/1.1\r\n',
      'get /a HTTP/1.1\r\n',
      'CONNECT host:1 HTTP/1.1\r\n',
      'PRI * HTTP/2.0\r\n',
      '\r\nGET /a HTTP/1.1\r\n',
      '\r\n\r\nGET /a HTTP/1.1\r\n',
      '\nGET /a HTTP/1.1\r\n',
      ' GET /a HTTP/1.1\r\n',
    ),
  },
);

const lengthField = fc.constantFrom(
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 03\r\n',
  'Content-Length: +3\r\n',
  'Content-Length: -3\r\n',
  'Content-Length: 3 \r\n',
  'Content-Length:\t3\r\n',
  'Content-Length: 3,3\r\n',
  'Content-Length: 3, 4\r\n',
  'Content-Length: 0x3\r\n',
  'Content-Length: 3;4\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content-Length: 9007199254740993\r\n',
  'Content-Length:\r\n',
  'Content-Length : 3\r\n',
  'Content_Length: 3\r\n',
  'Content-Length\x00: 3\r\n',
  ' Content-Length: 3\r\n',
  'X: y\r\n Content-Length: 3\r\n',
  'content-length: 3\r\nContent-Length: 4\r\n',
  'Content-Length: 3\rX: y\r\n',
  'Content-Length: 3\nX: y\r\n',
);

const codingField = fc.constantFrom(
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding:chunked\r\n',
  'Transfer-Encoding: CHUNKED\r\n',
  'Transfer-Encoding: chunked \t\r\n',
  'Transfer-Encoding: "chunked"\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: chunkedx\r\n',
  'Transfer-Encoding: chunked;q=1\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: identity, chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  'Transfer-Encoding: ,chunked\r\n',
  'Transfer-Encoding:\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding: \x00chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer_Encoding: chunked\r\n',
  ' Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Transfer-Encoding: chun\r\n ked\r\n',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
  'X: y\rTransfer-Encoding: chunked\r\n',
  'X: y\nTransfer-Encoding: chunked\r\n',
);

const otherField = fc.constantFrom(
  'X-A: b\r\n',
  'X-A:\r\n',
  'X-A: \xe9\r\n',
  'X-A: b\x01\r\n',
  'X-A b\r\n',
  ': b\r\n',
  'X A: b\r\n',
  'Host: second\r\n',
  'Host: a/b\r\n',
  'Host:\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: content-length\r\n',
  'Connection: transfer-encoding\r\n',
  'Connection: host, x-a\r\n',
  'Connection: \x0bclose\r\n',
  'Keep-Alive: timeout=5\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 200-ok\r\n',
  'Upgrade: h2c\r\n',
  'Upgrade: websocket\r\nConnection: upgrade\r\n',
  'TE: trailers\r\n',
  'Trailer: content-length\r\n',
  'Proxy-Connection: close\r\n',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n',
  'baggage: priomesh.class=batch\r\n',
);

const host = fc.oneof(
  { weight: 9, arbitrary: fc.constant('Host: host\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('', 'Host: host\r\nHost: host\r\n', 'host : host\r\n') },
);

const headEnd = fc.oneof(
  { weight: 12, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', ' \r\n', '') },
);

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: host\r\n\r\n';

const body = fc.constantFrom(
  '',
  '',
  'abc',
  'abcd',
  '3\r\nabc\r\n0\r\n\r\n',
  '0\r\n\r\n',
  `0\r\n\r\n${SMUGGLED}`,
  SMUGGLED,
  `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  '03\r\nabc\r\n0\r\n\r\n',
  '0x3\r\nabc\r\n0\r\n\r\n',
  '+3\r\nabc\r\n0\r\n\r\n',
  '-3\r\nabc\r\n0\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  ' 3\r\nabc\r\n0\r\n\r\n',
  '3;x=y\r\nabc\r\n0\r\n\r\n',
  '3;x="y\r\nz"\r\nabc\r\n0\r\n\r\n',
  '3;x\nabc\r\n0\r\n\r\n',
  '3;\rx\r\nabc\r\n0\r\n\r\n',
  `3;\n${SMUGGLED}\r\nabc\r\n0\r\n\r\n`,
  '3\nabc\n0\n\n',
  '3\r\nabcX\r\n0\r\n\r\n',
  '3\r\nabc0\r\n\r\n',
  '3\r\nabc\r0\r\n\r\n',
  '3\r\nabc\n0\r\n\r\n',
  '3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
  '3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n',
  '3\r\nabc\r\n0\r\nT : 1\r\n\r\n',
  '3\r\nabc\r\n0\r\n T: 1\r\n\r\n',
  '3\r\nabc\r\n0\r\n\n',
  '3\r\nabc\r\n0\n\r\n',
  '3\r\nabc\r\n00000000000000000000\r\n\r\n',
  'ffffffffffffffff\r\nabc\r\n0\r\n\r\n',
  '100000000000000003\r\nabc\r\n0\r\n\r\n',
  '3\r\nabc\r\n',
  '3\r\nab',
);

const message = fc
  .record({
    line: requestLine,
    host,
    fields: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: lengthField },
        { weight: 3, arbitrary: codingField },
        { weight: 4, arbitrary: otherField },
      ),
      { maxLength: 3 },
    ),
    end: headEnd,
    body,
  })
  .map((parts) => `${parts.line}${parts.host}${parts.fields.join('')}${parts.end}${parts.body}`);

/** Bytes that parsers part over. */
const spice = fc.constantFrom(
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '\x00',
  '\x0b',
  '\x85',
  '"',
  '0',
  'a',
);

const edit = fc.record({
  at: fc.nat({ max: 400 }),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(fc.constant(''), spice),
});

/**
 * What a hostile client may send on one connection of HTTP/1.1: one to three messages, put together of what is known to be read in several ways,
 * and then changed at random places. As Latin-1 text.
 */
export const hostileStream: fc.Arbitrary<string> = fc
  .record({
    messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    edits: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(edit, { maxLength: 2 })),
  })
  .map(({ messages, edits }) => {
    let text = messages.join('');
    for (const { at, remove, insert } of edits) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + insert + text.slice(place + remove);
    }
    return text;
  });
