import {
  type WatchResponse,
  type WireHints,
  type WireSnapshot,
  writeHint,
  writePaths,
} from '../control-protocol/index.ts';
import type { HintStore } from './hint-store.ts';
import type { PathTable } from './node-paths.ts';
import type { Registry } from './registry.ts';

/** The newest hints of a table's links that came after a version. */
function hintsSince(store: HintStore, { links }: PathTable, version: number, nowMs: number): WireHints {
  const hints = links
    .map((link) => store.fresh(link, nowMs))
    .filter((kept) => kept !== undefined && kept.version > version)
    .flatMap((kept) => (kept === undefined ? [] : [writeHint(kept.hint, kept.expiresMs - nowMs)]));
  return { hints };
}

interface Made {
  readonly key: string;
  readonly atMs: number;
  readonly bytes: Uint8Array | undefined;
}

/** For this long a message is the same for everybody: what it says about times to live is then wrong by as much. */
const SHARED_MS = 1;

/** Makes the messages for followers, encoded. What a thousand are told at once is made once. */
export class Messages {
  readonly #hints: HintStore;
  readonly #registry: Registry;
  readonly #encode: (message: WatchResponse) => Uint8Array;
  readonly #made = new WeakMap<PathTable, Map<string, Made>>();
  readonly keepalive: Uint8Array;

  constructor(hints: HintStore, registry: Registry, encode: (message: WatchResponse) => Uint8Array) {
    this.#hints = hints;
    this.#registry = registry;
    this.#encode = encode;
    this.keepalive = encode({ keepalive: {} });
  }

  snapshot(table: PathTable, head: Pick<WireSnapshot, 'epoch' | 'keepaliveMs'>, nowMs: number) {
    return this.#shared('snapshot', table, `${this.#registry.version} ${this.#hints.version}`, nowMs, () => {
      const registry = this.#registry.since(0);
      const paths = writePaths(table.peers);
      const hints = hintsSince(this.#hints, table, 0, nowMs);
      return { snapshot: { ...head, paths, hints, ...(registry === undefined ? {} : { registry }) } };
    });
  }

  paths(table: PathTable, nowMs: number): Uint8Array | undefined {
    return this.#shared('paths', table, '', nowMs, () => ({ paths: writePaths(table.peers) }));
  }

  /** What is new in the registry since a version, or nothing. */
  registry(table: PathTable, version: number, nowMs: number): Uint8Array | undefined {
    return this.#shared('registry', table, `${version} ${this.#registry.version}`, nowMs, () => {
      const registry = this.#registry.since(version);
      return registry === undefined ? undefined : { registry };
    });
  }

  /** The hints about a table's links since a version, or nothing. */
  hints(table: PathTable, version: number, nowMs: number): Uint8Array | undefined {
    return this.#shared('hints', table, `${version} ${this.#hints.version}`, nowMs, () => {
      const hints = hintsSince(this.#hints, table, version, nowMs);
      return hints.hints.length === 0 ? undefined : { hints };
    });
  }

  #shared(
    kind: string,
    table: PathTable,
    key: string,
    nowMs: number,
    make: () => WatchResponse | undefined,
  ): Uint8Array | undefined {
    const kinds = this.#made.get(table) ?? new Map<string, Made>();
    this.#made.set(table, kinds);
    const known = kinds.get(kind);
    if (known !== undefined && known.key === key && nowMs - known.atMs <= SHARED_MS) return known.bytes;
    const message = make();
    const bytes = message === undefined ? undefined : this.#encode(message);
    kinds.set(kind, { key, atMs: nowMs, bytes });
    return bytes;
  }
}
