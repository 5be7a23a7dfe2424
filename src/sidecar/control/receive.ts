import {
  CONTROL_LIMITS,
  readHints,
  readPaths,
  type WatchResponse,
  type WireHints,
  type WirePaths,
  type WireRegistry,
} from '../../control-protocol/index.ts';
import type { ControlCounters } from './counters.ts';
import type { ControlEvents } from './events.ts';
import { RegistryView } from './registry-view.ts';

/** What comes on one stream, checked and handed on. Paths are told before the hints about their links. */
export class Receiver {
  /** The longest time between two messages that the control plane promises; undefined before its snapshot. */
  keepaliveMs: number | undefined;
  readonly #events: ControlEvents;
  readonly #counters: ControlCounters;
  readonly #registry = new RegistryView();

  constructor(events: ControlEvents, counters: ControlCounters) {
    this.#events = events;
    this.#counters = counters;
  }

  take({ snapshot, paths, registry, hints }: WatchResponse): void {
    this.#counters.messages += 1;
    if (snapshot) {
      const { min, max } = CONTROL_LIMITS.keepaliveMs;
      this.keepaliveMs = Math.min(max, Math.max(min, snapshot.keepaliveMs));
      this.#counters.streams += 1;
    }
    this.#paths(snapshot?.paths ?? paths);
    this.#registryUpdate(snapshot?.registry ?? registry);
    this.#hints(snapshot?.hints ?? hints);
  }

  #paths(wire: WirePaths | null | undefined): void {
    if (!wire) return;
    const table = readPaths(wire);
    if (table === undefined) this.#counters.otherDropped += 1;
    else this.#events.paths(table);
  }

  #registryUpdate(wire: WireRegistry | null | undefined): void {
    if (!wire) return;
    this.#counters.otherDropped += this.#registry.take(wire);
    this.#events.registry(this.#registry.endpoints(), wire.whole);
  }

  #hints(wire: WireHints | null | undefined): void {
    if (!wire) return;
    const { values, dropped } = readHints(wire);
    this.#counters.hints += values.length;
    this.#counters.hintsDropped += dropped;
    if (values.length > 0) this.#events.hints(values);
  }
}
