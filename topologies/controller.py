"""priomesh's OpenFlow controller: paths by DSCP, counters, a northbound.

    PRIOMESH_CONTROLLER=controller.json osken-manager \
        --ofp-tcp-listen-port 6653 --ofp-listen-host 127.0.0.1 \
        topologies/controller.py

The file is described in controller_config.py, the northbound in
docs/guides/controller.md. The routes are kept by the switches: a controller
that was restarted reads them from there, and touches only what is wrong.

Prints {"event": "listening"} when switches can connect, and {"event": "ready"}
when the northbound answers and every switch is connected.
"""

import logging
import os
import socket
import sys
import time

import eventlet
from eventlet import wsgi
from os_ken import cfg
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import (
    CONFIG_DISPATCHER, DEAD_DISPATCHER, HANDSHAKE_DISPATCHER, MAIN_DISPATCHER,
    set_ev_cls)
from os_ken.lib import hub
from os_ken.ofproto import ofproto_common, ofproto_v1_3

# osken-manager has this file's folder on the path only while it loads it.
import controller_config
import forwarding
from controller_counters import Counters
from controller_http import Feed, Northbound, Refused, compact
from controller_switch import Away, Switch, flow_of

CONF = cfg.CONF
LOG = logging.getLogger('priomesh')
MOST_CONNECTIONS = 64
#: A client that neither sends nor takes anything for this long is dropped.
CLIENT_TIMEOUT_S = 10.0
#: Flows and groups are counted this often; Open vSwitch is no faster.
MARKS_EVERY_MS = 100


