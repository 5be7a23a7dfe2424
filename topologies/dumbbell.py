"""Dumbbell: hosts on the left and on the right of one bottleneck link.

    left1 .. leftN -- s1 ======== s2 -- right1 .. rightM

priomesh builds it through lab.py. With plain Mininet:

    mn --custom topologies/dumbbell.py \
       --topo dumbbell,rate_mbit=20,delay_ms=5 --switch ovsbr --controller none

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


class Dumbbell(Topo):
    """Two switches and a bottleneck between them."""

    #: There is no circle for frames to go round in: switches may learn.
    forwarding = 'learning'

    # Topo.build has no parameters; Mininet's own topologies add theirs too.
    # pylint: disable=arguments-differ
    def build(self, left=1, right=1, rate_mbit=20, delay_ms=5,
              queue_packets=100, wire=None):
        """Describe the network.

        left, right: number of hosts on each side
        rate_mbit, delay_ms, queue_packets: rate, one-way delay and buffer of
            the bottleneck, in each direction
        wire: class of a node that delays frames between two interfaces. With
            it the bottleneck is a chain of two plain links, `s1 - delay -
            s2`, and shaping the switches' ports is left to the caller.
            Without it Mininet's TCLink shapes and delays.
        """
        self.queue_packets = queue_packets
        self.rate_mbit = rate_mbit
        self.delays_ms = {'delay': delay_ms} if wire else {}
        self.addSwitch('s1')
        self.addSwitch('s2')
        for side, count, switch in (('left', left, 's1'),
                                    ('right', right, 's2')):
            for number in range(1, count + 1):
                low = number if side == 'left' else 100 + number
                host = self.addHost(
                    '%s%d' % (side, number), cls=DualStackHost,
                    ip='10.0.0.%d/24' % low, ip6='fd00::%x/64' % low)
                self.addLink(host, switch, cls=Link,
                             addr1='02:00:00:00:00:%02x' % low)
        if wire:
            self.addHost('delay', cls=wire, ip=None)
            self.addLink('s1', 'delay', cls=Link)
            self.addLink('delay', 's2', cls=Link)
        else:
            delay = {'delay': '%sms' % delay_ms,
                     'max_queue_size': queue_packets} if delay_ms else {}
            self.addLink('s1', 's2', cls=TCLink, bw=rate_mbit, **delay)

    def bottlenecks(self):
        """The switch ports to shape: (label, switch, next node, Mbit/s)."""
        return [('bottleneck, left to right', 's1', 'delay', self.rate_mbit),
                ('bottleneck, right to left', 's2', 'delay', self.rate_mbit)]

    def ways(self):
        """The paths: (id, the switches in their order), the default first."""
        return [('primary', ['s1', 's2'])]


topos = {'dumbbell': Dumbbell}
