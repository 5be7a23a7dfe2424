import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../../src/core/index.ts';
import { NorthboundHttp } from '../../../src/sdn-bridge/northbound/http.ts';
import type { Northbound } from '../../../src/sdn-bridge/northbound/northbound.ts';
import { onosController } from '../../../src/sdn-bridge/northbound/onos.ts';
import { polledNorthbound } from '../../../src/sdn-bridge/northbound/polled.ts';
import { ryuController } from '../../../src/sdn-bridge/northbound/ryu.ts';
import { type Answer, serve, Told } from './northbound-server.ts';

/** Directed links of a dual path: from, port, to. */
const LINKS: readonly (readonly [number, number, number])[] = [
  [1, 2, 2],
  [2, 1, 1],
  [2, 2, 4],
  [4, 2, 2],
  [1, 3, 3],
  [3, 1, 1],
  [3, 2, 4],
  [4, 3, 3],
];
const DPIDS = [1, 2, 3, 4];
const MACS = { left: '02:00:00:00:00:01', right: '02:00:00:00:00:65' };
const long = (dpid: number): string => dpid.toString(16).padStart(16, '0');

/** A flow as both controllers keep it. */
interface Flow {
  readonly dpid: number;
  readonly type: number;
  readonly mac: string;
  readonly dscp: number;
  readonly port: number;
}

const keyOf = ({ dpid, type, mac, dscp }: Flow): string => [dpid, type, mac, dscp].join(' ');

/** What a network of a controller has: its flows, and links that can break. */
class Network {
  readonly flows = new Map<string, Flow>();
  readonly order: string[] = [];
  links = LINKS;
  away = false;

  add(flow: Flow): void {
    this.flows.set(keyOf(flow), flow);
    this.order.push(`+${flow.dpid}`);
  }

