"""The controller's northbound interface: JSON over HTTP, and events.

A WSGI application that trusts nothing it is sent. The reference stands in
docs/reference/northbound.openapi.json, and is served too.
"""

import json
import os
import re

from eventlet import queue

BODY_LIMIT_BYTES = 64 * 1024
MOST_STREAMS = 16
KEEP_ALIVE_S = 1.0
KINDS = ('topology', 'routes', 'statistics')
REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..',
                         'docs', 'reference', 'northbound.openapi.json')
MARK = re.compile(r'/v1/routes/marks/(0|[1-9]\d?)\Z')
DSCP = re.compile(r'(0|[1-9]\d?)\Z')
WORDS = {200: 'OK', 400: 'Bad Request', 404: 'Not Found',
         405: 'Method Not Allowed', 413: 'Content Too Large',
         503: 'Service Unavailable'}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status, code, message, allow=None):
        super().__init__(message)
        self.status = status
        self.code = code
        self.allow = allow


class Feed:
    """Hands the newest of each kind of event to everybody who listens.

    A listener that is slow misses what became old meanwhile: for each there
    is at most one of each kind to send.
    """

    def __init__(self, epoch):
        self.epoch = epoch
        self.number = 0
        self.newest = {}        # kind -> bytes
        self.listeners = set()

    def publish(self, kind, value):
        """Tell everybody."""
        self.number += 1
        text = 'id: %d-%d\nevent: %s\ndata: %s\n\n' % (
            self.epoch, self.number, kind, compact(value))
        self.newest[kind] = text.encode()
        for listener in self.listeners:
            listener.tell(kind)

    def listen(self):
        """A new listener; raises Refused when there are too many."""
        if len(self.listeners) >= MOST_STREAMS:
            raise Refused(503, 'TOO_MANY_STREAMS', 'there are %d streams '
                          'already' % MOST_STREAMS)
        listener = Listener(self)
        self.listeners.add(listener)
        return listener


class Listener:
    """One stream of events: an iterable of bytes, closed by the server."""

    def __init__(self, feed):
        self.feed = feed
        self.wakeup = queue.LightQueue(1)
        self.due = [kind for kind in KINDS if kind in feed.newest]

    def tell(self, kind):
        """There is a newer event of a kind."""
        if kind not in self.due:
            self.due.append(kind)
        if self.wakeup.empty():
            self.wakeup.put_nowait(True)

    def __iter__(self):
        yield b': priomesh\n\n'
        while True:
            while self.due:
                yield self.feed.newest[self.due.pop(0)]
            try:
                self.wakeup.get(timeout=KEEP_ALIVE_S)
            except queue.Empty:
                yield b':\n\n'

    def close(self):
        """The client has gone, or does not read."""
        self.feed.listeners.discard(self)


def compact(value):
    """JSON without spaces."""
    return json.dumps(value, separators=(',', ':'))