class Controller(app_manager.OSKenApp):
    """The application that osken-manager runs."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        try:
            self.config = controller_config.read(
                os.environ.get('PRIOMESH_CONTROLLER', ''))
        except controller_config.ConfigError as error:
            sys.stderr.write('PRIOMESH_CONTROLLER: %s\n' % error)
            sys.stderr.flush()
            os._exit(2)
        self.exits = forwarding.exits(self.config)
        self.path_names = [path['id'] for path in self.config['paths']]
        self.names = {switch['dpid']: switch['name']
                      for switch in self.config['switches']}
        self.epoch = int(time.time() * 1000)
        self.switches = {}      # name -> Switch, once it does what it should
        self.known = {}         # Datapath -> Switch, while connected
        self.inherited = {}     # edge -> Routes that it had at our start
        self.wanted = None      # Routes, once both edges have told theirs
        self.counters = Counters(self.config, self.exits)
        self.sequence = 0
        self.counted_ms = 0.0
        self.told = None        # the topology that was published last
        self.changing = hub.BoundedSemaphore(1)
        self.feed = Feed(self.epoch)
        self.is_ready = False

    def start(self):
        """Serve, and look at the switches again and again."""
        super().start()
        application = Northbound(self, self.feed)
        for sock in listeners(self.config['listen']):
            hub.spawn(wsgi.server, sock, application, log_output=False,
                      debug=False, max_size=MOST_CONNECTIONS,
                      socket_timeout=CLIENT_TIMEOUT_S)
        self._tell_topology()
        hub.spawn(self._poll)
        hub.spawn(say_when_listening)

    # What switches say.

    @set_ev_cls(ofp_event.EventOFPStateChange,
                [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def _state_changed(self, event):
        datapath = event.datapath
        if event.state == MAIN_DISPATCHER:
            name = self.names.get(datapath.id)
            if name is None:
                LOG.warning('switch %x is unknown', datapath.id)
                datapath.close()
                return
            self.known[datapath] = Switch(name, datapath)
            hub.spawn(self._welcome, self.known[datapath])
            return
        switch = self.known.pop(datapath, None)
        if switch is None:
            return
        switch.gone()
        if self.switches.get(switch.name) is switch:
            del self.switches[switch.name]
            self._tell_topology()

    @set_ev_cls([ofp_event.EventOFPFlowStatsReply,
                 ofp_event.EventOFPGroupStatsReply,
                 ofp_event.EventOFPGroupDescStatsReply,
                 ofp_event.EventOFPPortStatsReply,
                 ofp_event.EventOFPPortDescStatsReply,
                 ofp_event.EventOFPBarrierReply],
                [CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def _answered(self, event):
        switch = self.known.get(event.msg.datapath)
        if switch:
            switch.answered(event.msg)

    @set_ev_cls(ofp_event.EventOFPErrorMsg,
                [HANDSHAKE_DISPATCHER, CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def _refused(self, event):
        switch = self.known.get(event.msg.datapath)
        if switch:
            switch.refused(event.msg)

    @set_ev_cls(ofp_event.EventOFPPortStatus, MAIN_DISPATCHER)
    def _port_changed(self, event):
        switch = self.known.get(event.msg.datapath)
        if switch is None:
            return
        message = event.msg
        if message.reason == message.datapath.ofproto.OFPPR_DELETE:
            switch.ports_up.pop(message.desc.port_no, None)
        else:
            switch.ports_up[message.desc.port_no] = switch.is_up(message.desc)
        self._tell_topology()

    # What switches are told.

    def _welcome(self, switch):
        """Make a switch that has connected do what it should."""
        try:
            with self.changing:
                switch.read()
                self._inherit(switch)
                if self.wanted is None:
                    return
                # Those that came before both edges had are waiting.
                for one in list(self.known.values()):
                    if (self.switches.get(one.name) is not one
                            and one.installed is not None):
                        self._bring_in(one)
        except Away as error:
            LOG.warning('%s', error)
            switch.datapath.close()
            return
        self._tell_topology()

    def _inherit(self, switch):
        """Learn from the edges which routes there were."""
        if self.wanted is not None or switch.name not in self.exits:
            return
        self.inherited[switch.name] = forwarding.routes_of(
            switch.installed.flows.values(), self.config, switch.name)
        if len(self.inherited) < len(self.exits):
            return
        # They differ only where a change was never answered.
        one, other = self.inherited.values()
        self.wanted = forwarding.Routes(one.spread,
                                        {**other.marks, **one.marks})
        self.feed.publish('routes', self.routes())

    def _bring_in(self, switch):
        try:
            switch.apply(self._plans()[switch.name])
            # What it has counted before anybody learns of it is not ours.
            for transaction, take in self._ask_marks(switch):
                take(switch.name, switch.collect(transaction))
        except Away as error:
            LOG.warning('%s', error)
            switch.datapath.close()
            return
        if switch.datapath in self.known:
            self.switches[switch.name] = switch

    def _plans(self):
        return forwarding.plan(self.config, self.wanted,
                               self.config['classMarks'])

    # What the northbound asks for.

    def topology(self):
        """The network as it is now."""
        links = [{'id': link['id'], 'from': link['from'], 'to': link['to'],
                  'port': link['port'], 'device': link.get('device'),
                  'rateBps': link.get('rateBps'), 'up': self._is_up(link)}
                 for link in self.config['links']]
        return {
            'epoch': self.epoch,
            'switches': [dict(switch, connected=switch['name']
                              in self.switches)
                         for switch in self.config['switches']],
            'links': links,
            'hosts': [{key: host[key]
                       for key in ('name', 'addresses', 'switch')}
                      for host in self.config['hosts']],
            'paths': self.config['paths']}

    def _is_up(self, link):
        """Whether the ports at both ends carry frames, as far as known."""
        back = '%s>%s' % (link['to'], link['from'])
        ends = [(one['from'], one['port']) for one in self.config['links']
                if one['id'] in (link['id'], back)]
        return all(self.switches[name].ports_up.get(port, False)
                   for name, port in ends if name in self.switches)

    def statistics(self):
        """The counters of the links."""
        return {'epoch': self.epoch, 'sequence': self.sequence,
                'timeMs': round(self.counted_ms, 3),
                'links': list(self.counters.links.values())}

    def routes(self):
        """Which paths are taken."""
        if self.wanted is None:
            raise Refused(503, 'SWITCH_AWAY',
                          'the switches have not connected yet')
        return {'spread': self.wanted.spread,
                'marks': {str(dscp): path for dscp, path
                          in sorted(self.wanted.marks.items())}}

    def change(self, make):
        """Take other paths; returns the routes when they are in effect.

        make: the old Routes -> (spread, marks).
        """
        with self.changing:
            away = [edge for edge in self.exits if edge not in self.switches]
            if away:
                raise Refused(503, 'SWITCH_AWAY',
                              '%s is not connected' % away[0])
            self.wanted = forwarding.Routes(*make(self.wanted))
            plans = self._plans()
            answer = self.routes()
            for name, switch in list(self.switches.items()):
                try:
                    switch.apply(plans[name])
                except Away as error:
                    away.append(str(error))
                    # It is read and brought in again when it comes back.
                    switch.datapath.close()
            self.feed.publish('routes', answer)
            if away:
                raise Refused(503, 'SWITCH_AWAY', '%s: the change takes '
                              'effect when it is back' % away[0])
            return answer

    # What is told again and again.

    def _tell_topology(self):
        now = self.topology()
        if now != self.told:
            self.told = now
            self.feed.publish('topology', now)
        if not self.is_ready and len(self.switches) == len(self.names):
            self.is_ready = True
            say('ready')

    def _poll(self):
        """Read the counters on a grid; a late round skips what it missed."""
        period = self.config['pollMs'] / 1000
        begin = time.monotonic()
        marks_due = 0.0
        while True:
            now = time.monotonic()
            with_marks = now >= marks_due
            if with_marks:
                marks_due = now + MARKS_EVERY_MS / 1000
            self._read_counters(with_marks)
            hub.sleep(period - (time.monotonic() - begin) % period)

    def _read_counters(self, with_marks):
        asked = []
        for name, switch in list(self.switches.items()):
            asked.append((switch, switch.request_ports(), self.counters.ports))
            if with_marks:
                asked += [(switch, *one) for one in self._ask_marks(switch)]
        complete = True
        for switch, transaction, take in asked:
            try:
                take(switch.name, switch.collect(transaction))
            except Away:
                complete = False
        if asked and complete:
            self.sequence += 1
            self.counted_ms = time.monotonic() * 1000
            self.feed.publish('statistics', self.statistics())

    def _ask_marks(self, switch):
        """Ask what the flows and groups that choose have counted."""
        asked = []
        if switch.name in self.exits:
            asked.append((switch.request_choices(), self._took_choices))
            if self.wanted.spread == 'hash':
                asked.append((switch.request_groups(), self.counters.groups))
        return asked

    def _took_choices(self, name, entries):
        self.counters.choices(name, [
            (flow_of(entry), entry.byte_count, entry.packet_count)
            for entry in entries])


def say(event):
    """Tell who started us."""
    sys.stdout.write(compact({'event': event}) + '\n')
    sys.stdout.flush()


def say_when_listening():
    """Wait until a switch could connect."""
    address = CONF.ofp_listen_host or '127.0.0.1', (
        CONF.ofp_tcp_listen_port or ofproto_common.OFP_TCP_PORT)
    while True:
        try:
            eventlet.connect(address).close()
            break
        except OSError:
            hub.sleep(0.01)
    say('listening')


def listeners(listen):
    """The sockets that the northbound listens on."""
    found = []
    if 'socket' in listen:
        path = listen['socket']
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        before = os.umask(0o177)
        try:
            found.append(eventlet.listen(path, family=socket.AF_UNIX))
        finally:
            os.umask(before)
    if 'port' in listen:
        found.append(eventlet.listen((listen.get('host', '127.0.0.1'),
                                      listen['port'])))
    return found
