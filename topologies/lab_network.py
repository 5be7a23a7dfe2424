"""Builds a laboratory's network: Open vSwitch, Mininet, delays, static flows.

Runs as root of a user namespace or as real root, in network, mount and PID
namespaces of its own, so nothing of it needs to be taken back.
"""

import ctypes
import glob
import os
import shutil
import socket
import subprocess

from mininet.link import Link
from mininet.net import Mininet
from mininet.node import Node, OVSSwitch

import forwarding
import layout
from dual_path import DualPath
from dumbbell import Dumbbell

TOPOLOGIES = {'dumbbell': Dumbbell, 'dual-path': DualPath}
HERE = os.path.dirname(os.path.abspath(__file__))
OVS_FOLDERS = ('/etc/openvswitch', '/var/log/openvswitch')
#: Where the switches look for a controller.
CONTROLLER = 'tcp:127.0.0.1:6653'
#: The least that Open vSwitch allows between two looks at what the datapath
#: has counted for the flows.
REVALIDATION_MS = 100
DATABASE = '/etc/openvswitch/conf.db'
SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'
SCRATCH = '/run/priomesh'
BRIDGE = SCRATCH + '/delay_bridge'
#: Frames under way on a delay bridge in each direction; netem's limit too.
DELAY_CAPACITY_FRAMES = 8192
#: Memory that a full frame takes of a socket's buffer (skb truesize).
FRAME_MEMORY_BYTES = 2304
#: How many queues of full length a shaped port may have, one a class.
QUEUES_PER_PORT = 4
#: Frames that a host may send while the switch waits for the processor.
BURST_FRAMES = 1024
#: Arguments of `ethtool -K`.
OFFLOADS = 'tx off sg off tso off gso off gro off'.split()
#: Linux, all architectures; Python has no names for them.
SO_SNDBUFFORCE, SO_RCVBUFFORCE, SYS_PIDFD_GETFD = 32, 33, 438


class BuildError(Exception):
    """The network cannot be built; the text says why."""


def run(*argv):
    """Run a command that must succeed; returns what it printed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding='utf-8', errors='replace', check=False)
    if done.returncode:
        raise BuildError('`%s` ended with %d: %s' % (
            ' '.join(argv), done.returncode, done.stderr.strip()))
    return done.stdout


def succeeds(*argv):
    """Whether a command ends with 0."""
    return subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def isolate():
    """Hide what the machine's own services keep, and wake the loopback."""
    run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
    for folder in OVS_FOLDERS:
        run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', folder)
    os.makedirs('/run/openvswitch')
    os.makedirs(SCRATCH)
    run('ip', 'link', 'set', 'lo', 'up')
    # Switch ports of the lab speak no IPv6 of their own.
    write_setting('net/ipv6/conf/default/disable_ipv6', 1)


def write_setting(name, value):
    """sysctl(8) for the calling process's network namespace."""
    with open('/proc/sys/' + name, 'w', encoding='ascii') as setting:
        setting.write(str(value))


