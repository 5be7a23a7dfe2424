"""The laboratory's side inside its namespaces: process 1 of them.

Started by priomesh (src/lab) through unshare(1). Speaks JSON lines: requests
on standard input, answers and events on standard output. It decides nothing:
it builds, runs, spawns and signals. Its end, for whatever reason, is the end
of every process, interface and mount of the laboratory, and the end of its
standard input is its end.

The first line is `{"topology": NAME, "parameters": {...}, "controller":
BOOLEAN, "logDirectory": PATH}` and is answered by the event `ready` or
`failed`. Then:

    {"id": N, "op": "exec", "node", "argv", "env"?, "input"?}
        -> {"id": N, "ok": {"exitCode", "stdout", "stderr"}}
    {"op": "cancel", "command": N}            kills that command
    {"id": N, "op": "spawn", "node", "argv", "env"?, "stderrFile"}
        -> {"id": N, "ok": {"pid"}}, then {"event": "line", "process": N,
           "line"}... and {"event": "exit", "process": N, "exitCode" or
           "signal"}
    {"id": N, "op": "signal", "process": N, "name": "SIGTERM"}
        -> {"id": N, "ok": {}}

A request that fails is answered {"id": N, "error": TEXT}.
"""

import json
import os
import select
import selectors
import signal
import sys
import threading
import traceback

REQUEST_LIMIT_BYTES = 32 * 1024 * 1024


class Channel:
    """The protocol's two ends, kept clear of what libraries print."""

    def __init__(self):
        self.output = os.dup(1)
        # Mininet and its commands write to standard output: into the log.
        os.dup2(2, 1)
        self.pending = bytearray()

    def send(self, message):
        """Write one message; waits while the runner does not read."""
        data = json.dumps(message).encode() + b'\n'
        while data:
            data = data[os.write(self.output, data):]

    def receive(self):
        """The requests that have arrived; their end is the lab's end."""
        data = os.read(0, 1 << 16)
        if not data:
            os._exit(0)
        self.pending += data
        if len(self.pending) > REQUEST_LIMIT_BYTES:
            raise RuntimeError('a request is longer than %d bytes'
                               % REQUEST_LIMIT_BYTES)
        *lines, self.pending = self.pending.split(b'\n')
        return [json.loads(line) for line in lines]


def end_with_runner():
    """End when standard input does, however busy the main thread is."""
    poll = select.poll()
    poll.register(0, select.POLLRDHUP)
    poll.poll()
    os._exit(0)


def serve(channel, network, processes, selector, wakeup):
    """Answer requests until the end of standard input."""
    def handle(request):
        operation = request['op']
        if operation == 'cancel':
            processes.cancel(request)
        elif operation == 'signal':
            processes.signal(request)
        else:
            node_pid = network.pid_of(request['node'])
            if node_pid is False:
                raise Refused('there is no node %s' % request['node'])
            serving = {'exec': processes.run, 'spawn': processes.spawn}
            serving[operation](request, node_pid)

    selector.register(0, selectors.EVENT_READ)
    selector.register(wakeup, selectors.EVENT_READ)
    processes.reap()
    while True:
        for key, _events in selector.select():
            if key.fd == 0:
                for request in channel.receive():
                    try:
                        handle(request)
                    except (Refused, OSError, KeyError, TypeError) as error:
                        channel.send({'id': request.get('id'),
                                      'error': str(error)})
            elif key.fd == wakeup:
                os.read(wakeup, 4096)
                processes.reap()
            # It may have been closed by what stood before it in this round.
            elif not key.fileobj.closed:
                key.data.readable(key.fileobj)


def main():
    """Build what the first line asks for, then serve."""
    channel = Channel()
    wakeup, alarm = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A handler, not SIG_IGN: every process of the lab would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=end_with_runner, daemon=True).start()

    requests = channel.receive()
    while not requests:
        requests = channel.receive()
    order = requests[0]
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    network = Network(order['logDirectory'])
    try:
        isolate()
        network.build(order['topology'], order['parameters'],
                      order['controller'])
    # Mininet calls exit() where something is missing.
    except (Exception, SystemExit) as error:  # pylint: disable=broad-except
        traceback.print_exc()
        channel.send({'event': 'failed', 'what': '%s' % error})
        sys.exit(1)
    selector = selectors.DefaultSelector()
    processes = Processes(channel.send, selector)
    processes.pillars.update(network.pillars)
    channel.send(dict(network.describe(), event='ready'))
    serve(channel, network, processes, selector, wakeup)


if __name__ == '__main__':
    # With -I, which keeps a user's settings out, this folder is not on the
    # path.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # pylint: disable=wrong-import-position
    from lab_network import Network, isolate
    from lab_processes import Processes, Refused
    main()
