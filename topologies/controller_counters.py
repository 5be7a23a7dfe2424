"""What has crossed each link, and how much of it with which mark."""

from forwarding import group_of


class Counters:
    """Cumulative counters of the directed links since the controller began.

    Bytes and packets of a link are those of its port, as the switch tells
    them. Marks are counted by the flows that choose a path, so only links
    that begin where there is a choice have them.
    """

    def __init__(self, layout, exits):
        """exits: as `forwarding.exits` tells them."""
        self.links = {link['id']: {'id': link['id'], 'txBytes': 0,
                                   'txPackets': 0, 'txDropped': 0,
                                   'marks': {}} for link in layout['links']}
        self.by_port = {(link['from'], link['port']): self.links[link['id']]
                        for link in layout['links']}
        self.exits = {edge: [link['port'] for link in ways.values()]
                      for edge, ways in exits.items()}
        self.last = {}          # what a flow or bucket had counted -> value

    def ports(self, switch, entries):
        """Take in OFPPortStats."""
        for entry in entries:
            link = self.by_port.get((switch, entry.port_no))
            if link is not None:
                link['txBytes'] = entry.tx_bytes
                link['txPackets'] = entry.tx_packets
                link['txDropped'] = entry.tx_dropped

    def choices(self, switch, flows):
        """Take in ((Flow, bytes, packets), ...) of a switch with a choice."""
        for flow, size, packets in flows:
            match = dict(flow.match)
            if 'ip_dscp' not in match or len(flow.actions) != 1:
                continue
            (kind, number), = flow.actions
            key = (switch, match['eth_type'], match['ip_dscp'])
            grown = self._growth(key, size, packets)
            if kind == 'output':
                self._add(switch, number, match['ip_dscp'], grown)

    def groups(self, switch, entries):
        """Take in OFPGroupStats: what was spread, by DSCP and path."""
        for entry in entries:
            if not group_of(0) <= entry.group_id <= group_of(63):
                continue
            dscp = entry.group_id - group_of(0)
            for port, bucket in zip(self.exits[switch], entry.bucket_stats):
                grown = self._growth((switch, 'group', dscp, port),
                                     bucket.byte_count, bucket.packet_count)
                self._add(switch, port, dscp, grown)

    def _growth(self, key, size, packets):
        """How much a counter has grown; one that fell began anew."""
        before = self.last.get(key, (0, 0))
        self.last[key] = (size, packets)
        if packets < before[1]:
            before = (0, 0)
        return max(0, size - before[0]), packets - before[1]

    def _add(self, switch, port, dscp, grown):
        link = self.by_port.get((switch, port))
        if link is None:
            return
        mark = link['marks'].setdefault(str(dscp),
                                        {'bytes': 0, 'packets': 0})
        mark['bytes'] += grown[0]
        mark['packets'] += grown[1]
