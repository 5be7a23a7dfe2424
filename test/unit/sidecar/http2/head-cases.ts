type Field = readonly [name: string, value: string];

/** One row of docs/reference/framing.md: fields, and what the sidecar says to them. */
export interface HeadCase {
  readonly name: string;
  readonly fields: readonly Field[];
  /** `accepted`, or the kind of refusal. */
  readonly verdict: string;
}

const METHOD: Field = [':method', 'GET'];
const SCHEME: Field = [':scheme', 'http'];
const PATH: Field = [':path', '/'];
const AUTHORITY: Field = [':authority', 'a:80'];
const GET: readonly Field[] = [METHOD, SCHEME, PATH, AUTHORITY];

function row(name: string, fields: readonly Field[], verdict: string): HeadCase {
  return { name, fields, verdict };
}

function withField(name: string, field: Field, verdict: string): HeadCase {
  return row(name, [...GET, field], verdict);
}

function path(name: string, value: string, verdict: string, method = 'GET'): HeadCase {
  return row(name, [[':method', method], SCHEME, [':path', value], AUTHORITY], verdict);
}

function authority(name: string, value: string, verdict: string): HeadCase {
  return row(name, [METHOD, SCHEME, PATH, [':authority', value]], verdict);
}

export const H2_REQUEST_CASES: readonly HeadCase[] = [
  row('the four pseudo-fields', GET, 'accepted'),
  row('the pseudo-fields in another order', [AUTHORITY, PATH, SCHEME, METHOD], 'accepted'),
  row(
    'a pseudo-field behind a field',
    [METHOD, SCHEME, ['accept', '*/*'], PATH, AUTHORITY],
    'pseudo-after-field',
  ),
  row('two :method', [...GET, METHOD], 'pseudo-duplicate'),
  row('two :path', [...GET, PATH], 'pseudo-duplicate'),
  row('two :authority', [...GET, AUTHORITY], 'pseudo-duplicate'),
  row('two :scheme', [...GET, SCHEME], 'pseudo-duplicate'),
  row(':status in a request', [...GET, [':status', '200']], 'pseudo-unknown'),
  row('an unknown pseudo-field', [...GET, [':protocol', 'websocket']], 'pseudo-unknown'),
  row('no :method', [SCHEME, PATH, AUTHORITY], 'pseudo-missing'),
  row('no :path', [METHOD, SCHEME, AUTHORITY], 'pseudo-missing'),
  row('no :scheme', [METHOD, PATH, AUTHORITY], 'pseudo-missing'),
  row('no field at all', [], 'pseudo-missing'),
  row('neither :authority nor Host', [METHOD, SCHEME, PATH], 'authority-missing'),
  row('Host in the place of :authority', [METHOD, SCHEME, PATH, ['host', 'a']], 'accepted'),
  withField('Host that names the same, in other letters', ['host', 'A:80'], 'accepted'),
  withField('Host that names another', ['host', 'b:80'], 'authority-mismatch'),
  withField('Host that differs from :authority in the port only', ['host', 'a'], 'authority-mismatch'),
  row('two Host fields', [...GET, ['host', 'a:80'], ['host', 'a:80']], 'host-duplicate'),
  authority('an empty :authority', '', 'authority-invalid'),
  authority('user information in :authority', 'user@a', 'authority-invalid'),
  authority('a path in :authority', 'a/b', 'authority-invalid'),
  authority('an IPv6 literal in :authority', '[::1]:80', 'accepted'),
  path('an empty :path', '', 'path'),
  path('a :path without a slash in front', 'index', 'path'),
  path('an absolute :path', 'http://a/', 'path'),
  path('a fragment in :path', '/a#b', 'path'),
  path('a space in :path', '/a b', 'path'),
  path('a byte beyond ASCII in :path', '/\xe9', 'path'),
  path('an asterisk :path with GET', '*', 'path'),
  path('an asterisk :path with OPTIONS', '*', 'accepted', 'OPTIONS'),
  path('the method CONNECT', '/', 'connect', 'CONNECT'),
  path('a :method that is no token', '/', 'method', 'G(T'),
  path('an empty :method', '/', 'method', ''),
  row('another :scheme', [METHOD, [':scheme', 'ftp'], PATH, AUTHORITY], 'scheme'),
  withField('an upper-case field name', ['Accept', '*/*'], 'field-name'),
  withField('an empty field name', ['', 'a'], 'field-name'),
  withField('a space in a field name', ['a b', 'c'], 'field-name'),
  withField('a colon in a field name', ['a:b', 'c'], 'field-name'),
  withField('NUL in a field value', ['x', 'a\0b'], 'field-value'),
  withField('CR in a field value', ['x', 'a\rb'], 'field-value'),
  withField('LF in a field value', ['accept', 'a\nb'], 'field-value'),
  withField('a space in front of a value', ['x', ' a'], 'field-value'),
  withField('a tab behind a value', ['accept', 'a\t'], 'field-value'),
  withField('a Connection field', ['connection', 'close'], 'connection-specific'),
  withField('a Keep-Alive field', ['keep-alive', 'timeout=5'], 'connection-specific'),
  withField('a Proxy-Connection field', ['proxy-connection', 'close'], 'connection-specific'),
  withField('a Transfer-Encoding field', ['transfer-encoding', 'chunked'], 'connection-specific'),
  withField('an Upgrade field', ['upgrade', 'websocket'], 'connection-specific'),
  withField('TE: trailers', ['te', 'trailers'], 'accepted'),
  withField('TE with anything else', ['te', 'gzip, trailers'], 'te'),
  withField('a content-length', ['content-length', '5'], 'accepted'),
  withField('a content-length with a sign', ['content-length', '+5'], 'content-length-invalid'),
  withField('an empty content-length', ['content-length', ''], 'content-length-invalid'),
  withField('a list in content-length', ['content-length', '5, 5'], 'content-length-invalid'),
  withField(
    'a content-length of 16 digits',
    ['content-length', '1000000000000000'],
    'content-length-invalid',
  ),
  row(
    'two content-length fields that agree',
    [...GET, ['content-length', '5'], ['content-length', '5']],
    'content-length-duplicate',
  ),
  withField('an expectation of 100-continue', ['expect', '100-continue'], 'accepted'),
  withField('another expectation', ['expect', 'gold'], 'expectation'),
  row(
    'fields beyond the 128th',
    [...GET, ...Array.from({ length: 125 }, (): Field => ['x', 'y'])],
    'too-many-fields',
  ),
  withField('a list larger than maxHeadBytes', ['x', 'a'.repeat(32_768)], 'head-too-large'),
];

