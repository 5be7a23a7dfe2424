/** One row of docs/reference/framing.md: bytes, and what the sidecar says to them. */
export interface FramingCase {
  readonly name: string;
  readonly bytes: string;
  /** `accepted`, or the kind of refusal. */
  readonly verdict: string;
}

const HOST = 'Host: a\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

function refused(name: string, bytes: string, verdict: string): FramingCase {
  return { name, bytes, verdict };
}

function accepted(name: string, bytes: string): FramingCase {
  return { name, bytes, verdict: 'accepted' };
}

export const REQUEST_CASES: readonly FramingCase[] = [
  accepted('a plain request', `${GET}\r\n`),
  accepted('one empty line in front', `\r\n${GET}\r\n`),
  refused('two empty lines in front', `\r\n\r\n${GET}\r\n`, 'request-line'),
  refused(
    'Content-Length and Transfer-Encoding',
    `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-with-length',
  ),
  refused(
    'two Content-Length that differ',
    `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`,
    'content-length-duplicate',
  ),
  refused(
    'two Content-Length that agree',
    `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    'content-length-duplicate',
  ),
  refused('a list in Content-Length', `${POST}Content-Length: 3, 3\r\n\r\nabc`, 'content-length-invalid'),
  refused('a sign in Content-Length', `${POST}Content-Length: +3\r\n\r\nabc`, 'content-length-invalid'),
  refused('an empty Content-Length', `${POST}Content-Length:\r\n\r\nabc`, 'content-length-invalid'),
  refused('a hexadecimal Content-Length', `${POST}Content-Length: 0x3\r\n\r\nabc`, 'content-length-invalid'),
  refused(
    'a Content-Length beyond 10^15',
    `${POST}Content-Length: 1000000000000000\r\n\r\n`,
    'content-length-invalid',
  ),
  refused(
    'a coding before chunked',
    `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'a coding after chunked',
    `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'chunked twice',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'chunked in quotes',
    `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'a tab behind chunked',
    `${POST}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'a tab before chunked',
    `${POST}Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-unsupported',
  ),
  refused(
    'a space behind a Content-Length',
    `${POST}Content-Length: 3 \r\n\r\nabc`,
    'content-length-invalid',
  ),
  refused(
    'Transfer-Encoding in HTTP/1.0',
    `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'transfer-encoding-version',
  ),
  refused('a space before the colon', `${GET}X : 1\r\n\r\n`, 'field-name'),
  refused('a field name with a byte that no token has', `${GET}X@: 1\r\n\r\n`, 'field-name'),
  refused('a field line without a colon', `${GET}X\r\n\r\n`, 'field-name'),
  refused('a continued line', `${GET}X: 1\r\n 2\r\n\r\n`, 'obs-fold'),
  refused('a space before the first field', `GET / HTTP/1.1\r\n ${HOST}\r\n`, 'obs-fold'),
  refused('NUL in a value', `${GET}X: a\0b\r\n\r\n`, 'field-value'),
  refused('DEL in a value', `${GET}X: a\x7fb\r\n\r\n`, 'field-value'),
  refused('CR alone in a value', `${GET}X: a\rb\r\n\r\n`, 'bare-cr'),
  refused('LF alone at the end of a field', `${GET}X: a\n\r\n`, 'bare-lf'),
  refused('LF alone at the end of the request line', `GET / HTTP/1.1\n${HOST}\r\n`, 'bare-lf'),
  refused('LF alone as the empty line', `${GET}\n`, 'bare-lf'),
  refused('CR alone as the empty line', `${GET}\rX`, 'bare-cr'),
  refused('no Host', 'GET / HTTP/1.1\r\n\r\n', 'host-missing'),
  refused('two Host', `${GET}${HOST}\r\n`, 'host-duplicate'),
  refused('an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'host-invalid'),
  refused('a list in Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'host-invalid'),
  refused('user information in Host', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 'host-invalid'),
  refused('a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'host-invalid'),
  accepted('no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'),
  accepted('an absolute target that names the same authority', `GET http://A/x HTTP/1.1\r\n${HOST}\r\n`),
  refused(
    'an absolute target that names another authority',
    `GET http://b/x HTTP/1.1\r\n${HOST}\r\n`,
    'authority-mismatch',
  ),
  refused(
    'user information in an absolute target',
    `GET http://u@a/x HTTP/1.1\r\n${HOST}\r\n`,
    'authority-mismatch',
  ),
  refused('an absolute target without a path', `GET http://a HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  refused('an absolute target of another scheme', `GET ftp://a/x HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  refused('an asterisk with another method than OPTIONS', `GET * HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  accepted('an asterisk with OPTIONS', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  refused('a fragment in the target', `GET /#x HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  refused('a byte beyond ASCII in the target', `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  refused('two spaces in the request line', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 'target'),
  refused('a space behind the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`, 'request-line'),
  refused('no version (HTTP/0.9)', 'GET /\r\n\r\n', 'version'),
  refused('another major version', `GET / HTTP/2.0\r\n${HOST}\r\n`, 'version'),
  refused('another minor version', `GET / HTTP/1.2\r\n${HOST}\r\n`, 'version'),
  refused('a lower-case version', `GET / http/1.1\r\n${HOST}\r\n`, 'version'),
  refused('a method that is no token', `G@T / HTTP/1.1\r\n${HOST}\r\n`, 'request-line'),
  refused('CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 'connect'),
  refused('Upgrade', `${GET}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`, 'upgrade'),
  refused('an unknown expectation', `${GET}Expect: miracles\r\n\r\n`, 'expectation'),
  refused(
    'Connection names a framing field',
    `${POST}Connection: content-length\r\nContent-Length: 3\r\n\r\nabc`,
    'connection-names-framing',
  ),
  refused('Connection names Host', `${GET}Connection: host\r\n\r\n`, 'connection-names-framing'),
  refused('129 fields', `${GET}${'X: 1\r\n'.repeat(128)}\r\n`, 'too-many-fields'),
  accepted('a chunked body', `${CHUNKED}3\r\nabc\r\n0\r\n\r\n`),
  accepted('chunk extensions', `${CHUNKED}3;a;b=c;d="e;\\"f"\r\nabc\r\n0\r\n\r\n`),
  accepted('trailers', `${CHUNKED}0\r\nX-End: 1\r\n\r\n`),
  refused('an empty chunk size', `${CHUNKED}\r\nabc\r\n0\r\n\r\n`, 'chunk-size'),
  refused('a chunk size with a sign', `${CHUNKED}+3\r\nabc\r\n0\r\n\r\n`, 'chunk-size'),
  refused('a chunk size with 0x', `${CHUNKED}0x3\r\nabc\r\n0\r\n\r\n`, 'chunk-size'),
  refused('a space behind the chunk size', `${CHUNKED}3 \r\nabc\r\n0\r\n\r\n`, 'chunk-size'),
  refused('a chunk size of 13 digits', `${CHUNKED}0000000000003\r\nabc\r\n0\r\n\r\n`, 'chunk-size'),
  refused('LF alone behind the chunk size', `${CHUNKED}3\nabc\r\n0\r\n\r\n`, 'bare-lf'),
  refused('a chunk longer than its size', `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`, 'chunk-end'),
  refused('LF alone behind a chunk', `${CHUNKED}3\r\nabc\n0\r\n\r\n`, 'chunk-end'),
  refused(
    'a chunk extension with a control byte',
    `${CHUNKED}3;a\x01\r\nabc\r\n0\r\n\r\n`,
    'chunk-extension',
  ),
  refused(
    'a chunk extension beyond the limit',
    `${CHUNKED}3;${'a'.repeat(300)}\r\nabc\r\n0\r\n\r\n`,
    'chunk-extension',
  ),
  refused('a framing field as a trailer', `${CHUNKED}0\r\nContent-Length: 1\r\n\r\n`, 'trailer'),
  refused('a class carrier as a trailer', `${CHUNKED}0\r\nBaggage: priomesh.class=a\r\n\r\n`, 'trailer'),
  refused('a malformed trailer', `${CHUNKED}0\r\nX : 1\r\n\r\n`, 'trailer'),
  refused('trailers beyond the limit', `${CHUNKED}0\r\nX: ${'a'.repeat(9000)}\r\n\r\n`, 'trailer'),
];

const OK = 'HTTP/1.1 200 OK\r\n';

export const RESPONSE_CASES: readonly FramingCase[] = [
  accepted('a plain response', `${OK}Content-Length: 1\r\n\r\na`),
  accepted('a response without a reason phrase', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'),
  accepted('204 with Content-Length 0', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'),
  refused('204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\na', 'body-not-allowed'),
  refused(
    '204 with Transfer-Encoding',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    'body-not-allowed',
  ),
  refused(
    'a response with both lengths',
    `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'transfer-encoding-with-length',
  ),
  refused(
    'a response with two Content-Length',
    `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
    'content-length-duplicate',
  ),
  refused(
    'chunks from HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'transfer-encoding-version',
  ),
  refused('a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'status-line'),
  refused('a status beyond 599', 'HTTP/1.1 600 X\r\n\r\n', 'status-line'),
  refused('another protocol', 'ICY 200 OK\r\n\r\n', 'status-line'),
  refused('LF alone in a response', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'bare-lf'),
  refused('a continued line in a response', `${OK}X: 1\r\n 2\r\n\r\n`, 'obs-fold'),
];
