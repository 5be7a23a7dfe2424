import { isIP } from 'node:net';
import { hostAddress } from '../core/index.ts';
import { CONTROL_LIMITS } from './limits.ts';
import type { WireTopology } from './messages.ts';
import { isCount, isLinkId, isNetworkName, within } from './read.ts';
import type { Topology } from './topology.ts';

const DPID = /^[0-9A-Fa-f]{1,16}$/;
/** As Linux names interfaces, and nothing where it is not known. */
const DEVICE = /^[^\s/\0]{0,15}$/;
const MOST_BPS = 1e13;

const unique = (names: readonly string[]): boolean => new Set(names).size === names.length;

function countsFit(wire: WireTopology): boolean {
  return (
    wire.switches.length <= CONTROL_LIMITS.switches &&
    wire.links.length <= CONTROL_LIMITS.links &&
    wire.hosts.length <= CONTROL_LIMITS.hosts &&
    wire.paths.length <= CONTROL_LIMITS.paths
  );
}

function partsFit({ switches, links, hosts }: WireTopology): boolean {
  return (
    switches.every(({ name, dpid }) => isNetworkName(name) && DPID.test(dpid)) &&
    links.every(
      ({ id, from, to, port, device, rateBps }) =>
        isLinkId(id) &&
        id === `${from}>${to}` &&
        isCount(port) &&
        DEVICE.test(device) &&
        (rateBps === undefined || within(rateBps, Number.MIN_VALUE, MOST_BPS)),
    ) &&
    hosts.every(
      ({ name, addresses, switch: at }) =>
        isNetworkName(name) &&
        isNetworkName(at) &&
        addresses.length <= CONTROL_LIMITS.addressesPerHost &&
        addresses.every((address) => isIP(address) !== 0),
    )
  );
}

function pathsFit({ links, paths }: WireTopology): boolean {
  const known = new Set(links.map(({ id }) => id));
  const crosses = (list: readonly string[]): boolean =>
    list.length <= CONTROL_LIMITS.linksPerPath && list.every((link) => known.has(link));
  return paths.every(
    ({ id, between, forward, backward }) =>
      isNetworkName(id) &&
      between.length === 2 &&
      between.every(isNetworkName) &&
      crosses(forward) &&
      crosses(backward),
  );
}

/** A topology, or nothing where a part of it is not sound or contradicts another: the one before then stays. */
export function readTopology(wire: WireTopology): Topology | undefined {
  if (!isCount(wire.epoch) || !countsFit(wire) || !partsFit(wire) || !pathsFit(wire)) return undefined;
  const { switches, links } = wire;
  // Addresses are compared as text from here on, so each has one form.
  const hosts = wire.hosts.map(({ name, addresses, switch: at }) => ({
    name,
    addresses: addresses.map(hostAddress),
    switch: at,
  }));
  if (!unique(switches.map(({ name }) => name)) || !unique(links.map(({ id }) => id))) return undefined;
  if (!unique(hosts.flatMap(({ addresses }) => addresses))) return undefined;
  return {
    epoch: wire.epoch,
    switches: switches.map(({ name, dpid, connected }) => ({ name, dpid, connected })),
    links: links.map(({ id, from, to, port, device, rateBps, up }) => ({
      id,
      from,
      to,
      port,
      device,
      rateBps: rateBps ?? null,
      up,
    })),
    hosts,
    paths: wire.paths.map(({ id, default: isDefault, between: [one, other], forward, backward }) => ({
      id,
      default: isDefault,
      between: [one ?? '', other ?? ''],
      forward,
      backward,
    })),
  };
}
