import type { Topology } from '../../control-protocol/index.ts';
import { amountOf, flagOf, type Json, linkOf, listOf, nameOf, objectOf, strange, wholeOf } from './json.ts';
import type { LinkCounters, Routes, Statistics } from './northbound.ts';

/** A port number of OpenFlow 1.3 that is a physical port. */
const PORT_MOST = 0xffff_ff00;

function dscpOf(text: string): number {
  if (!/^(?:[0-9]|[1-5][0-9]|6[0-3])$/.test(text)) throw strange('a mark that is no DSCP value');
  return Number(text);
}

/** An interface may be unknown. */
const deviceOf = (value: unknown): string => (value === '' ? '' : nameOf(value, 'an interface'));

/** A number; 16 hexadecimal digits among ourselves, as OpenFlow's tools write it. */
const datapathOf = (value: unknown): string =>
  typeof value === 'number'
    ? wholeOf(value, 'a datapath id', 0, Number.MAX_SAFE_INTEGER).toString(16).padStart(16, '0')
    : nameOf(value, 'a datapath id');

function each<T>(value: unknown, what: string, read: (item: Json) => T): T[] {
  return listOf(value, what).map((item) => read(objectOf(item, `an item of ${what}`)));
}

const names = (value: unknown, what: string): string[] =>
  listOf(value, what, 64).map((one) => nameOf(one, what));
const path = (value: unknown): string[] => listOf(value, 'a path', 64).map(linkOf);

/** Reads `GET /v1/topology`. @throws PriomeshError NORTHBOUND_FAILED */
export function readTopology(value: unknown): Topology {
  const { epoch, switches, links, hosts, paths } = objectOf(value, 'a topology');
  const topology: Topology = {
    epoch: wholeOf(epoch, 'an epoch', 0, Number.MAX_SAFE_INTEGER),
    switches: each(switches, 'switches', (one) => ({
      name: nameOf(one['name'], 'a switch'),
      dpid: datapathOf(one['dpid']),
      connected: flagOf(one['connected'], 'a switch'),
    })),
    links: each(links, 'links', (one) => ({
      id: linkOf(one['id']),
      from: nameOf(one['from'], 'a link'),
      to: nameOf(one['to'], 'a link'),
      port: wholeOf(one['port'], 'a port', 1, PORT_MOST),
      device: deviceOf(one['device']),
      rateBps: one['rateBps'] === null ? null : amountOf(one['rateBps'], 'a rate'),
      up: flagOf(one['up'], 'a link'),
    })),
    hosts: each(hosts, 'hosts', (one) => ({
      name: nameOf(one['name'], 'a host'),
      addresses: names(one['addresses'], 'addresses'),
      switch: nameOf(one['switch'], 'a host'),
    })),
    paths: each(paths, 'paths', (one) => {
      const [first, second, ...more] = names(one['between'], 'the ends of a path');
      if (first === undefined || second === undefined || more.length > 0)
        throw strange('a path without two ends');
      return {
        id: nameOf(one['id'], 'a path'),
        default: flagOf(one['default'], 'a path'),
        between: [first, second],
        forward: path(one['forward']),
        backward: path(one['backward']),
      };
    }),
  };
  checkReferences(topology);
  return topology;
}

function checkReferences({ links, paths }: Topology): void {
  const known = new Set(links.map(({ id }) => id));
  if (known.size < links.length) throw strange('a link twice');
  for (const { id, forward, backward } of paths) {
    const missing = [...forward, ...backward].find((link) => !known.has(link));
    if (missing !== undefined) throw strange(`a path ${id} over a link ${missing} that is not there`);
  }
}

function readCounters(one: Json): LinkCounters {
  const marks = Object.entries(objectOf(one['marks'] ?? {}, 'marks')).map(([dscp, value]) => {
    const { bytes, packets } = objectOf(value, 'a mark');
    return [
      dscpOf(dscp),
      { bytes: amountOf(bytes, 'bytes'), packets: amountOf(packets, 'packets') },
    ] as const;
  });
  return {
    id: linkOf(one['id']),
    txBytes: amountOf(one['txBytes'], 'bytes'),
    txPackets: amountOf(one['txPackets'], 'packets'),
    txDropped: amountOf(one['txDropped'], 'drops'),
    marks: new Map(marks),
  };
}

/** Reads `GET /v1/statistics`. @throws PriomeshError NORTHBOUND_FAILED */
export function readStatistics(value: unknown): Statistics {
  const { epoch, timeMs, links } = objectOf(value, 'statistics');
  return {
    epoch: amountOf(epoch, 'an epoch'),
    timeMs: amountOf(timeMs, 'a time'),
    links: each(links, 'links', readCounters),
  };
}

/** Reads `GET /v1/routes`. @throws PriomeshError NORTHBOUND_FAILED */
export function readRoutes(value: unknown): Routes {
  const { marks } = objectOf(value, 'routes');
  const read = Object.entries(objectOf(marks, 'marks')).map(
    ([dscp, path]) => [dscpOf(dscp), nameOf(path, 'a path')] as const,
  );
  return { marks: new Map(read) };
}
