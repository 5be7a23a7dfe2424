import type { Balancer } from '../balancers/index.ts';
import type { Endpoint } from './endpoint.ts';

/** A named service that requests are sent to. */
export class Upstream {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly #balancer: Balancer;

  constructor(name: string, endpoints: readonly Endpoint[], balancer: Balancer) {
    this.name = name;
    this.endpoints = endpoints;
    this.#balancer = balancer;
  }

  /**
   * Chooses an endpoint that this request has not tried. When all others are out of rotation they are chosen nevertheless:
   * a request to a doubtful endpoint is better than none.
   */
  pick(tried: readonly Endpoint[]): Endpoint | undefined {
    if (tried.length === 0) {
      const index = this.#balancer.pick(this.endpoints);
      return this.endpoints[Math.max(index, 0)];
    }
    const left = this.endpoints.filter((endpoint) => !tried.includes(endpoint));
    const index = this.#balancer.pick(left);
    return left[Math.max(index, 0)];
  }
}
