"""Dual path: two ways between the hosts on the left and those on the right.

                  ==== s2 ====          primary
    left1.. -- s1              s4 -- right1..
                  ==== s3 ====          secondary

priomesh builds it through lab.py, with static flows: all traffic takes the
primary path until a controller says otherwise. Plain Mininet knows no such
flows, and switches that learn would send frames round in a circle: there, use
topologies/controller.py (docs/guides/controller.md) or a spanning tree.

    mn --custom topologies/dual_path.py --topo dual_path,rate_mbit=20 \
       --switch ovsbr,stp=1 --controller none

Mininet executes a custom file without saying where it stands, so this file
imports nothing but Mininet.
"""

from mininet.link import Link, TCLink
from mininet.node import Host
from mininet.topo import Topo


class DualStackHost(Host):
    """A host with an IPv4 and an IPv6 address and without offloads.

    Offloads are off so that no frame on the network is larger than the MTU,
    and because Open vSwitch's userspace datapath forwards the checksums that
    a host left to its network card as they are: wrong.
    """

    def config(self, ip6=None, **params):
        """Configure as Mininet does, then the IPv6 address `ip6`."""
        result = super().config(**params)
        for interface in self.intfList():
            self.cmd('ethtool -K %s tx off sg off tso off gso off gro off'
                     % interface)
        if ip6:
            self.cmd('ip -6 addr add %s dev %s nodad'
                     % (ip6, self.defaultIntf()))
        return result


class DualPath(Topo):
    """Two edge switches, s1 and s4, joined through s2 and through s3."""

    #: Frames would go round in a circle if the switches learned.
    forwarding = 'static'

    # Topo.build has no parameters; Mininet's own topologies add theirs too.
    # pylint: disable=arguments-differ
    def build(self, left=1, right=1, rate_mbit=20, delay_ms=5,
              secondary_rate_mbit=None, secondary_delay_ms=None,
              queue_packets=100, wire=None):
        """Describe the network.

        left, right: number of hosts on each side
        rate_mbit, delay_ms, queue_packets: rate, one-way delay and buffer of
            the primary path, in each direction; of the secondary too, unless
            it has its own
        wire: class of a node that delays frames between two interfaces, one
            between s1 and each path's switch; shaping is then left to the
            caller. Without it Mininet's TCLink shapes and delays.
        """
        def own(value, general):
            return general if value is None else value

        self.queue_packets = queue_packets
        self.paths = [
            ('primary', 's2', rate_mbit, delay_ms),
            ('secondary', 's3', own(secondary_rate_mbit, rate_mbit),
             own(secondary_delay_ms, delay_ms))]
        self.delays_ms = {}
        for number in range(1, 5):
            self.addSwitch('s%d' % number)
        for side, count, switch in (('left', left, 's1'),
                                    ('right', right, 's4')):
            for number in range(1, count + 1):
                low = number if side == 'left' else 100 + number
                host = self.addHost(
                    '%s%d' % (side, number), cls=DualStackHost,
                    ip='10.0.0.%d/24' % low, ip6='fd00::%x/64' % low)
                self.addLink(host, switch, cls=Link,
                             addr1='02:00:00:00:00:%02x' % low)
        for label, middle, rate, delay in self.paths:
            if wire:
                name = 'delay-' + middle
                self.delays_ms[name] = delay
                self.addHost(name, cls=wire, ip=None)
                self.addLink('s1', name, cls=Link)
                self.addLink(name, middle, cls=Link)
            else:
                shape = {'delay': '%sms' % delay,
                         'max_queue_size': queue_packets} if delay else {}
                self.addLink('s1', middle, cls=TCLink, bw=rate, **shape)
            self.addLink(middle, 's4', cls=Link)

    def bottlenecks(self):
        """The switch ports to shape: (label, switch, next node, Mbit/s)."""
        ports = []
        for label, middle, rate, _delay in self.paths:
            ports += [
                (label + ' path, left to right', 's1', 'delay-' + middle,
                 rate),
                (label + ' path, right to left', 's4', middle, rate)]
        return ports

    def ways(self):
        """The paths: (id, the switches in their order), the default first."""
        return [(name, ['s1', middle, 's4'])
                for name, middle, _rate, _delay in self.paths]


topos = {'dual_path': DualPath}
