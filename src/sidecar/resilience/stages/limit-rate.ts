import type { Policy, RateLimit } from '../../../core/index.ts';
import type { Exchange, Stage } from '../../exchange.ts';
import type { TrafficCounters } from '../counters.ts';
import { TokenBuckets } from '../token-buckets.ts';

const CODE = 'RATE_LIMITED';
/** So much of a tenant's name is looked at. */
const TENANT_CHARACTERS = 128;
const MS_PER_SECOND = 1000;

type TenantOf = (exchange: Exchange) => string;

function tenantOf(tenant: RateLimit['tenant']): TenantOf {
  if (tenant === undefined) return () => '';
  if (tenant === 'source') return ({ caller }) => caller.address;
  if (tenant === 'rule') return ({ reason }) => reason;
  const name = tenant.header.toLowerCase();
  return ({ facts }) => facts.header(name)?.slice(0, TENANT_CHARACTERS) ?? '';
}

/** One limit, with a table for each class that it concerns. */
class Limiter {
  readonly name: string;
  readonly #tenantOf: TenantOf;
  readonly #buckets: readonly (TokenBuckets | undefined)[];

  constructor({ name, classes, tenant, perSecond, burst, maxTenants }: RateLimit, policy: Policy) {
    this.name = name;
    this.#tenantOf = tenantOf(tenant);
    this.#buckets = policy.classes.map((one) =>
      classes === undefined || classes.includes(one.name)
        ? new TokenBuckets(perSecond, burst, maxTenants)
        : undefined,
    );
  }

  /** @returns 0 when the request may pass, else after how many ms another one may; undefined where it does not concern the class */
  take(exchange: Exchange): { readonly waitMs: number; readonly evicted: number } | undefined {
    const buckets = this.#buckets[exchange.classIndex];
    if (buckets === undefined) return undefined;
    const { evicted } = buckets;
    const waitMs = buckets.take(this.#tenantOf(exchange), exchange.arrivedMs);
    return { waitMs, evicted: buckets.evicted - evicted };
  }
}

/** Lets in so many requests of a class and a tenant as may come; what is beyond is answered 429. */
export function limitRate(limits: readonly RateLimit[], policy: Policy, counters: TrafficCounters): Stage {
  const limiters = limits.map((limit) => new Limiter(limit, policy));
  return {
    name: 'limit-rate',
    enter(exchange) {
      for (const limiter of limiters) {
        const taken = limiter.take(exchange);
        if (taken === undefined) continue;
        if (taken.evicted > 0) counters.count('tenantsForgotten', limiter.name, exchange.classIndex);
        if (taken.waitMs === 0) continue;
        counters.count('rateLimited', limiter.name, exchange.classIndex);
        return tooMany(exchange, policy, limiter.name, taken.waitMs);
      }
      return 'next';
    },
  };
}

function tooMany(exchange: Exchange, policy: Policy, limit: string, waitMs: number): 'answered' {
  exchange.side.counters.answered(CODE);
  const className = policy.classes[exchange.classIndex]?.name ?? 'unknown';
  const message = `the limit ${limit} is reached`;
  return exchange.reply({
    status: 429,
    fields: [
      ['x-priomesh-error', CODE],
      ['content-type', 'application/json'],
      ['retry-after', String(Math.max(1, Math.ceil(waitMs / MS_PER_SECOND)))],
    ],
    body: `${JSON.stringify({ error: CODE, class: className, message })}\n`,
  });
}
