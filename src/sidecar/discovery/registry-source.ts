import { hostAddress } from '../../core/index.ts';
import type { ControlClient, RegistryEndpoint } from '../control/index.ts';
import type { Source, SourceContext } from './source.ts';

/** What a control plane does not name right after its start may be on its way to it: sidecars come back within seconds. */
const HOLD_MS = 10_000;

const keyOf = ({ host, port }: RegistryEndpoint): string => `${hostAddress(host)} ${port}`;

class RegistrySource implements Source {
  readonly #service: string;
  readonly #context: SourceContext;
  readonly #silence: () => void;
  readonly #closing = new AbortController();
  #known: ReadonlyMap<string, RegistryEndpoint> = new Map();
  /** Endpoints that a control plane did not name when it told everything anew, and until when they are believed in. */
  readonly #held = new Map<string, { readonly endpoint: RegistryEndpoint; readonly untilMs: number }>();
  #updates = 0;
  #looking: Promise<void> | undefined;

  constructor(service: string, control: ControlClient, context: SourceContext) {
    this.#service = service;
    this.#context = context;
    this.#silence = control.listen({ registry: (endpoints, whole) => this.#told(endpoints, whole) });
  }

  statistics(): Readonly<Record<string, unknown>> {
    return { service: this.#service, updates: this.#updates, held: this.#held.size };
  }

  async close(): Promise<void> {
    this.#silence();
    this.#closing.abort();
    await this.#looking;
  }

  #told(endpoints: readonly RegistryEndpoint[], whole: boolean): void {
    const now = new Map(
      endpoints.filter(({ service }) => service === this.#service).map((one) => [keyOf(one), one]),
    );
    const untilMs = this.#context.clock.nowMs() + HOLD_MS;
    for (const [key, endpoint] of this.#known) {
      if (whole && !now.has(key)) this.#held.set(key, { endpoint, untilMs });
    }
    for (const key of now.keys()) this.#held.delete(key);
    this.#known = now;
    this.#tell();
    if (this.#held.size > 0) this.#looking ??= this.#expire();
  }

  #tell(): void {
    const held = [...this.#held.values()].map(({ endpoint }) => endpoint);
    const all = [...this.#known.values(), ...held];
    // A control plane that has never named one knows no better than the configuration.
    if (all.length === 0 && this.#updates === 0) return;
    this.#updates += 1;
    this.#context.found(all);
  }

  /** Lets go of those that nobody has named again. */
  async #expire(): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#closing;
    while (this.#held.size > 0 && !signal.aborted) {
      await clock.sleep(HOLD_MS / 4, signal).catch(() => undefined);
      if (signal.aborted) return;
      const nowMs = clock.nowMs();
      const late = [...this.#held].filter(([, { untilMs }]) => untilMs <= nowMs);
      for (const [key] of late) this.#held.delete(key);
      if (late.length > 0) this.#tell();
    }
    this.#looking = undefined;
  }
}

/** Endpoints that are registered at the control plane. While there is none, the last ones stay. */
export function openRegistrySource(service: string, control: ControlClient, context: SourceContext): Source {
  return new RegistrySource(service, control, context);
}
