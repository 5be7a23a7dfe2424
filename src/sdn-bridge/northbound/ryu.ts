import type { NorthboundHttp } from './http.ts';
import { amountOf, type Json, listOf, objectOf, strange } from './json.ts';
import {
  ETHER_TYPES,
  type InstalledFlow,
  type PolledController,
  type PolledPort,
  STEERING_PRIORITY,
  type SteeringFlow,
} from './polled-controller.ts';
import { dpidOf, macOf, portOf, within } from './polled-format.ts';

/** By which our flows are told from those of others: `prio`. */
const COOKIE = 0x7072_696f;

const decimal = (dpid: string): string => BigInt(`0x${dpid}`).toString();

function flowBody({ dpid, protocol, dscp, mac, port }: SteeringFlow): Json {
  return {
    dpid: Number(decimal(dpid)),
    cookie: COOKIE,
    priority: STEERING_PRIORITY,
    match: { eth_type: ETHER_TYPES[protocol], eth_dst: mac, ip_dscp: dscp },
    actions: [{ type: 'OUTPUT', port }],
  };
}

/** Ryu prints some fields of a match by the names of OpenFlow 1.0. */
function readFlow(dpid: string, value: unknown): InstalledFlow[] {
  const { cookie, priority, match, actions } = objectOf(value, 'a flow');
  if (cookie !== COOKIE || priority !== STEERING_PRIORITY) return [];
  const fields = objectOf(match, 'a match');
  const type = fields['dl_type'] ?? fields['eth_type'];
  const action = /^OUTPUT:(\d{1,10})$/.exec(String(listOf(actions, 'actions')[0]));
  if (action === null) return [];
  return [
    {
      dpid,
      protocol: type === ETHER_TYPES.ipv6 ? 'ipv6' : 'ipv4',
      dscp: within(fields['ip_dscp'], 'a DSCP value', 63),
      mac: macOf(fields['dl_dst'] ?? fields['eth_dst']),
      port: portOf(action[1]),
      id: '',
    },
  ];
}

/** Values by datapath id in decimal, as ofctl_rest answers. */
function answerOf(body: unknown, dpid: string): readonly unknown[] {
  return listOf(objectOf(body, 'an answer')[decimal(dpid)] ?? [], 'an answer', 65_536);
}

function readPort(dpid: string, value: unknown): PolledPort[] {
  const {
    port_no: port,
    tx_bytes: bytes,
    tx_packets: packets,
    tx_dropped: drops,
  } = objectOf(value, 'a port');
  // LOCAL, the port of the switch itself, leads nowhere.
  if (typeof port === 'string' && !/^\d+$/.test(port)) return [];
  return [
    {
      dpid,
      port: portOf(port),
      bytes: amountOf(bytes, 'bytes'),
      packets: amountOf(packets, 'packets'),
      drops: amountOf(drops, 'drops'),
    },
  ];
}

function texts(value: unknown): string[] {
  return listOf(value ?? [], 'addresses', 64).map((one) => {
    if (typeof one !== 'string') throw strange('an address that is no text');
    return one;
  });
}

/**
 * Ryu with its applications `ofctl_rest` (flows and counters) and `rest_topology` (switches, links and hosts; needs
 * `--observe-links`).
 */
export function ryuController(http: NorthboundHttp): PolledController {
  const get = async (path: string): Promise<unknown> => (await http.request({ method: 'GET', path })).body;
  const ofEach = async <T>(
    dpids: readonly string[],
    what: string,
    read: (dpid: string, value: unknown) => T[],
  ): Promise<T[]> => {
    const all: T[] = [];
    for (const dpid of dpids) {
      const body = await get(`/stats/${what}/${decimal(dpid)}`);
      all.push(...answerOf(body, dpid).flatMap((one) => read(dpid, one)));
    }
    return all;
  };
  return {
    name: 'ryu',
    async network() {
      const switches = listOf(await get('/v1.0/topology/switches'), 'switches', 1024);
      const links = listOf(await get('/v1.0/topology/links'), 'links');
      const hosts = listOf(await get('/v1.0/topology/hosts'), 'hosts');
      return {
        switches: switches.map((one) => ({
          dpid: dpidOf(objectOf(one, 'a switch')['dpid']),
          connected: true,
        })),
        links: links.map((one) => {
          const link = objectOf(one, 'a link');
          const from = objectOf(link['src'], 'an end of a link');
          const to = objectOf(link['dst'], 'an end of a link');
          const name = from['name'];
          return {
            from: dpidOf(from['dpid']),
            // Eight hexadecimal digits.
            port: portOf(Number.parseInt(String(from['port_no']), 16)),
            to: dpidOf(to['dpid']),
            device: typeof name === 'string' && /^[!-.0-~]{1,15}$/.test(name) ? name : '',
            up: true,
          };
        }),
        hosts: hosts.map((one) => {
          const host = objectOf(one, 'a host');
          return {
            mac: macOf(host['mac']),
            addresses: [...texts(host['ipv4']), ...texts(host['ipv6'])],
            dpid: dpidOf(objectOf(host['port'], 'a port')['dpid']),
          };
        }),
      };
    },
    ports: (dpids) => ofEach(dpids, 'port', readPort),
    flows: (dpids) => ofEach(dpids, 'flow', readFlow),
    async install(flow) {
      await http.request({ method: 'POST', path: '/stats/flowentry/add', body: flowBody(flow) });
    },
    async remove(flow) {
      await http.request({ method: 'POST', path: '/stats/flowentry/delete_strict', body: flowBody(flow) });
    },
    close: () => http.close(),
  };
}
