"""Processes of a laboratory: started in a node, watched, reaped.

The laboratory is process 1 of its PID namespace, so every orphan becomes its
child: all children are reaped in one place, `Processes.reap`.
"""

import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess

#: The longest line that is handed on whole; longer ones are cut there.
LINE_LIMIT_BYTES = 256 * 1024
#: The most that a command may print on each of its two streams.
OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


class Refused(Exception):
    """A request that cannot be served; its text goes to the runner."""


class Lines:
    """Cuts a stream of bytes into lines, keeping a bounded part of each."""

    def __init__(self):
        self.pending = bytearray()
        self.cut = False

    def feed(self, data):
        """Yield (bytes, was cut) for each line that `data` completes."""
        *complete, rest = data.split(b'\n')
        for part in complete:
            self._keep(part)
            yield self._take()
        self._keep(rest)

    def end(self):
        """Yield what stands after the last line break, if anything."""
        if self.pending:
            yield self._take()

    def _keep(self, part):
        room = LINE_LIMIT_BYTES - len(self.pending)
        self.cut = self.cut or len(part) > room
        self.pending += part[:room]

    def _take(self):
        line, cut = bytes(self.pending), self.cut
        self.pending, self.cut = bytearray(), False
        return line, cut


def message_of(line, was_cut):
    """The JSON object that a line holds, or {'text': line}."""
    if not was_cut:
        try:
            message = json.loads(line)
            if isinstance(message, dict):
                return message
        except ValueError:
            pass
    text = {'text': line.decode('utf-8', 'replace')}
    return dict(text, truncated=True) if was_cut else text


def command_in(node_pid, argv):
    """The command that runs `argv` in the namespaces of a process.

    mnexec(1) enters them and becomes the program: no process stands between,
    so the child's PID is the program's. `node_pid` None: here.
    """
    if not argv or shutil.which(argv[0]) is None:
        raise Refused('%s: command not found' % (argv[0] if argv else ''))
    if node_pid is None:
        return argv
    return ['mnexec', '-a', str(node_pid)] + argv


def outcome(status):
    """A wait status as the runner reads it."""
    if os.WIFSIGNALED(status):
        return {'signal': signal.Signals(os.WTERMSIG(status)).name}
    return {'exitCode': os.WEXITSTATUS(status)}


