import type { NorthboundHttp } from './http.ts';
import { amountOf, flagOf, type Json, listOf, objectOf, strange } from './json.ts';
import {
  ETHER_TYPES,
  type InstalledFlow,
  type PolledController,
  type PolledHost,
  type PolledLink,
  type PolledPort,
  STEERING_PRIORITY,
  type SteeringFlow,
} from './polled-controller.ts';
import { dpidOf, macOf, portOf, within } from './polled-format.ts';

const ROOT = '/onos/v1';
const deviceOf = (dpid: string): string => `of:${dpid}`;
const hex = (type: number): string => `0x${type.toString(16)}`;

/** Devices that do not speak OpenFlow are none of ours. */
const isOpenFlow = (id: unknown): boolean => typeof id === 'string' && id.startsWith('of:');

function ruleOf({ dpid, protocol, dscp, mac, port }: SteeringFlow): Json {
  return {
    priority: STEERING_PRIORITY,
    timeout: 0,
    isPermanent: true,
    deviceId: deviceOf(dpid),
    treatment: { instructions: [{ type: 'OUTPUT', port: String(port) }] },
    selector: {
      criteria: [
        { type: 'ETH_TYPE', ethType: hex(ETHER_TYPES[protocol]) },
        { type: 'ETH_DST', mac },
        { type: 'IP_DSCP', ipDscp: dscp },
      ],
    },
  };
}

/** Ours are the flows that the REST API made, with our priority and our three criteria. */
function readFlow(dpid: string, value: unknown): InstalledFlow[] {
  const { id, appId, priority, state, selector, treatment } = objectOf(value, 'a flow');
  if (appId !== 'org.onosproject.rest' || priority !== STEERING_PRIORITY) return [];
  if (state === 'PENDING_REMOVE' || state === 'REMOVED') return [];
  const criteria = listOf(objectOf(selector, 'a selector')['criteria'], 'criteria').map((one) =>
    objectOf(one, 'a criterion'),
  );
  const instructions = listOf(objectOf(treatment, 'a treatment')['instructions'], 'instructions');
  const output = instructions
    .map((one) => objectOf(one, 'an instruction'))
    .find(({ type }) => type === 'OUTPUT');
  const of = (type: string): Json | undefined => criteria.find((one) => one['type'] === type);
  const dscp = of('IP_DSCP')?.['ipDscp'];
  const mac = of('ETH_DST')?.['mac'];
  if (criteria.length !== 3 || dscp === undefined || mac === undefined || output === undefined) return [];
  if (typeof id !== 'string' || !/^-?\d{1,20}$/.test(id)) throw strange('a flow without an id');
  return [
    {
      dpid,
      protocol: Number(of('ETH_TYPE')?.['ethType']) === ETHER_TYPES.ipv6 ? 'ipv6' : 'ipv4',
      dscp: within(dscp, 'a DSCP value', 63),
      mac: macOf(mac),
      port: portOf(output['port']),
      id,
    },
  ];
}

function readLinks(body: unknown): PolledLink[] {
  return listOf(objectOf(body, 'links')['links'], 'links').flatMap((one) => {
    const { src, dst, state } = objectOf(one, 'a link');
    const from = objectOf(src, 'an end of a link');
    const to = objectOf(dst, 'an end of a link');
    if (!isOpenFlow(from['device']) || !isOpenFlow(to['device'])) return [];
    return [
      {
        from: dpidOf(from['device']),
        port: portOf(from['port']),
        to: dpidOf(to['device']),
        device: '',
        up: state !== 'INACTIVE',
      },
    ];
  });
}

/** Older versions tell one `location`, newer ones all `locations`; the first one counts. */
function readHosts(body: unknown): PolledHost[] {
  return listOf(objectOf(body, 'hosts')['hosts'], 'hosts').flatMap((one) => {
    const { mac, ipAddresses, locations, location } = objectOf(one, 'a host');
    const [first] = listOf(locations ?? [location], 'locations', 64);
    if (first === undefined) return [];
    const at = objectOf(first, 'a location')['elementId'];
    if (!isOpenFlow(at)) return [];
    const addresses = listOf(ipAddresses, 'addresses', 64).map((address) => {
      if (typeof address !== 'string') throw strange('an address that is no text');
      return address;
    });
    return [{ mac: macOf(mac), addresses, dpid: dpidOf(at) }];
  });
}

function readPorts(body: unknown): PolledPort[] {
  return listOf(objectOf(body, 'statistics')['statistics'], 'statistics', 1024).flatMap((one) => {
    const { device, deviceId, ports } = objectOf(one, 'statistics');
    const id = device ?? deviceId;
    if (!isOpenFlow(id)) return [];
    return listOf(ports, 'ports').flatMap((each): PolledPort[] => {
      const { port, bytesSent, packetsSent, packetsTxDropped } = objectOf(each, 'a port');
      // The port of the switch itself, OFPP_LOCAL, leads nowhere.
      if (typeof port === 'number' && port > 0xffff_ff00) return [];
      return [
        {
          dpid: dpidOf(id),
          port: portOf(port),
          bytes: amountOf(bytesSent, 'bytes'),
          packets: amountOf(packetsSent, 'packets'),
          drops: amountOf(packetsTxDropped, 'drops'),
        },
      ];
    });
  });
}

/** ONOS by its REST API (`/onos/v1`). Its counters are as young as its own polling makes them: 5 s by default. */
export function onosController(http: NorthboundHttp): PolledController {
  const get = async (path: string): Promise<unknown> =>
    (await http.request({ method: 'GET', path: ROOT + path })).body;
  return {
    name: 'onos',
    async network() {
      const devices = listOf(objectOf(await get('/devices'), 'devices')['devices'], 'devices', 1024);
      const links = readLinks(await get('/links'));
      const hosts = readHosts(await get('/hosts'));
      return {
        switches: devices
          .map((one) => objectOf(one, 'a device'))
          .filter(({ id }) => isOpenFlow(id))
          .map(({ id, available }) => ({ dpid: dpidOf(id), connected: flagOf(available, 'a device') })),
        links,
        hosts,
      };
    },
    ports: async () => readPorts(await get('/statistics/ports')),
    async flows(dpids) {
      const wanted = new Set(dpids);
      const flows = listOf(objectOf(await get('/flows'), 'flows')['flows'], 'flows', 65_536);
      return flows.flatMap((one) => {
        const { deviceId } = objectOf(one, 'a flow');
        if (!isOpenFlow(deviceId)) return [];
        const dpid = dpidOf(deviceId);
        return wanted.has(dpid) ? readFlow(dpid, one) : [];
      });
    },
    async install(flow) {
      await http.request({
        method: 'POST',
        path: `${ROOT}/flows/${deviceOf(flow.dpid)}`,
        body: ruleOf(flow),
      });
    },
    async remove({ dpid, id }) {
      await http.request({ method: 'DELETE', path: `${ROOT}/flows/${deviceOf(dpid)}/${id}` });
    },
    close: () => http.close(),
  };
}
