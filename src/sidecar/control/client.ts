import type { ControlEvents } from './events.ts';
import type { RegistryEndpoint } from './registry-view.ts';
import { type ControlStream, type ControlStreamOptions, openControlStream } from './stream.ts';

/** What the one stream of a sidecar is opened with. */
export type ControlClientOptions = Omit<ControlStreamOptions, 'events' | 'endpoint'>;

/** The one stream of a sidecar to its control plane, and those who listen to it. */
export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #listeners = new Set<Partial<ControlEvents>>();
  /** What the registry was last told to be. */
  #registry: readonly RegistryEndpoint[] | undefined;
  #stream: ControlStream | undefined;

  constructor(options: ControlClientOptions) {
    this.#options = options;
  }

  /** Tells somebody what comes from now on, and the registry as it was last known at once. @returns what ends that */
  listen(events: Partial<ControlEvents>): () => void {
    this.#listeners.add(events);
    if (this.#registry !== undefined) events.registry?.(this.#registry, true);
    return () => void this.#listeners.delete(events);
  }

  /** Opens the stream, and registers where the sidecar takes requests. Returns at once. */
  start(endpoint: ControlStreamOptions['endpoint']): void {
    const each = (tell: (events: Partial<ControlEvents>) => void): void => {
      for (const listener of this.#listeners) tell(listener);
    };
    this.#stream = openControlStream({
      ...this.#options,
      endpoint,
      events: {
        paths: (peers) => each((events) => events.paths?.(peers)),
        hints: (hints) => each((events) => events.hints?.(hints)),
        registry: (endpoints, whole) => {
          this.#registry = endpoints;
          each((events) => events.registry?.(endpoints, whole));
        },
        lost: () => each((events) => events.lost?.()),
      },
    });
  }

  statistics(): Readonly<Record<string, unknown>> {
    return this.#stream?.statistics() ?? {};
  }

  /** Says that the sidecar is about to go. Resolves when all have been told, or after a bounded time; never rejects. */
  async drain(): Promise<void> {
    await this.#stream?.drain();
  }

  /** Ends the stream and waits until nothing of it runs. Safe to call twice. */
  async close(): Promise<void> {
    await this.#stream?.close();
  }
}