  /** Where frames for a host with a DSCP value go from a switch. */
  hop(dpid: number, mac: string, dscp: number): number | undefined {
    return this.flows.get(keyOf({ dpid, type: 0x0800, mac, dscp, port: 0 }))?.port;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Answers as ofctl_rest and rest_topology do. */
function ryu(network: Network): Answer {
  const end = (dpid: number, port: number): Fields => ({
    dpid: long(dpid),
    port_no: port.toString(16).padStart(8, '0'),
    hw_addr: '02:00:00:00:01:00',
    name: `s${dpid}-eth${port}`,
  });
  const host = (mac: string, address: string, dpid: number): Fields => ({
    mac,
    ipv4: [address],
    ipv6: ['fe80::1'.replace('1', String(dpid))],
    port: end(dpid, 1),
  });
  const flowOf = (body: unknown): Flow => {
    const { dpid, match, actions } = body as { dpid: number; match: Fields; actions: readonly Fields[] };
    const { eth_type: type, eth_dst: mac, ip_dscp: dscp } = match;
    return { dpid, type, mac, dscp, port: actions[0]?.['port'] } as Flow;
  };
  return ({ path, body }) => {
    if (network.away) return [500];
    const [, what, dpid] = /^\/stats\/(port|flow)\/(\d+)$/.exec(path) ?? [];
    if (path === '/v1.0/topology/switches')
      return [200, DPIDS.map((one) => ({ dpid: long(one), ports: [] }))];
    if (path === '/v1.0/topology/links') {
      return [200, network.links.map(([from, port, to]) => ({ src: end(from, port), dst: end(to, 1) }))];
    }
    if (path === '/v1.0/topology/hosts') {
      return [200, [host(MACS.left, '10.0.0.1', 1), host(MACS.right, '10.0.0.101', 4)]];
    }
    if (what === 'port') {
      const port = (number: number | string): Fields => ({
        port_no: number,
        tx_bytes: 1000,
        tx_packets: 10,
        tx_dropped: 1,
        rx_bytes: 5,
      });
      return [200, { [dpid ?? '']: [port('LOCAL'), port(1), port(2), port(3)] }];
    }
    if (what === 'flow') {
      const own = [...network.flows.values()].filter((one) => one.dpid === Number(dpid));
      const foreign = { cookie: 0, priority: 1, match: { in_port: 1 }, actions: ['OUTPUT:2'] };
      return [
        200,
        {
          [dpid ?? '']: [
            foreign,
            ...own.map(({ type, mac, dscp, port }) => ({
              cookie: 0x7072696f,
              priority: 40_000,
              match: { dl_type: type, dl_dst: mac, ip_dscp: dscp },
              actions: [`OUTPUT:${port}`],
              byte_count: 1,
              packet_count: 1,
            })),
          ],
        },
      ];
    }
    if (path === '/stats/flowentry/add') {
      network.add(flowOf(body));
      return [200];
    }
    if (path === '/stats/flowentry/delete_strict') {
      network.flows.delete(keyOf(flowOf(body)));
      return [200];
    }
    return [404];
  };
}

/** Answers as the REST API of ONOS does. */
function onos(network: Network): Answer {
  const device = (dpid: number): string => `of:${long(dpid)}`;
  const dpidOf = (id: string): number => Number.parseInt(id.slice(3), 16);
  const ids = new Map<string, string>();
  const idOf = (flow: Flow): string => {
    const key = keyOf(flow);
    const id = ids.get(key) ?? String(48_695_170_000_000_000n + BigInt(ids.size));
    ids.set(key, id);
    return id;
  };
  return ({ method, path, body, authorization }) => {
    if (network.away) return [503];
    if (authorization !== `Basic ${Buffer.from('onos:rocks').toString('base64')}`) return [401];
    const rest = path.replace('/onos/v1', '');
    if (rest === '/devices') {
      return [
        200,
        {
          devices: [
            ...DPIDS.map((one) => ({ id: device(one), type: 'SWITCH', available: true })),
            { id: 'netconf:1', available: true },
          ],
        },
      ];
    }
    if (rest === '/links') {
      const links = network.links.map(([from, port, to]) => ({
        src: { device: device(from), port: String(port) },
        dst: { device: device(to), port: '1' },
        type: 'DIRECT',
        state: 'ACTIVE',
      }));
      return [200, { links }];
    }
    if (rest === '/hosts') {
      const host = (mac: string, address: string, dpid: number): Fields => ({
        id: `${mac}/None`,
        mac: mac.toUpperCase(),
        vlan: 'None',
        ipAddresses: [address],
        locations: [{ elementId: device(dpid), port: '1' }],
      });
      return [200, { hosts: [host(MACS.left, '10.0.0.1', 1), host(MACS.right, '10.0.0.101', 4)] }];
    }
    if (rest === '/statistics/ports') {
      const port = (number: number): Fields => ({
        port: number,
        bytesSent: 1000,
        packetsSent: 10,
        packetsTxDropped: 1,
      });
      return [
        200,
        { statistics: DPIDS.map((one) => ({ device: device(one), ports: [port(1), port(2), port(3)] })) },
      ];
    }
    if (rest === '/flows') {
      const flows = [...network.flows.values()].map((flow) => ({
        id: idOf(flow),
        appId: 'org.onosproject.rest',
        priority: 40_000,
        deviceId: device(flow.dpid),
        state: 'ADDED',
        bytes: 1,
        packets: 1,
        treatment: { instructions: [{ type: 'OUTPUT', port: String(flow.port) }], deferred: [] },
        selector: {
          criteria: [
            { type: 'ETH_DST', mac: flow.mac.toUpperCase() },
            { type: 'ETH_TYPE', ethType: `0x${flow.type.toString(16)}` },
            { type: 'IP_DSCP', ipDscp: flow.dscp },
          ],
        },
      }));
      const foreign = {
        id: '281475012051420',
        appId: 'org.onosproject.core',
        priority: 40_000,
        deviceId: device(1),
        state: 'ADDED',
        selector: { criteria: [] },
        treatment: { instructions: [] },
      };
      return [200, { flows: [foreign, ...flows] }];
    }
    const [, id = '', flowId] = /^\/flows\/(of:[0-9a-f]+)(?:\/(-?\d+))?$/.exec(rest) ?? [];
    if (method === 'POST') {
      const { treatment, selector } = body as {
        treatment: { instructions: readonly Fields[] };
        selector: { criteria: readonly Fields[] };
      };
      const of = (type: string): Fields => selector.criteria.find((one) => one['type'] === type) ?? {};
      network.add({
        dpid: dpidOf(id),
        type: Number(of('ETH_TYPE')['ethType']),
        mac: String(of('ETH_DST')['mac']),
        dscp: Number(of('IP_DSCP')['ipDscp']),
        port: Number(treatment.instructions[0]?.['port']),
      });
      return [201];
    }
    if (method === 'DELETE') {
      for (const [key, flow] of network.flows) if (idOf(flow) === flowId) network.flows.delete(key);
      return [204];
    }
    return [404];
  };
}

const PATHS = [
  { id: 'primary', switches: ['s1', 's2', 's4'] },
  { id: 'secondary', switches: ['s1', 'edge', 's4'] },
];

describe.each([
  ['ryu', ryu, ryuController],
  ['onos', onos, onosController],
])('%s', (_, answers, controllerOf) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function start(network: Network): Promise<{ northbound: Northbound; told: Told }> {
    const server = await serve(answers(network));
    ends.push(() => server.close());
    const northbound = polledNorthbound({
      controller: controllerOf(new NorthboundHttp(server.url, 'onos:rocks')),
      clock: systemClock,
      random: seededRandom(1),
      intervalMs: 5,
      switches: { [long(3)]: 'edge' },
      paths: PATHS,
      rates: new Map([['s1>s2', 20e6]]),
    });
    const told = new Told();
    const stop = new AbortController();
    const ran = northbound.run(told, stop.signal);
    ends.push(() => {
      stop.abort();
      return ran;
    });
    await told.until(() => told.statisticsSeen.length > 0 || told.events.includes('lost'));
    return { northbound, told };
  }

  test('tells switches, links, hosts, paths and counters', async () => {
    const { told } = await start(new Network());
    expect(told.events.slice(0, 4)).toEqual(['found', 'topology', 'routes', 'statistics']);
    const [topology] = told.topologies;
    expect(topology?.switches.map(({ name }) => name)).toEqual(['s1', 's2', 'edge', 's4']);
    expect(topology?.links.find(({ id }) => id === 's1>s2')).toMatchObject({
      port: 2,
      rateBps: 20e6,
      up: true,
    });
    expect(topology?.links.find(({ id }) => id === 'edge>s4')).toMatchObject({ port: 2, rateBps: null });
    expect(topology?.hosts.map((host) => [host.name, host.switch, host.addresses[0]])).toEqual([
      [MACS.left, 's1', '10.0.0.1'],
      [MACS.right, 's4', '10.0.0.101'],
    ]);
    expect(topology?.paths.map(({ id, backward }) => [id, backward])).toEqual([
      ['primary', ['s4>s2', 's2>s1']],
      ['secondary', ['s4>edge', 'edge>s1']],
    ]);
    expect(told.statisticsSeen[0]?.links.find(({ id }) => id === 's1>s2')).toMatchObject({
      txBytes: 1000,
      txPackets: 10,
      txDropped: 1,
    });
  });

  test('moves a class there and back, the inner switches first, and takes it back wholly', async () => {
    const network = new Network();
    const { northbound, told } = await start(network);
    await northbound.moveClass(46, 'secondary');
    expect(network.hop(1, MACS.right, 46)).toBe(3);
    expect(network.hop(3, MACS.right, 46)).toBe(2);
    expect(network.hop(4, MACS.left, 46)).toBe(3);
    expect(network.hop(3, MACS.left, 46)).toBe(1);
    expect(network.hop(2, MACS.right, 46)).toBeUndefined();
    expect(network.hop(4, MACS.right, 46)).toBeUndefined();
    expect(network.order.slice(0, 4)).toEqual(['+3', '+3', '+1', '+1']);
    await told.until(() => told.routesSeen.at(-1)?.marks.get(46) === 'secondary');
    await northbound.moveClass(46, 'primary');
    expect(network.hop(1, MACS.right, 46)).toBe(2);
    expect(network.hop(3, MACS.right, 46)).toBeUndefined();
    await northbound.unmoveClass(46);
    expect(network.flows.size).toBe(0);
  });

  test('leaves the flows of other classes alone, and tells of broken ones as of no path', async () => {
    const network = new Network();
    const { northbound, told } = await start(network);
    await northbound.moveClass(46, 'secondary');
    await northbound.moveClass(1, 'secondary');
    await northbound.unmoveClass(46);
    expect(network.hop(1, MACS.right, 1)).toBe(3);
    network.flows.delete(keyOf({ dpid: 4, type: 0x86dd, mac: MACS.left, dscp: 1, port: 0 }));
    await told.until(() => told.routesSeen.at(-1)?.marks.get(1) === '');
  });

  test('tells a link that vanishes as down, and goes on without paths that it cannot have', async () => {
    const network = new Network();
    const { northbound, told } = await start(network);
    network.links = LINKS.filter(([from, port]) => from !== 2 || port !== 2);
    await told.until(
      () => told.topologies.at(-1)?.links.some(({ id, up }) => id === 's2>s4' && !up) === true,
    );
    expect(told.topologies.at(-1)?.paths).toHaveLength(2);
    await expect(northbound.moveClass(46, 'tertiary')).rejects.toThrow('there is no path tertiary');
  });

  test('says once that the controller is away, and that it is there again', async () => {
    const network = new Network();
    const { northbound, told } = await start(network);
    network.away = true;
    await told.until(() => told.events.includes('lost'));
    await expect(northbound.moveClass(46, 'secondary')).rejects.toThrow(/50[03]/);
    network.away = false;
    await told.until(() => told.events.filter((event) => event === 'found').length === 2);
    expect(told.events.filter((event) => event === 'lost')).toHaveLength(1);
  });
});

test('a controller that answers nonsense is one that is away', async () => {
  const server = await serve(() => [200, { devices: 'many' }]);
  const controller = onosController(new NorthboundHttp(server.url));
  const northbound = polledNorthbound({
    controller,
    clock: systemClock,
    random: seededRandom(1),
    intervalMs: 5,
    switches: {},
    paths: undefined,
    rates: new Map(),
  });
  const told = new Told();
  const stop = new AbortController();
  const ran = northbound.run(told, stop.signal);
  await told.until(() => told.events.includes('lost'));
  await expect(northbound.unmoveClass(46)).rejects.toThrow('has not answered yet');
  stop.abort();
  await ran;
  await server.close();
  expect(told.events).toEqual(['lost']);
});
