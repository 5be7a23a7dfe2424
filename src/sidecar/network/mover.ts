import { hostAddress, type Move, type NetworkPath } from '../../core/index.ts';
import { applyProfile, type ConnectionProfile, type Transport } from '../../transport/index.ts';
import type { AcceptedConnection } from '../accepted-connection.ts';
import type { Endpoint, Upstream } from '../pools/index.ts';
import type { PathProfiles } from './path-profiles.ts';
import { PeerProfiles } from './peer-profiles.ts';

/** The connections that packets leave by. */
export interface LiveConnections {
  /** Those that others have opened; undefined where the sidecar has no way in. */
  readonly inbound: { readonly connections: ReadonlySet<AcceptedConnection> } | undefined;
  readonly upstreams: readonly Upstream[];
}

/** Carries moves out: the sockets of a class towards a host change their mark, open ones too, and new ones begin with it. */
export class Mover {
  readonly #transport: Transport;
  readonly #peers: PeerProfiles;
  #upstreams: readonly Upstream[] = [];
  #inbound: LiveConnections['inbound'];
  #paths: ReadonlyMap<string, readonly NetworkPath[]> = new Map();
  /** By `peer class`: what does not take the default path. */
  readonly #away = new Map<string, number>();

  constructor(profiles: PathProfiles, transport: Transport) {
    this.#peers = new PeerProfiles(profiles);
    this.#transport = transport;
  }

  /** How connections that a host has opened are answered. */
  answering(address: string): readonly ConnectionProfile[] {
    return this.#peers.towards(address);
  }

  /** How connections to a host are opened. The list holds until it is given back. */
  opening(address: string): readonly ConnectionProfile[] {
    return this.#peers.pin(address);
  }

  /** No more connections to a host are opened by one who has asked how. */
  opened(address: string): void {
    this.#peers.unpin(address);
  }

  /** Begins to reach connections; before, there are none. */
  attach({ inbound, upstreams }: LiveConnections): void {
    this.#inbound = inbound;
    this.#upstreams = upstreams;
  }

  /** From now on these hosts are known, and no others; what took another path towards a host that is gone takes the default one again. */
  setPeers(paths: ReadonlyMap<string, readonly NetworkPath[]>): void {
    for (const key of this.#away.keys()) {
      const [peer = '', classIndex] = key.split(' ');
      if (!paths.has(peer)) this.#change(peer, Number(classIndex), 0);
    }
    this.#paths = paths;
    this.#peers.keepOnly(paths);
    for (const peer of paths.keys()) this.#peers.know(peer);
    for (const connection of this.#inbound?.connections ?? []) {
      connection.profiles = this.#peers.towards(connection.address);
    }
  }

  /** Which hosts are known, and the paths to each. */
  get paths(): ReadonlyMap<string, readonly NetworkPath[]> {
    return this.#paths;
  }

  /** How many pairs of host and class do not take the default path. */
  get away(): number {
    return this.#away.size;
  }

  /** The position of the path that a class takes towards a host. */
  pathOf(peer: string, classIndex: number): number {
    return this.#away.get(`${peer} ${classIndex}`) ?? 0;
  }

  /** The name of a path to a host. */
  nameOf(peer: string, path: number): string {
    return this.#paths.get(peer)?.[path]?.id ?? String(path);
  }

  carryOut({ peer, classIndex, to }: Move): void {
    this.#change(peer, classIndex, to);
  }

  /** Moves are rare and endpoints come and go, so they are looked for when they are needed. */
  #endpointsOn(peer: string): readonly Endpoint[] {
    return this.#upstreams.flatMap((upstream) =>
      upstream.connected.filter(({ host }) => hostAddress(host) === peer),
    );
  }

  #change(peer: string, classIndex: number, path: number): void {
    const key = `${peer} ${classIndex}`;
    if (path === 0) this.#away.delete(key);
    else this.#away.set(key, path);
    const profile = this.#peers.move(peer, classIndex, path);
    if (profile === undefined) return;
    const transport = this.#transport;
    for (const { pools } of this.#endpointsOn(peer)) {
      pools[classIndex]?.eachSocket((socket) => applyProfile(socket, profile, transport));
    }
    const profiles = this.#peers.towards(peer);
    for (const connection of this.#inbound?.connections ?? []) {
      if (connection.profiles !== profiles || connection.lastClassIndex !== classIndex) continue;
      // Also while a response is on its way: what the kernel has not sent yet leaves with the new mark.
      const { socket } = connection.stream ?? {};
      if (socket !== undefined) applyProfile(socket, profile, transport);
    }
  }
}
