import { hostAddress } from '../../core/index.ts';
import type { ConnectionProfile } from '../../transport/index.ts';
import type { PathProfiles } from './path-profiles.ts';

/**
 * How connections towards each peer host are sent now, by class. Whoever sends holds the peer's list, which a move changes in place, so that
 * the data path looks nothing up.
 */
export class PeerProfiles {
  readonly #profiles: PathProfiles;
  readonly #peers = new Map<string, ConnectionProfile[]>();
  /** Hosts that are known for as long as somebody opens connections to them, and by how many. */
  readonly #pinned = new Map<string, number>();

  constructor(profiles: PathProfiles) {
    this.#profiles = profiles;
  }

  /** The list of a host that is known; that of a stranger is the default and never changes. */
  towards(address: string): readonly ConnectionProfile[] {
    return this.#peers.get(hostAddress(address)) ?? this.#profiles.defaults;
  }

  /** Makes a host known. The same list as before where it is. */
  know(address: string): readonly ConnectionProfile[] {
    const host = hostAddress(address);
    const known = this.#peers.get(host) ?? [...this.#profiles.defaults];
    this.#peers.set(host, known);
    return known;
  }

  /** Makes a host known until it is unpinned as often. */
  pin(address: string): readonly ConnectionProfile[] {
    const host = hostAddress(address);
    this.#pinned.set(host, (this.#pinned.get(host) ?? 0) + 1);
    return this.know(address);
  }

  /** Takes back one pin. The host is forgotten with the next that is to be. */
  unpin(address: string): void {
    const host = hostAddress(address);
    const left = (this.#pinned.get(host) ?? 0) - 1;
    if (left > 0) this.#pinned.set(host, left);
    else this.#pinned.delete(host);
  }

  /** Changes one class's profile. @returns the new one; undefined for a stranger */
  move(address: string, classIndex: number, path: number): ConnectionProfile | undefined {
    const peer = this.#peers.get(hostAddress(address));
    if (peer === undefined) return undefined;
    const profile = this.#profiles.of(classIndex, path);
    peer[classIndex] = profile;
    return profile;
  }

  /** Forgets all but these, and those that are pinned. */
  keepOnly(hosts: { has(host: string): boolean }): void {
    for (const host of this.#peers.keys()) {
      if (!hosts.has(host) && !this.#pinned.has(host)) this.#peers.delete(host);
    }
  }
}
