import type { Balancer } from '../balancers/index.ts';
import type { Endpoint } from './endpoint.ts';

/** A named service that requests are sent to. */
export class Upstream {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly #balancer: Balancer;
  readonly #preferred: (readonly Endpoint[] | undefined)[] = [];

  constructor(name: string, endpoints: readonly Endpoint[], balancer: Balancer) {
    this.name = name;
    this.endpoints = endpoints;
    this.#balancer = balancer;
  }

  /**
   * Chooses an endpoint that this request has not tried. When all others are out of rotation they are chosen nevertheless:
   * a request to a doubtful endpoint is better than none.
   */
  pick(tried: readonly Endpoint[], classIndex: number): Endpoint | undefined {
    const preferred = this.#preferred[classIndex];
    if (tried.length === 0) {
      const best = preferred === undefined ? undefined : preferred[this.#balancer.pick(preferred)];
      return best ?? this.endpoints[Math.max(this.#balancer.pick(this.endpoints), 0)];
    }
    const untried = (endpoint: Endpoint): boolean => !tried.includes(endpoint);
    const left = preferred?.filter(untried) ?? [];
    const others = this.endpoints.filter(untried);
    return left[this.#balancer.pick(left)] ?? others[Math.max(this.#balancer.pick(others), 0)];
  }

  /** From now on requests of a class go to these endpoints while one of them is in rotation; undefined or none: to all. */
  prefer(classIndex: number, endpoints: readonly Endpoint[] | undefined): void {
    this.#preferred[classIndex] = endpoints;
  }
}
