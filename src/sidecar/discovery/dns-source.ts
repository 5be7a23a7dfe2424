import { Resolver } from 'node:dns/promises';
import { MAX_ENDPOINTS, type UpstreamConfig } from '../../config/index.ts';
import { messageOf } from '../../core/index.ts';
import type { FoundEndpoint } from '../pools/index.ts';
import type { Source, SourceContext } from './source.ts';
import { type AddressRecord, type FoundService, servicesOf } from './srv.ts';

type DnsSettings = NonNullable<NonNullable<UpstreamConfig['discovery']>['dns']>;

/** One question to one server, and how often. */
const QUESTION_TIMEOUT_MS = 2000;
const QUESTION_TRIES = 2;
/** Targets of SRV records that are looked up. */
const MAX_TARGETS = 64;
/** After a failure it is asked again after so long, doubled each time. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

/** Addresses and how long they hold. */
interface Answer {
  readonly endpoints: readonly FoundEndpoint[];
  readonly ttlMs: number;
}

class DnsSource implements Source {
  readonly #settings: DnsSettings;
  readonly #context: SourceContext;
  readonly #resolver = new Resolver({ timeout: QUESTION_TIMEOUT_MS, tries: QUESTION_TRIES });
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #answers = 0;
  #failures = 0;
  #failuresInRow = 0;

  constructor(settings: DnsSettings, context: SourceContext) {
    this.#settings = settings;
    this.#context = context;
    if (settings.servers !== undefined) this.#resolver.setServers(settings.servers);
    this.#done = this.#run();
  }

  statistics(): Readonly<Record<string, unknown>> {
    return { name: this.#settings.name, answers: this.#answers, failures: this.#failures };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#resolver.cancel();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { clock } = this.#context;
    while (!signal.aborted) {
      const waitMs = await this.#ask();
      if (signal.aborted) return;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** Asks once; gives when to ask again. What was not answered, or by nobody's address, changes nothing. */
  async #ask(): Promise<number> {
    const { name, record, minTtlMs = 1000, maxTtlMs = 300_000 } = this.#settings;
    const { upstream, logger, found, random } = this.#context;
    try {
      const { endpoints, ttlMs } =
        record === 'SRV' ? await this.#services(name) : await this.#addresses(name);
      if (this.#closing.signal.aborted) return 0;
      this.#answers += 1;
      this.#failuresInRow = 0;
      found(endpoints.slice(0, MAX_ENDPOINTS));
      return Math.min(Math.max(ttlMs, minTtlMs), Math.max(maxTtlMs, minTtlMs));
    } catch (error) {
      if (this.#closing.signal.aborted) return 0;
      this.#failures += 1;
      if (this.#failuresInRow === 0) {
        logger.log('warn', 'a name has no answer; the last endpoints stay', {
          upstream,
          name,
          why: messageOf(error),
        });
      }
      const retryMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failuresInRow, 10));
      this.#failuresInRow += 1;
      return retryMs * (0.5 + random.next());
    }
  }

  async #addresses(name: string): Promise<Answer> {
    const records = await this.#lookUp(name);
    const port = this.#settings.port ?? 0;
    return {
      endpoints: records.map(({ address }) => ({ host: address, port })),
      ttlMs: shortest(records),
    };
  }

  /** Node.js tells no time to live of SRV records: that of their addresses counts. */
  async #services(name: string): Promise<Answer> {
    const services: readonly FoundService[] = servicesOf(await this.#resolver.resolveSrv(name)).slice(
      0,
      MAX_TARGETS,
    );
    const records = new Map<string, readonly AddressRecord[]>();
    for (const { target } of services) {
      if (!records.has(target)) records.set(target, await this.#lookUp(target).catch(() => []));
    }
    const endpoints = services.flatMap(({ target, port, weight, priority }) =>
      (records.get(target) ?? []).map(({ address }) => ({ host: address, port, weight, priority })),
    );
    if (endpoints.length === 0) throw new Error('none of its targets has an address');
    return { endpoints, ttlMs: shortest([...records.values()].flat()) };
  }

  /** Addresses of both families. @throws when there is none of either */
  async #lookUp(name: string): Promise<readonly AddressRecord[]> {
    const families = await Promise.allSettled([
      this.#resolver.resolve4(name, { ttl: true }),
      this.#resolver.resolve6(name, { ttl: true }),
    ]);
    const records = families.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    const [first] = families;
    if (records.length === 0)
      throw first.status === 'rejected' ? first.reason : new Error('it has no addresses');
    return records;
  }
}

function shortest(records: readonly AddressRecord[]): number {
  return records.reduce((least, { ttl }) => Math.min(least, ttl), Number.POSITIVE_INFINITY) * 1000;
}

/** Endpoints from the domain name system: the addresses of a name, or the services that SRV records name (RFC 2782). */
export function openDnsSource(settings: DnsSettings, context: SourceContext): Source {
  return new DnsSource(settings, context);
}
