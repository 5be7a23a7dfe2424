"""The controller's configuration: a JSON file, checked before it is believed.

    {"pollMs": 20,
     "listen": {"socket": PATH} and/or {"host": "127.0.0.1", "port": N},
     "classMarks": [46, 1],
     "switches": [{"name", "dpid"}],
     "links": [{"id": "s1>s2", "from", "to", "port", "device", "rateBps"}],
     "hosts": [{"name", "addresses", "mac", "switch", "port"}],
     "paths": [{"id", "default", "between", "forward", "backward"}]}

`layout.describe` makes the last four.
"""

import json
import re

FILE_LIMIT_BYTES = 4 * 1024 * 1024
COUNTS = {'switches': 64, 'links': 512, 'hosts': 1024, 'paths': 16}
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z')
MAC = re.compile(r'[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z')
#: A Unix socket's path has at most 107 bytes (unix(7)).
SOCKET_LIMIT_BYTES = 107


class ConfigError(Exception):
    """The configuration is wrong; the text says where and how."""


def read(path):
    """The configuration in a file; raises ConfigError."""
    try:
        with open(path, 'rb') as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
        if len(data) > FILE_LIMIT_BYTES:
            raise ConfigError('it is larger than %d bytes' % FILE_LIMIT_BYTES)
        return check(json.loads(data))
    except (OSError, ValueError, RecursionError, ConfigError) as error:
        raise ConfigError('%s: %s' % (path, error)) from error


def check(config):
    """The configuration with its defaults; raises ConfigError."""
    _need(isinstance(config, dict), 'it is no JSON object')
    config = dict({'pollMs': 20, 'classMarks': []}, **config)
    _need(_number(config['pollMs'], 5, 10000), 'pollMs: 5 to 10000')
    marks = config['classMarks']
    _need(isinstance(marks, list) and all(_number(mark, 0, 63)
                                          for mark in marks),
          'classMarks: a list of DSCPs, 0 to 63')
    _listen(config.get('listen'))
    for key, most in COUNTS.items():
        items = config.get(key)
        _need(isinstance(items, list) and len(items) <= most
              and all(isinstance(item, dict) for item in items),
              '%s: a list of at most %d objects' % (key, most))
    switches = _names(config['switches'], 'switches', 'name')
    for switch in config['switches']:
        _need(_number(switch.get('dpid'), 1, 2 ** 64 - 1),
              'switch %s: dpid' % switch['name'])
    _need(len({switch['dpid'] for switch in config['switches']})
          == len(switches), 'switches: two have the same dpid')
    links = _links(config['links'], switches)
    edges = _paths(config['paths'], links)
    _hosts(config['hosts'], edges)
    ports = ([(link['from'], link['port']) for link in config['links']]
             + [(host['switch'], host['port']) for host in config['hosts']])
    _need(len(set(ports)) == len(ports), 'port: two of a switch are the same')
    return config


def _need(condition, text):
    if not condition:
        raise ConfigError(text)


def _number(value, least, most):
    return (isinstance(value, int) and not isinstance(value, bool)
            and least <= value <= most)


def _known(value, names):
    return isinstance(value, str) and value in names


def _names(items, key, field):
    names = {item.get(field) for item in items
             if isinstance(item.get(field), str)}
    _need(len(names) == len(items) and all(map(NAME.match, names)),
          '%s: each needs a %s of its own' % (key, field))
    return names


def _listen(listen):
    _need(isinstance(listen, dict) and listen, 'listen: a socket or a port')
    if 'socket' in listen:
        _need(isinstance(listen['socket'], str)
              and 0 < len(listen['socket'].encode()) <= SOCKET_LIMIT_BYTES,
              'listen.socket: a path of at most %d bytes'
              % SOCKET_LIMIT_BYTES)
    if 'port' in listen or 'socket' not in listen:
        _need(_number(listen.get('port'), 0, 65535), 'listen.port')
        _need(isinstance(listen.get('host', '127.0.0.1'), str),
              'listen.host: an address')


def _links(items, switches):
    links = {}
    for item in items:
        ends = item.get('from'), item.get('to')
        _need(_known(ends[0], switches) and _known(ends[1], switches)
              and item.get('id') == '%s>%s' % ends
              and item['id'] not in links,
              'links: each is FROM>TO of two switches, once')
        _need(_number(item.get('port'), 1, 65279),
              'link %s: port' % item['id'])
        _need(item.get('rateBps') is None
              or _number(item['rateBps'], 1, 10 ** 13),
              'link %s: rateBps' % item['id'])
        links[item['id']] = item
    return links


def _paths(paths, links):
    _names(paths, 'paths', 'id')
    _need(sum(path.get('default') is True for path in paths) == 1,
          'paths: one is the default')
    edges, taken = None, set()
    for path in paths:
        name = 'path %s' % path['id']
        between = path.get('between')
        _need(isinstance(between, list) and len(between) == 2
              and all(isinstance(one, str) for one in between)
              and between[0] != between[1]
              and (edges is None or edges == between),
              '%s: all paths lead between the same two switches' % name)
        edges = between
        for key, ends in (('forward', between), ('backward', between[::-1])):
            way = path.get(key)
            _need(isinstance(way, list) and 0 < len(way) <= len(links)
                  and all(_known(link, links) for link in way),
                  '%s: %s' % (name, key))
            hops = [links[link] for link in way]
            _need(hops[0]['from'] == ends[0] and hops[-1]['to'] == ends[1]
                  and all(one['to'] == other['from'] and
                          one['to'] not in ends
                          for one, other in zip(hops, hops[1:])),
                  '%s: %s does not lead from %s to %s'
                  % (name, key, ends[0], ends[1]))
            _need(all('%s>%s' % (hop['to'], hop['from']) in links
                      for hop in hops), '%s: a link has no way back' % name)
            # A switch tells paths apart by the port that a frame comes in.
            _need(taken.isdisjoint(way) and len(set(way)) == len(way),
                  '%s: %s shares a link' % (name, key))
            taken.update(way)
    return edges


def _hosts(hosts, edges):
    _names(hosts, 'hosts', 'name')
    for host in hosts:
        name = 'host %s' % host['name']
        _need(_known(host.get('switch'), edges),
              '%s: hosts stand at the ends of the paths' % name)
        _need(_number(host.get('port'), 1, 65279), '%s: port' % name)
        _need(isinstance(host.get('mac'), str) and MAC.match(host['mac']),
              '%s: mac' % name)
        addresses = host.get('addresses')
        _need(isinstance(addresses, list) and len(addresses) <= 16
              and all(isinstance(one, str) for one in addresses),
              '%s: addresses' % name)
