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
        # (switch, kind) -> {flow or bucket: what it had counted}: of the last
        # reading alone, for one that is gone may come again and begin anew.
        self.last = {}
        self.rounds = {}        # switch -> how often its flows were read

    def ports(self, switch, entries):
        """Take in OFPPortStats."""
        for entry in entries:
            link = self.by_port.get((switch, entry.port_no))
            if link is not None:
                link['txBytes'] = entry.tx_bytes
                link['txPackets'] = entry.tx_packets
                link['txDropped'] = entry.tx_dropped

    def choices(self, switch, flows):
        """Take in ((Flow, bytes, packets), ...) of a switch with a choice.

        `groups` of the same round comes after it.
        """
        self.rounds[switch] = self.rounds.get(switch, 0) + 1
        if not any(kind == 'group' for flow, _size, _packets in flows
                   for kind, _number in flow.actions):
            # Groups that come later are new.
            self.last.pop((switch, 'groups'), None)
        before, now = self._turn(switch, 'choices')
        for flow, size, packets in flows:
            match = dict(flow.match)
            if 'ip_dscp' not in match or len(flow.actions) != 1:
                continue
            (kind, number), = flow.actions
            key = (match['eth_type'], match['ip_dscp'])
            now[key] = (size, packets)
            grown = self._growth(switch, before.get(key), now[key])
            if kind == 'output':
                self._add(switch, number, match['ip_dscp'], grown)

    def groups(self, switch, entries):
        """Take in OFPGroupStats: what was spread, by DSCP and path."""
        before, now = self._turn(switch, 'groups')
        for entry in entries:
            if not group_of(0) <= entry.group_id <= group_of(63):
                continue
            dscp = entry.group_id - group_of(0)
            for port, bucket in zip(self.exits[switch], entry.bucket_stats):
                now[dscp, port] = (bucket.byte_count, bucket.packet_count)
                grown = self._growth(switch, before.get((dscp, port)),
                                     now[dscp, port])
                self._add(switch, port, dscp, grown)

    def _turn(self, switch, kind):
        """What the reading before has left, and where this one goes."""
        before, now = self.last.get((switch, kind), {}), {}
        self.last[switch, kind] = now
        return before, now

    def _growth(self, switch, before, now):
        """How much (bytes, packets) have grown; what fell began anew.

        What a switch had counted when it was read first is not ours.
        """
        if before is None and self.rounds[switch] == 1:
            before = now
        elif before is None or now[1] < before[1]:
            before = (0, 0)
        return max(0, now[0] - before[0]), now[1] - before[1]

    def _add(self, switch, port, dscp, grown):
        link = self.by_port.get((switch, port))
        if link is None:
            return
        mark = link['marks'].setdefault(str(dscp),
                                        {'bytes': 0, 'packets': 0})
        mark['bytes'] += grown[0]
        mark['packets'] += grown[1]