export const H2_RESPONSE_CASES: readonly HeadCase[] = [
  row('a status', [[':status', '200']], 'accepted'),
  row('an interim status', [[':status', '103']], 'accepted'),
  row('no :status', [['server', 'a']], 'pseudo-missing'),
  row(
    'two :status',
    [
      [':status', '200'],
      [':status', '200'],
    ],
    'pseudo-duplicate',
  ),
  row(
    ':status behind a field',
    [
      ['server', 'a'],
      [':status', '200'],
    ],
    'pseudo-missing',
  ),
  row('a request pseudo-field in a response', [[':status', '200'], PATH], 'pseudo-unknown'),
  row('status 101', [[':status', '101']], 'status'),
  row('a :status of two digits', [[':status', '99']], 'status'),
  row('a :status beyond 599', [[':status', '600']], 'status'),
  row(
    'a Connection field in a response',
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
    'connection-specific',
  ),
  row(
    'a Transfer-Encoding field in a response',
    [
      [':status', '200'],
      ['transfer-encoding', 'chunked'],
    ],
    'connection-specific',
  ),
  row(
    'two content-length fields in a response',
    [
      [':status', '200'],
      ['content-length', '1'],
      ['content-length', '1'],
    ],
    'content-length-duplicate',
  ),
  row(
    'an upper-case field name in a response',
    [
      [':status', '200'],
      ['Server', 'a'],
    ],
    'field-name',
  ),
];

export const H2_TRAILER_CASES: readonly HeadCase[] = [
  row('a field in trailers', [['grpc-status', '0']], 'accepted'),
  row('a pseudo-field in trailers', [[':status', '200']], 'trailer'),
  row('a framing field in the trailers', [['content-length', '3']], 'trailer'),
  row('a class carrier in the trailers', [['tracestate', 'priomesh=batch']], 'trailer'),
  row('a Connection field in trailers', [['connection', 'close']], 'trailer'),
  row('an upper-case field name in trailers', [['X', 'y']], 'field-name'),
];
