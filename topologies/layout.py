"""Tells what a network looks like to its controller.

For the laboratory, and for plain Mininet:

    import json, layout
    topology = DualPath(rate_mbit=20)
    net = Mininet(topology, switch=OVSSwitch, controller=RemoteController)
    net.start()
    json.dump(dict(layout.describe(net, topology), pollMs=20,
                   listen={'host': '127.0.0.1', 'port': 8080}),
              open('controller.json', 'w'))
"""


def describe(net, topology):
    """Switches, directed links, hosts and paths of a Mininet network.

    topology: has `ways()`, the paths as (id, [switch, ...]), default first,
        and `bottlenecks()`. A node between two switches that is none itself
        belongs to their link.
    """
    rates = {(switch, towards): rate
             for _label, switch, towards, rate in topology.bottlenecks()}
    labels = {(switch, towards): label
              for label, switch, towards, _rate in topology.bottlenecks()}
    links, paths = {}, []
    for name, way in topology.ways():
        sides = []
        for order in (way, way[::-1]):
            pairs = list(zip(order, order[1:]))
            for here, there in pairs:
                end = _end_towards(net, here, there)
                hop = (here, _other_end(end).node.name)
                # Mininet's own shaping stands in the link's parameters.
                rate = rates.get(hop, end.params.get('bw'))
                identity = '%s>%s' % (here, there)
                links[identity] = {
                    'id': identity, 'from': here, 'to': there,
                    'port': net[here].ports[end], 'device': str(end),
                    'rateBps': round(rate * 1e6) if rate else None,
                    'portLabel': labels.get(hop)}
            sides.append(['%s>%s' % pair for pair in pairs])
        paths.append({'id': name, 'default': not paths,
                      'between': [way[0], way[-1]],
                      'forward': sides[0], 'backward': sides[1]})
    return {'switches': [{'name': switch.name, 'dpid': int(switch.dpid, 16)}
                         for switch in net.switches],
            'links': list(links.values()), 'paths': paths,
            'hosts': list(_hosts(net))}


def _hosts(net):
    for host in net.hosts:
        if host.params.get('ip') is None:
            continue
        end = _other_end(host.defaultIntf())
        addresses = [host.params[key].split('/')[0] for key in ('ip', 'ip6')
                     if host.params.get(key)]
        yield {'name': host.name, 'addresses': addresses,
               'mac': host.defaultIntf().mac, 'switch': end.node.name,
               'port': end.node.ports[end]}


def _other_end(end):
    link = end.link
    return link.intf2 if link.intf1 is end else link.intf1


def _end_towards(net, here, there):
    """The interface of switch `here` that leads to switch `there`."""
    for end in net[here].intfList():
        if end.link is None:
            continue
        far = _other_end(end).node
        if far.name == there:
            return end
        if far in net.hosts and net.linksBetween(far, net[there]):
            return end
    raise ValueError('no link leads from %s to %s' % (here, there))
