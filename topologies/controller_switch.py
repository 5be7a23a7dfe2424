"""One connected switch: asks it, and makes its flows what they should be."""

import logging

from os_ken.lib import hub

from forwarding import Flow, PATH_TABLE, Plan

LOG = logging.getLogger('priomesh.switch')
#: How long a switch may take to answer.
ANSWER_TIMEOUT_S = 2.0


class Away(Exception):
    """The switch does not answer, or refused a message."""


class Waiter:
    """Collects the parts of one answer."""

    def __init__(self):
        self.parts = []
        self.event = hub.Event()
        self.failed = False


class Switch:
    """A switch while it is connected. What it does is read before changed."""

    def __init__(self, name, datapath):
        self.name = name
        self.datapath = datapath
        self.protocol = datapath.ofproto
        self.parser = datapath.ofproto_parser
        self.installed = None   # Plan, once read
        self.ports_up = {}      # port number -> whether it carries frames
        self.refusals = 0
        self.waiters = {}       # transaction -> Waiter

    def answered(self, message):
        """A message of the switch that may be (part of) an answer."""
        waiter = self.waiters.get(message.xid)
        if waiter is None:
            return
        body = getattr(message, 'body', None)
        if body:
            waiter.parts.extend(body)
        more = getattr(message, 'flags', 0) & self.protocol.OFPMPF_REPLY_MORE
        if body is None or not more:
            waiter.event.set()

    def refused(self, message):
        """The switch reports an error."""
        LOG.warning('%s refused a message: type %d, code %d', self.name,
                    message.type, message.code)
        self.refusals += 1
        waiter = self.waiters.get(message.xid)
        if waiter:
            waiter.failed = True
            waiter.event.set()

    def gone(self):
        """The connection ended: nobody has to wait any longer."""
        for waiter in self.waiters.values():
            waiter.failed = True
            waiter.event.set()

    def send(self, message):
        """Send a request; hand the result to `collect`."""
        self.datapath.set_xid(message)
        self.waiters[message.xid] = Waiter()
        self.datapath.send_msg(message)
        return message.xid

    def collect(self, transaction, timeout_s=ANSWER_TIMEOUT_S):
        """The answer to what `send` sent; raises Away."""
        waiter = self.waiters[transaction]
        try:
            if not waiter.event.wait(timeout_s) or waiter.failed:
                raise Away('%s does not answer' % self.name)
            return waiter.parts
        finally:
            del self.waiters[transaction]

    def ask(self, message):
        """Send a request and wait for its answer; raises Away."""
        return self.collect(self.send(message))

    def barrier(self):
        """Wait until everything sent before is in effect; raises Away."""
        self.ask(self.parser.OFPBarrierRequest(self.datapath))

    def read(self):
        """Learn the switch's flows, groups and ports; raises Away."""
        parser, datapath = self.parser, self.datapath
        flows = [flow_of(one) for one in
                 self.ask(parser.OFPFlowStatsRequest(datapath))]
        groups = {one.group_id: ports_of(one, self.protocol) for one in
                  self.ask(parser.OFPGroupDescStatsRequest(datapath))}
        self.installed = Plan({flow[:3]: flow for flow in flows}, groups)
        self.ports_up = {
            one.port_no: self.is_up(one) for one in
            self.ask(parser.OFPPortDescStatsRequest(datapath))}

    def is_up(self, port):
        """Whether a port, as the switch describes it, carries frames."""
        return not (port.state & self.protocol.OFPPS_LINK_DOWN
                    or port.config & self.protocol.OFPPC_PORT_DOWN)

    def apply(self, target):
        """Make flows and groups those of a Plan, without a gap.

        A flow that is right is not touched, one that is wrong is replaced by
        one message, and what must go goes when the rest is in effect. Raises
        Away; then what is installed is unknown.
        """
        current, self.installed = self.installed, None
        refusals = self.refusals
        new_groups = {number: ports for number, ports in target.groups.items()
                      if current.groups.get(number) != ports}
        new_flows = [flow for key, flow in target.flows.items()
                     if current.flows.get(key) != flow]
        old_flows = [flow for key, flow in current.flows.items()
                     if key not in target.flows]
        old_groups = [number for number in current.groups
                      if number not in target.groups]
        for number, ports in new_groups.items():
            self._group(number, ports, number in current.groups)
        if new_groups:
            self.barrier()
        for flow in new_flows:
            self._flow(flow, self.protocol.OFPFC_ADD)
        if new_flows:
            self.barrier()
        for flow in old_flows:
            self._flow(flow, self.protocol.OFPFC_DELETE_STRICT)
        for number in old_groups:
            self.datapath.send_msg(self.parser.OFPGroupMod(
                self.datapath, self.protocol.OFPGC_DELETE,
                self.protocol.OFPGT_SELECT, number))
        if old_flows or old_groups:
            self.barrier()
        if self.refusals != refusals:
            raise Away('%s refused a change' % self.name)
        self.installed = target

    def _group(self, number, ports, exists):
        parser = self.parser
        buckets = [parser.OFPBucket(
            weight=1, watch_port=self.protocol.OFPP_ANY,
            watch_group=self.protocol.OFPG_ANY,
            actions=[parser.OFPActionOutput(port)]) for port in ports]
        command = (self.protocol.OFPGC_MODIFY if exists
                   else self.protocol.OFPGC_ADD)
        self.datapath.send_msg(parser.OFPGroupMod(
            self.datapath, command, self.protocol.OFPGT_SELECT, number,
            buckets))

    def _flow(self, flow, command):
        parser, protocol = self.parser, self.protocol
        actions, instructions = [], []
        for kind, number in flow.actions:
            if kind == 'goto':
                instructions.append(parser.OFPInstructionGotoTable(number))
            elif kind == 'group':
                actions.append(parser.OFPActionGroup(number))
            elif kind == 'output':
                actions.append(parser.OFPActionOutput(number))
        if actions:
            instructions.append(parser.OFPInstructionActions(
                protocol.OFPIT_APPLY_ACTIONS, actions))
        self.datapath.send_msg(parser.OFPFlowMod(
            self.datapath, cookie=flow.kind, table_id=flow.table,
            command=command, priority=flow.priority,
            out_port=protocol.OFPP_ANY, out_group=protocol.OFPG_ANY,
            match=parser.OFPMatch(**dict(flow.match)),
            instructions=instructions))

    def request_ports(self):
        """Ask for the ports' counters; for `collect`."""
        return self.send(self.parser.OFPPortStatsRequest(
            self.datapath, 0, self.protocol.OFPP_ANY))

    def request_choices(self):
        """Ask for the counters of the flows that choose; for `collect`."""
        return self.send(self.parser.OFPFlowStatsRequest(
            self.datapath, 0, PATH_TABLE))

    def request_groups(self):
        """Ask for the counters of the groups; for `collect`."""
        return self.send(self.parser.OFPGroupStatsRequest(
            self.datapath, 0, self.protocol.OFPG_ALL))


def flow_of(entry):
    """A flow as the switch tells it (OFPFlowStats), as a Flow."""
    actions = []
    for instruction in entry.instructions:
        if hasattr(instruction, 'table_id'):
            actions.append(('goto', instruction.table_id))
        for action in getattr(instruction, 'actions', []):
            if hasattr(action, 'group_id'):
                actions.append(('group', action.group_id))
            elif hasattr(action, 'port'):
                actions.append(('output', action.port))
            else:
                actions.append(('other', action.type))
    return Flow(entry.table_id, entry.priority,
                tuple(sorted(entry.match.items())), tuple(actions),
                entry.cookie)


def ports_of(group, protocol):
    """The ports that a select group spreads over; None if it does more."""
    if group.type != protocol.OFPGT_SELECT:
        return None
    ports = []
    for bucket in group.buckets:
        outputs = [getattr(action, 'port', None) for action in bucket.actions]
        if len(outputs) != 1 or bucket.weight != 1:
            return None
        ports += outputs
    return tuple(ports)
