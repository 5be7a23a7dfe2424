"""What each switch does with a frame: flows and groups, as plain values.

Pure: knows neither Mininet nor OpenFlow. The laboratory installs the flows of
the default routes as text; the controller installs them, and those that steer,
by OpenFlow.

A `layout` is the dictionary that `layout.describe` makes: switches, links,
hosts and paths. All paths lead between the same two switches, the edges; hosts
stand there and nowhere else.

Table 0 takes frames to known hosts (priority 200) and group frames to all
hosts and, once, over the default path (100). Everything else from a host goes
to table 1 (50), which chooses the path: by DSCP (1000), else as the routes say
(0). A switch between the edges passes on what comes in (50).
"""

from collections import namedtuple

#: Ethernet destination addresses with the group bit: broadcast and multicast.
GROUP = ('01:00:00:00:00:00', '01:00:00:00:00:00')
IPV4, IPV6 = 0x0800, 0x86dd
BASE, STEERED, COUNTED = 0, 1, 2
#: Number of the select group for unmarked traffic; a DSCP's is one of 1..64.
SPREAD_GROUP = 100
PATH_TABLE = 1

#: match: sorted ((field, value or (value, mask)), ...) in OpenFlow's names;
#: actions: (('output' or 'group' or 'goto', number), ...);
#: kind: BASE, STEERED or COUNTED, which a switch keeps as the flow's cookie.
Flow = namedtuple('Flow', 'table priority match actions kind')

#: spread: 'default' or 'hash'; marks: {DSCP: path id}.
Routes = namedtuple('Routes', 'spread marks')

#: flows: {(table, priority, match): Flow}; groups: {number: (port, ...)}, one
#: bucket each.
Plan = namedtuple('Plan', 'flows groups')

DEFAULT_ROUTES = Routes('default', {})


def group_of(dscp):
    """The select group that spreads a DSCP's packets."""
    return dscp + 1


def exits(layout):
    """What leads away from each edge: {edge: {path id: link}}."""
    links = {link['id']: link for link in layout['links']}
    found = {}
    for path in layout['paths']:
        for edge, way in zip(path['between'], ('forward', 'backward')):
            found.setdefault(edge, {})[path['id']] = links[path[way][0]]
    return found


def default_path(layout):
    """The id of the path that is taken unless something says otherwise."""
    path, = [path['id'] for path in layout['paths'] if path['default']]
    return path


def plan(layout, routes=DEFAULT_ROUTES, counted=()):
    """The flows and groups of every switch: {name: Plan}.

    counted: the DSCPs whose packets are to be counted where nothing steers
    them.
    """
    plans = {switch['name']: Plan({}, {}) for switch in layout['switches']}
    for edge, ways in exits(layout).items():
        _edge_flows(plans[edge], layout, edge, ways)
        _path_choice(plans[edge], layout, ways, routes, counted)
    ports = {link['id']: link['port'] for link in layout['links']}
    for path in layout['paths']:
        for way in (path['forward'], path['backward']):
            for before, after in zip(way, way[1:]):
                came_from, switch = before.split('>')
                came_in = ports['%s>%s' % (switch, came_from)]
                _add(plans[switch], 0, 50, {'in_port': came_in},
                     [('output', ports[after])])
    return plans


def lines(flows):
    """The flows as lines for `ovs-ofctl add-flows`."""
    names = {'eth_dst': 'dl_dst', 'in_port': 'in_port'}
    texts = []
    for flow in flows.values():
        parts = ['table=%d' % flow.table, 'priority=%d' % flow.priority]
        for field, value in flow.match:
            text = '/'.join(value) if isinstance(value, tuple) else value
            parts.append('%s=%s' % (names[field], text))
        actions = ','.join('goto_table:%d' % number if kind == 'goto'
                           else '%s:%d' % (kind, number)
                           for kind, number in flow.actions)
        texts.append('%s,actions=%s' % (','.join(parts), actions))
    return texts


def routes_of(flows, layout, edge):
    """The routes that the flows of an edge stand for.

    flows: an iterable of Flow, as read from the switch.
    """
    by_port = {link['port']: path
               for path, link in exits(layout)[edge].items()}
    spread, marks = 'default', {}
    for flow in flows:
        if flow.table != PATH_TABLE or len(flow.actions) != 1:
            continue
        (kind, number), = flow.actions
        dscp = dict(flow.match).get('ip_dscp')
        if dscp is None:
            spread = 'hash' if kind == 'group' else 'default'
        elif flow.kind == STEERED and kind == 'output' and number in by_port:
            marks[dscp] = by_port[number]
    return Routes(spread, marks)


def _add(into, table, priority, match, actions, kind=BASE):
    key = (table, priority, tuple(sorted(match.items())))
    into.flows[key] = Flow(*key, tuple(actions), kind)


def _edge_flows(into, layout, edge, ways):
    hosts = [host for host in layout['hosts'] if host['switch'] == edge]
    default = ways[default_path(layout)]['port']
    own = [host['port'] for host in hosts]
    for host in hosts:
        _add(into, 0, 200, {'eth_dst': host['mac']},
             [('output', host['port'])])
        _add(into, 0, 50, {'in_port': host['port']}, [('goto', PATH_TABLE)])
    for port in own + [link['port'] for link in ways.values()]:
        targets = [other for other in own if other != port]
        if port in own:
            targets.append(default)
        _add(into, 0, 100, {'in_port': port, 'eth_dst': GROUP},
             [('output', target) for target in targets])


def _path_choice(into, layout, ways, routes, counted):
    ports = tuple(link['port'] for link in ways.values())
    hashed = routes.spread == 'hash' and len(ports) > 1

    def unsteered(group):
        if not hashed:
            return ('output', ways[default_path(layout)]['port'])
        into.groups[group] = ports
        return ('group', group)

    _add(into, PATH_TABLE, 0, {}, [unsteered(SPREAD_GROUP)])
    for dscp in sorted(set(counted) | set(routes.marks)):
        if dscp in routes.marks:
            kind = STEERED
            action = ('output', ways[routes.marks[dscp]]['port'])
        else:
            kind, action = COUNTED, unsteered(group_of(dscp))
        for ether_type in (IPV4, IPV6):
            _add(into, PATH_TABLE, 1000,
                 {'eth_type': ether_type, 'ip_dscp': dscp}, [action], kind)