class Wire(Node):
    """A middle node without addresses: two interfaces and a delay between."""

    def __init__(self, name, **params):
        super().__init__(name, **params)
        self.cmd('echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6;'
                 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')


class LabSwitch(OVSSwitch):
    """Open vSwitch; `device_less` where this user may not open /dev/net/tun.

    The userspace datapath gives each bridge a tap device of its own, which
    nobody uses here. The class of datapath that Open vSwitch keeps for its
    tests is the same one without that device.
    """

    def __init__(self, name, device_less=False, **params):
        super().__init__(name, **params)
        self.device_less = device_less

    def bridgeOpts(self):
        """Options of ovs-vsctl for the bridge."""
        options = super().bridgeOpts()
        if self.device_less:
            return options.replace('datapath_type=netdev',
                                   'datapath_type=dummy')
        return options


def may_open_tun():
    """Whether tap devices can be made."""
    try:
        os.close(os.open('/dev/net/tun', os.O_RDWR))
    except OSError:
        return False
    return True


class Network:
    """The network of one laboratory."""

    def __init__(self, log_directory):
        self.log_directory = log_directory
        self.net = None
        self.topology = None
        self.layout = None
        self.datapath = None
        self.delay = 'none'
        self.pillars = {}       # PID -> name
        self.limitations = []
        self.bridges = []       # running delay bridges
        self.compiler = None

    def build(self, name, parameters, controller=False):
        """Build and start everything.

        controller: the switches do what a controller says, and until it
        speaks what they do without one.
        """
        if name not in TOPOLOGIES:
            raise BuildError('unknown topology %s' % name)
        self.topology = TOPOLOGIES[name](wire=Wire, **parameters)
        self._compile_bridge()
        self._start_open_vswitch()
        # Its init() would raise limits of the whole machine.
        Mininet.inited = True
        learning = (self.topology.forwarding == 'learning'
                    and not controller)
        self.net = Mininet(topo=self.topology, switch=LabSwitch, link=Link,
                           controller=None, build=False)
        for switch in self.topology.switches():
            self.topology.setNodeInfo(switch, dict(
                self.topology.nodeInfo(switch), datapath=self.datapath,
                device_less=self.datapath == 'user' and not may_open_tun(),
                failMode='standalone' if learning else 'secure'))
        self.net.build()
        self.net.start()
        self._tune()
        self._delay_links()
        self.layout = layout.describe(self.net, self.topology)
        if controller:
            self._name_controller()
        if not learning:
            for switch, plan in forwarding.plan(self.layout).items():
                self._install(switch, forwarding.lines(plan.flows))
        for node in self.net.values():
            self.pillars[node.pid] = 'the shell of node %s' % node.name
        if self.datapath == 'user':
            self._hasten_switches()
            self._add_line_cards()
            self._widen_socket_buffers()

    def describe(self):
        """What the runner needs to know."""
        nodes = {}
        for host in self.net.hosts:
            if not isinstance(host, Wire):
                nodes[host.name] = {
                    'address': host.params['ip'].split('/')[0],
                    'address6': host.params['ip6'].split('/')[0]}
        ports = [{'label': label, 'node': switch, 'rateMbit': rate,
                  'device': self._port(switch, towards)}
                 for label, switch, towards, rate
                 in self.topology.bottlenecks()]
        return {'nodes': nodes, 'ports': ports, 'datapath': self.datapath,
                'delay': self.delay, 'limitations': self.limitations,
                'switches': [switch.name for switch in self.net.switches],
                'layout': self.layout,
                'wires': sorted(self.topology.delays_ms)}

    def pid_of(self, name):
        """PID whose namespaces are a node's, or False for an unknown node.

        None for a switch: they share the lab's own.
        """
        if self.net is None or name not in self.net:
            return False
        node = self.net[name]
        return node.pid if node.inNamespace else None

    def _port(self, node, towards):
        link, = self.net.linksBetween(self.net[node], self.net[towards])
        ends = {link.intf1.node.name: link.intf1,
                link.intf2.node.name: link.intf2}
        return str(ends[node])

    def _start_open_vswitch(self):
        run('ovsdb-tool', 'create', DATABASE, SCHEMA)
        # With --detach they return when they serve, and are children of
        # process 1, us.
        run('ovsdb-server', DATABASE, '--detach', '--pidfile', '--no-chdir',
            '--remote=punix:/run/openvswitch/db.sock',
            '--log-file=%s/ovsdb-server.log' % self.log_directory)
        # One thread each: a lab has a handful of ports, and the cores are
        # for the experiment.
        run('ovs-vsctl', '--no-wait', 'init', '--', 'set', 'Open_vSwitch',
            '.', 'other_config:n-handler-threads=1',
            'other_config:n-revalidator-threads=1')
        run('ovs-vswitchd', '--enable-dummy', '--detach', '--pidfile',
            '--no-chdir',
            '--log-file=%s/ovs-vswitchd.log' % self.log_directory)
        for name in ('ovsdb-server', 'ovs-vswitchd'):
            with open('/run/openvswitch/%s.pid' % name,
                      encoding='ascii') as file:
                self.pillars[int(file.read())] = name
        kernel = succeeds('ovs-dpctl', 'add-dp', 'probe')
        if kernel:
            run('ovs-dpctl', 'del-dp', 'probe')
        self.datapath = 'kernel' if kernel else 'user'

    def _tune(self):
        """Let the wire carry what the experiment sends, as it is sent.

        Neighbours are known, and offloads are off everywhere.
        """
        hosts = [host for host in self.net.hosts if not isinstance(host, Wire)]
        for host in hosts:
            lines = []
            for peer in hosts:
                if peer is not host:
                    for key in ('ip', 'ip6'):
                        lines.append('neigh replace %s lladdr %s dev %s '
                                     'nud permanent' % (
                            peer.params[key].split('/')[0],
                            peer.defaultIntf().mac, host.defaultIntf()))
            batch = '%s/%s.neighbours' % (SCRATCH, host.name)
            with open(batch, 'w', encoding='ascii') as file:
                file.write('\n'.join(lines) + '\n')
            # A connection must not learn from one of an earlier trial.
            said = host.cmd('ip -force -batch %s;'
                            'echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save'
                            % batch)
            if said.strip():
                raise BuildError('%s: %s' % (host.name, said.strip()))
        for node in self.net.switches + [self.net[name] for name
                                         in self.topology.delays_ms]:
            for interface in node.intfList():
                if interface.name != 'lo':
                    node.cmd('ethtool', '-K', interface, *OFFLOADS)

    def _compile_bridge(self):
        if not any(self.topology.delays_ms.values()):
            return
        self.has_netem = succeeds('tc', 'qdisc', 'add', 'dev', 'lo', 'root',
                                  'netem', 'delay', '1ms')
        if self.has_netem:
            run('tc', 'qdisc', 'del', 'dev', 'lo', 'root')
        elif shutil.which('cc') is None:
            raise BuildError('neither netem nor a C compiler is here: '
                             'apt-get install gcc libc6-dev')
        else:
            # pylint: disable=consider-using-with
            self.compiler = subprocess.Popen(
                ['cc', '-O2', '-pipe', '-o', BRIDGE,
                 os.path.join(HERE, 'delay_bridge.c')],
                env=dict(os.environ, TMPDIR=SCRATCH))

    def _delay_links(self):
        for name, delay_ms in self.topology.delays_ms.items():
            wire = self.net[name]
            first, second = [str(interface) for interface in wire.intfList()
                             if interface.name != 'lo']
            if delay_ms and not self.has_netem:
                self._delay_by_bridge(wire, first, second, delay_ms)
            else:
                self._delay_by_kernel(wire, first, second, delay_ms)

    def _delay_by_kernel(self, wire, first, second, delay_ms):
        """Frames cross in the kernel; netem delays them where they leave."""
        def command(*argv):
            run('mnexec', '-a', str(wire.pid), *argv)

        cross(command, first, second)
        if delay_ms:
            self.delay = 'netem'
            for interface in (first, second):
                command('tc', 'qdisc', 'add', 'dev', interface, 'root',
                        'netem', 'delay', '%sms' % delay_ms,
                        'limit', str(DELAY_CAPACITY_FRAMES))

    def _delay_by_bridge(self, wire, first, second, delay_ms):
        if self.compiler.wait():
            raise BuildError('cc cannot compile delay_bridge.c; see lab.log')
        log = open('%s/%s.log' % (self.log_directory, wire.name), 'ab')
        # pylint: disable=consider-using-with
        with log:
            bridge = subprocess.Popen(
                ['mnexec', '-a', str(wire.pid), BRIDGE, first, second,
                 str(round(delay_ms * 1000)), str(DELAY_CAPACITY_FRAMES)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True)
        if b'"ready"' not in bridge.stdout.readline():
            raise BuildError('the delay bridge does not start; see %s.log' %
                             wire.name)
        self.bridges.append(bridge)
        self.pillars[bridge.pid] = 'the delay bridge of %s' % wire.name
        self.delay = 'bridge'

    def _name_controller(self):
        """Tell the switches where a controller may be, some time.

        Before the flows: with its first controller a switch forgets them.
        """
        words = []
        for switch in self.net.switches:
            words += ['--', 'set-controller', switch.name, CONTROLLER,
                      '--', 'set', 'Controller', switch.name,
                      'connection_mode=out-of-band']
        run('ovs-vsctl', *words[1:], '--', 'set', 'Open_vSwitch', '.',
            'other_config:max-revalidator=%d' % REVALIDATION_MS)

    def _install(self, switch, flows):
        batch = '%s/%s.flows' % (SCRATCH, switch)
        with open(batch, 'w', encoding='ascii') as file:
            file.write('\n'.join(flows) + '\n')
        # In an older version goto_table would become an extension.
        run('ovs-ofctl', '-O', 'OpenFlow13', 'add-flows', switch, batch)

    def _hasten_switches(self):
        """Run the switches first: busy hosts do not slow a network down."""
        vswitchd = self._pid_of_pillar('ovs-vswitchd')
        try:
            for thread in os.listdir('/proc/%d/task' % vswitchd):
                os.sched_setscheduler(int(thread), os.SCHED_RR,
                                      os.sched_param(1))
        except PermissionError:
            self.limitations.append({
                'what': 'switches that never wait for the processor',
                'why': 'this user may not give processes a real-time priority',
                'instead': 'busy hosts delay frames, the more the fewer '
                           'processors are idle; run with sudo'})

    def _pid_of_pillar(self, wanted):
        pid, = [pid for pid, name in self.pillars.items() if name == wanted]
        return pid

    def _add_line_cards(self):
        """Put a hop of the kernel between the switch and each shaped port.

            switch -- card (veth) card's end -- port (queueing discipline)

        When a queueing discipline drops a frame that the userspace datapath
        sends, the datapath gives up the rest of its batch: frames of other
        classes, uncounted. After the extra hop it does not learn of the drop.
        """
        for _label, switch, towards, _rate in self.topology.bottlenecks():
            node, port = self.net[switch], self._port(switch, towards)
            number = node.ports[node.nameToIntf[port]]
            card = '%s-card%d' % (switch, number)
            end = '%s-end%d' % (switch, number)
            run('ip', 'link', 'add', card, 'type', 'veth', 'peer', 'name', end)
            for interface in (card, end):
                run('ip', 'link', 'set', interface, 'up')
                run('ethtool', '-K', interface, *OFFLOADS)
            run('ovs-vsctl', 'del-port', switch, port,
                '--', 'add-port', switch, card,
                '--', 'set', 'Interface', card,
                'ofport_request=%d' % number)
            cross(run, end, port)

    def _widen_socket_buffers(self):
        """Let the queues at the ports fill, and bursts of hosts wait.

        The userspace datapath receives through a packet socket for each port
        and sends through one for all of them. A frame counts against the
        latter until it leaves the last queue, also behind another interface.
        The default buffers hold about 90 frames; what is beyond is lost in
        the switch, where nothing can choose by class.
        """
        # It opens the latter with the first frame that it sends: here of an
        # experimental type (RFC 7042).
        switch = self.net.switches[0]
        run('ovs-ofctl', 'packet-out', switch.name,
            'in_port=LOCAL packet=%s88b5%s actions=output:1'
            % ('02' * 12, '00' * 46))
        queues = QUEUES_PER_PORT * len(self.topology.bottlenecks())
        frames = max(BURST_FRAMES, queues * self.topology.queue_packets)
        wanted = frames * FRAME_MEMORY_BYTES
        sockets = packet_sockets(self._pid_of_pillar('ovs-vswitchd'))
        try:
            got = min(widen(copy, wanted) for copy in sockets)
            why = 'net.core.wmem_max and rmem_max allow %d bytes' % got
        except (OSError, ValueError) as error:
            got, why = 0, str(error)
        if got < wanted:
            self.limitations.append({
                'what': 'room for %d frames in the switches' % frames,
                'why': 'Open vSwitch runs in user space here, and its socket '
                       'buffers are limited (%s)' % why,
                'instead': 'frames of every class may be lost in a switch; '
                           'set both to %d' % (wanted // 2)})


def cross(command, first, second):
    """Whatever arrives on one interface leaves on the other, both ways."""
    for here, there in ((first, second), (second, first)):
        command('tc', 'qdisc', 'add', 'dev', here, 'ingress')
        command('tc', 'filter', 'add', 'dev', here, 'parent', 'ffff:',
                'protocol', 'all', 'u32', 'match', 'u32', '0', '0',
                'action', 'mirred', 'egress', 'redirect', 'dev', there)


def packet_sockets(pid):
    """Copies of a process's AF_PACKET sockets (pidfd_getfd(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for path in glob.glob('/proc/%d/fd/*' % pid):
            if not os.readlink(path).startswith('socket:'):
                continue
            number = libc.syscall(SYS_PIDFD_GETFD, pidfd,
                                  int(os.path.basename(path)), 0)
            if number < 0:
                raise OSError(ctypes.get_errno(), 'pidfd_getfd: %s'
                              % os.strerror(ctypes.get_errno()))
            with socket.socket(fileno=number) as copy:
                if copy.family == socket.AF_PACKET:
                    yield copy
    finally:
        os.close(pidfd)


def widen(copy, wanted):
    """Give a socket buffers of so many bytes; returns what it got."""
    got = []
    for forced, plain in ((SO_SNDBUFFORCE, socket.SO_SNDBUF),
                          (SO_RCVBUFFORCE, socket.SO_RCVBUF)):
        # The kernel doubles what it is told (socket(7)).
        try:
            copy.setsockopt(socket.SOL_SOCKET, forced, wanted // 2)
        except PermissionError:
            copy.setsockopt(socket.SOL_SOCKET, plain, wanted // 2)
        got.append(copy.getsockopt(socket.SOL_SOCKET, plain))
    return min(got)