def kill_group(pid):
    """End a process and what it started in its session, if still there."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Command:
    """A command that runs to its end and whose output is kept."""

    def __init__(self, processes, request, node_pid):
        self.processes = processes
        self.request = request
        self.status = None
        self.output = {}
        stdin = subprocess.DEVNULL
        if request.get('input') is not None:
            # A file in memory holds any amount without anybody waiting.
            stdin = os.fdopen(os.memfd_create('input'), 'w+b')
            stdin.write(request['input'].encode())
            stdin.seek(0)
        try:
            self.child = processes.start(node_pid, request, stdin=stdin,
                                         stderr=subprocess.PIPE)
        finally:
            if stdin != subprocess.DEVNULL:
                stdin.close()
        self.open = {self.child.stdout: 'stdout', self.child.stderr: 'stderr'}
        for stream, name in self.open.items():
            self.output[name] = bytearray()
            processes.watch(stream, self)

    def readable(self, stream):
        """Take in output; called when there is some, or its end."""
        data = self.processes.read(stream)
        name = self.open[stream]
        self.output[name] += data
        if len(self.output[name]) > OUTPUT_LIMIT_BYTES:
            self.cancel('it printed more than %d bytes' % OUTPUT_LIMIT_BYTES)
        elif not data:
            del self.open[stream]
            self.processes.unwatch(stream)
            self._finish_if_over()

    def ended(self, status):
        """The process was reaped."""
        self.status = status
        self._finish_if_over()

    def cancel(self, why):
        """Kill it and answer at once."""
        kill_group(self.child.pid)
        for stream in self.open:
            self.processes.unwatch(stream)
        self.open = {}
        self.processes.commands.pop(self.request['id'], None)
        self.processes.send({'id': self.request['id'], 'error': why})

    def _finish_if_over(self):
        if self.status is None or self.open:
            return
        if self.processes.commands.pop(self.request['id'], None) is None:
            return
        result = outcome(self.status)
        if 'signal' in result:
            result = {'error': 'it was ended by %s' % result['signal']}
        else:
            texts = {name: bytes(data).decode('utf-8', 'replace')
                     for name, data in self.output.items()}
            result = {'ok': dict(result, **texts)}
        self.processes.send(dict(result, id=self.request['id']))


class Service:
    """A process that stays: its lines and its end become events."""

    def __init__(self, processes, request, node_pid):
        self.processes = processes
        self.lines = Lines()
        self.number = request['id']
        with open(request['stderrFile'], 'ab') as stderr:
            self.child = processes.start(node_pid, request, stderr=stderr)
        self.stream = self.child.stdout
        processes.watch(self.stream, self)

    def readable(self, stream):
        """Hand on the lines that have arrived."""
        data = self.processes.read(stream)
        self._tell(self.lines.feed(data))
        if not data:
            self._close()
        return data

    def ended(self, status):
        """The process was reaped: hand on what it left in the pipe first."""
        if self.stream:
            os.set_blocking(self.stream.fileno(), False)
            try:
                while self.readable(self.stream):
                    pass
            except BlockingIOError:
                # A child of it holds the pipe open; that speaks for itself.
                self._close()
        self.processes.services.pop(self.number, None)
        self.processes.send(dict(outcome(status), event='exit',
                                 process=self.number))

    def _tell(self, lines):
        for line, was_cut in lines:
            self.processes.send({'event': 'line', 'process': self.number,
                                 'line': message_of(line, was_cut)})

    def _close(self):
        if self.stream:
            self._tell(self.lines.end())
            self.processes.unwatch(self.stream)
            self.stream = None


class Processes:
    """All children of the laboratory."""

    def __init__(self, send, selector):
        """send: hands a message to the runner."""
        self.send = send
        self.selector = selector
        self.children = {}   # PID -> Command, Service
        self.pillars = {}    # PID -> name of a process that the lab stands on
        self.commands = {}   # request id -> Command
        self.services = {}   # request id -> Service

    def start(self, node_pid, request, **streams):
        """Start a request's program in a session of its own."""
        options = dict({'stdin': subprocess.DEVNULL}, **streams)
        # pylint: disable=consider-using-with
        return subprocess.Popen(
            command_in(node_pid, request['argv']), stdout=subprocess.PIPE,
            env=dict(os.environ, **request.get('env', {})),
            start_new_session=True, bufsize=0, **options)

    def run(self, request, node_pid):
        """Serve `exec`: the answer follows when the command has ended."""
        command = Command(self, request, node_pid)
        self.children[command.child.pid] = command
        self.commands[request['id']] = command

    def spawn(self, request, node_pid):
        """Serve `spawn`: answers with the PID (in the lab's namespace)."""
        service = Service(self, request, node_pid)
        self.children[service.child.pid] = service
        self.services[request['id']] = service
        self.send({'id': request['id'], 'ok': {'pid': service.child.pid}})

    def cancel(self, request):
        """Serve `cancel`: no answer of its own; the command's is an error."""
        command = self.commands.get(request['command'])
        if command:
            command.cancel('cancelled')

    def signal(self, request):
        """Serve `signal`."""
        service = self.services.get(request['process'])
        if service is None:
            raise Refused('process %s has ended' % request['process'])
        # It was not reaped yet, so the PID is still its own.
        os.kill(service.child.pid, signal.Signals[request['name']])
        self.send({'id': request['id'], 'ok': {}})

    def reap(self):
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.pillars:
                self.send({'event': 'failed', 'what': '%s ended (%s)' % (
                    self.pillars.pop(pid),
                    ', '.join('%s %s' % item
                              for item in outcome(status).items()))})
            child = self.children.pop(pid, None)
            if child:
                # Popen must not wait for a PID that is free again.
                child.child.returncode = status
                child.ended(status)

    def watch(self, stream, reader):
        """Call reader.readable(stream) whenever there is something to read."""
        # A larger pipe: a burst of lines must not hold up the process.
        fcntl.fcntl(stream, getattr(fcntl, 'F_SETPIPE_SZ', 1031), 1 << 18)
        self.selector.register(stream, selectors.EVENT_READ, reader)

    def unwatch(self, stream):
        """Undo `watch` and close."""
        self.selector.unregister(stream)
        stream.close()

    @staticmethod
    def read(stream):
        """Up to a chunk; empty at the end."""
        return os.read(stream.fileno(), CHUNK_BYTES)