class Northbound:
    """The WSGI application.

    network: has topology(), statistics(), routes(), which return what is
        told or raise Refused, and change(spread, marks), which returns when
        the routes are in effect.
    """

    def __init__(self, network, feed):
        self.network = network
        self.feed = feed

    def __call__(self, environ, start_response):
        environ['eventlet.minimum_write_chunk_size'] = 1
        try:
            answer = self._serve(environ)
            status, allow = 200, None
        except Refused as error:
            status, allow = error.status, error.allow
            answer = {'error': {'code': error.code, 'message': str(error)}}
        stream = isinstance(answer, Listener)
        headers = [
            ('Content-Type', 'text/event-stream' if stream
             else 'application/json'),
            ('Cache-Control', 'no-store'),
            ('X-Content-Type-Options', 'nosniff')]
        if allow:
            headers.append(('Allow', allow))
        start_response('%d %s' % (status, WORDS[status]), headers)
        return answer if stream else [compact(answer).encode()]

    def _serve(self, environ):
        path, method = environ['PATH_INFO'], environ['REQUEST_METHOD']
        mark = MARK.match(path)
        if mark and int(mark.group(1)) < 64:
            return self._mark(int(mark.group(1)), method, environ)
        if path == '/v1/routes':
            need_method(method, 'GET', 'PUT')
            if method == 'PUT':
                return self._put_routes(body_of(environ))
            return self.network.routes()
        readers = {'/v1/topology': self.network.topology,
                   '/v1/statistics': self.network.statistics,
                   '/v1/events': self.feed.listen,
                   '/v1/openapi.json': reference}
        if path not in readers:
            raise Refused(404, 'NOT_FOUND', 'there is nothing here')
        need_method(method, 'GET')
        return readers[path]()

    def _put_routes(self, body):
        need_keys(body, 'spread', 'marks')
        if body['spread'] not in ('default', 'hash'):
            raise Refused(400, 'INVALID', "spread: 'default' or 'hash'")
        if not isinstance(body['marks'], dict):
            raise Refused(400, 'INVALID', 'marks: {DSCP: path id}')
        marks = {}
        for dscp, path in body['marks'].items():
            if not DSCP.match(dscp) or int(dscp) > 63:
                raise Refused(400, 'INVALID', 'marks: a DSCP is a number '
                              'from 0 to 63')
            marks[int(dscp)] = self._path(path)
        return self.network.change(lambda _old: (body['spread'], marks))

    def _mark(self, dscp, method, environ):
        need_method(method, 'PUT', 'DELETE')
        path = None
        if method == 'PUT':
            body = body_of(environ)
            need_keys(body, 'path')
            path = self._path(body['path'])

        def changed(old):
            marks = dict(old.marks)
            marks.pop(dscp, None)
            if path is not None:
                marks[dscp] = path
            return old.spread, marks
        return self.network.change(changed)

    def _path(self, name):
        if name not in self.network.path_names:
            raise Refused(400, 'UNKNOWN_PATH', 'the paths are %s'
                          % ', '.join(self.network.path_names))
        return name


def need_method(method, *allowed):
    """Refuse what is done to a resource that does not know it."""
    if method not in allowed:
        raise Refused(405, 'METHOD_NOT_ALLOWED',
                      'use %s' % ' or '.join(allowed), ', '.join(allowed))


def need_keys(body, *keys):
    """Refuse a body that is no object with just these members."""
    if not isinstance(body, dict) or set(body) != set(keys):
        raise Refused(400, 'INVALID', 'the body is an object with %s'
                      % ' and '.join(keys))


def body_of(environ):
    """The JSON value in a request's body, read strictly."""
    length = environ.get('CONTENT_LENGTH') or None
    if length is not None and (not re.match(r'\d{1,18}\Z', length)
                               or int(length) > BODY_LIMIT_BYTES):
        raise Refused(413, 'TOO_LARGE', 'a body has at most %d bytes'
                      % BODY_LIMIT_BYTES)
    try:
        data = environ['wsgi.input'].read(BODY_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Refused(400, 'INVALID', 'the body cannot be read') from error
    if len(data) > BODY_LIMIT_BYTES:
        raise Refused(413, 'TOO_LARGE', 'a body has at most %d bytes'
                      % BODY_LIMIT_BYTES)
    try:
        return json.loads(data.decode('utf-8'), object_pairs_hook=members,
                          parse_constant=members)
    except (ValueError, RecursionError) as error:
        raise Refused(400, 'INVALID', 'the body is no JSON') from error


def members(pairs):
    """A JSON object without members of the same name; no NaN either."""
    if isinstance(pairs, str):
        raise ValueError('no number')
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError('two members of the same name')
    return value


def reference():
    """The OpenAPI description of all this."""
    try:
        with open(REFERENCE, encoding='utf-8') as file:
            return json.load(file)
    except OSError as error:
        raise Refused(404, 'NOT_FOUND', 'the reference is not installed'
                      ) from error
