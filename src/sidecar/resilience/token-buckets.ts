interface Bucket {
  tokens: number;
  filledMs: number;
}

/** A token bucket for each of at most so many tenants; the one seen longest ago is forgotten for a new one. */
export class TokenBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxTenants: number;
  /** In the order in which they were last seen. */
  readonly #buckets = new Map<string, Bucket>();
  /** Tenants that were forgotten while others came. */
  evicted = 0;

  constructor(perSecond: number, burst: number, maxTenants: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#maxTenants = maxTenants;
  }

  get tenants(): number {
    return this.#buckets.size;
  }

  /** Takes a token of a tenant. @returns 0 when there was one, else after how many milliseconds there is */
  take(tenant: string, nowMs: number): number {
    const bucket = this.#bucket(tenant, nowMs);
    bucket.tokens = Math.min(this.#burst, bucket.tokens + Math.max(0, nowMs - bucket.filledMs) * this.#perMs);
    bucket.filledMs = nowMs;
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#perMs;
    bucket.tokens -= 1;
    return 0;
  }

  #bucket(tenant: string, nowMs: number): Bucket {
    const known = this.#buckets.get(tenant);
    if (known !== undefined) {
      this.#buckets.delete(tenant);
      this.#buckets.set(tenant, known);
      return known;
    }
    if (this.#buckets.size >= this.#maxTenants) {
      const [oldest = ''] = this.#buckets.keys();
      this.#buckets.delete(oldest);
      this.evicted += 1;
    }
    const made = { tokens: this.#burst, filledMs: nowMs };
    this.#buckets.set(tenant, made);
    return made;
  }
}
