import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodePaths } from '../../../src/control-plane/node-paths.ts';
import {
  readPaths,
  type Topology,
  type WatchResponse,
  type WirePaths,
  writeTopology,
} from '../../../src/control-protocol/index.ts';
import { RegistryView } from '../../../src/sidecar/control/registry-view.ts';
import { dualPath, type FakeSink, heldPlane, hintAbout } from './support.ts';

/** What a follower knows after all that it was told. */
class Known {
  readonly sequences = new Map<string, number>();
  readonly registry = new RegistryView();
  paths: WirePaths = { groups: [] };
  snapshots = 0;

  take({ snapshot, hints, paths, registry }: WatchResponse): void {
    if (snapshot) this.snapshots += 1;
    const told = snapshot ?? { hints, paths, registry };
    if (told.paths) this.paths = told.paths;
    if (told.registry) this.registry.take(told.registry);
    for (const { link, sequence } of told.hints?.hints ?? []) {
      // Never an older one after a newer one.
      expect(sequence).toBeGreaterThanOrEqual(this.sequences.get(link) ?? 0);
      this.sequences.set(link, sequence);
    }
  }
}

const FULL = dualPath();
const LINKS = FULL.links.map(({ id }) => id);
/** One path, both, and a network in which a host has moved. */
const TOPOLOGIES: readonly Topology[] = [
  FULL,
  { ...FULL, paths: FULL.paths.slice(1) },
  { ...FULL, hosts: FULL.hosts.map((host) => (host.name === 'h3' ? { ...host, switch: 's4' } : host)) },
];
const NODES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.9.9.9'];

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tell' as const), at: fc.nat(LINKS.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('topology' as const), at: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('follow' as const), at: fc.nat(NODES.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), at: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), at: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), at: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), at: fc.nat(100) }) },
);

interface Follower {
  readonly node: string;
  readonly sink: FakeSink;
  readonly end: () => void;
}

describe('every follower', () => {
  it('knows, when all is said, the paths, the newest hints on them and the registry, however slow it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const { plane, clock, follow, tell } = await heldPlane({ graceMs: 0 });
        const followers: Follower[] = [];
        const newest = new Map<string, number>();
        let topology: Topology | undefined;
        let sequence = 0;
        let port = 0;
        for (const { do: what, at } of steps) {
          const chosen = followers[at];
          if (what === 'tell') {
            sequence += 1;
            const link = LINKS[at] ?? '';
            tell(hintAbout(link, sequence, { ttlMs: 60_000 }));
            newest.set(link, sequence);
          } else if (what === 'topology') {
            topology = TOPOLOGIES[at];
            if (topology !== undefined) plane.report({ topology: writeTopology(topology) });
          } else if (what === 'follow' && followers.length < 8) {
            port += 1;
            const node = NODES[at] ?? '';
            const { sink, watcher } = follow(node, port);
            followers.push({ node, sink, end: () => plane.unfollow(watcher) });
          } else if (what === 'end' && chosen !== undefined) {
            chosen.end();
            followers.splice(at, 1);
          } else if (what === 'hold' && chosen !== undefined) chosen.sink.held = true;
          else if (what === 'release') chosen?.sink.release();
          else if (what === 'wait') {
            clock.ms += at;
            plane.tick();
          }
        }
        for (const { sink } of followers) sink.release();
        for (let turn = 0; turn < 3; turn += 1) {
          clock.ms += 200;
          plane.tick();
        }
        const registries = followers.map(({ node, sink }) => {
          const known = new Known();
          for (const message of sink.messages) known.take(message);
          expect(known.snapshots).toBe(1);
          const table = new NodePaths(topology).of(node);
          expect(readPaths(known.paths)).toEqual(table.peers);
          for (const link of table.links)
            expect([link, known.sequences.get(link)]).toEqual([link, newest.get(link)]);
          return [...known.registry.endpoints()].sort((a, b) => a.port - b.port);
        });
        for (const registry of registries) {
          expect(registry).toEqual(registries[0]);
          expect(registry.map(({ host }) => host)).toEqual(followers.map(({ node }) => node));
        }
      }),
      { numRuns: 150 },
    );
  });
});
