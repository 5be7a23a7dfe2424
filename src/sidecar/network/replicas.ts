import { hostAddress } from '../../core/index.ts';
import type { Endpoint, Upstream } from '../pools/index.ts';

/** Which of an upstream's endpoints are chosen from, by class. */
export interface ReplicaOpinion {
  /** False where another host is to be chosen for requests of the class, if there is one. */
  prefers(peer: string, classIndex: number, nowMs: number): boolean;
  /** How congested the way there is for the class, 0 to 1: the balancer weighs it against everything else. Absent: it does not. */
  level?(peer: string, classIndex: number, nowMs: number): number;
}

/** Something that is known of the health of an endpoint. */
interface EndpointHealth {
  readonly host: string;
  readonly port: number;
  readonly healthy: boolean;
}

/**
 * Tells upstreams which endpoints to choose from: those that are healthy and not congested for the class; where there is none, those that
 * are healthy; where there is none either, all. Looked at when something was heard, so that a request costs nothing.
 */
export class Replicas {
  readonly #upstreams: readonly Upstream[];
  readonly #classCount: number;
  readonly #choosing: readonly number[];
  readonly #opinion: ReplicaOpinion;
  #unhealthy: ReadonlySet<string> = new Set();
  #avoided = 0;
  #weighed = false;

  /** @param choosing the classes for which congestion counts */
  constructor(
    upstreams: readonly Upstream[],
    classCount: number,
    choosing: readonly number[],
    opinion: ReplicaOpinion,
  ) {
    this.#upstreams = upstreams;
    this.#classCount = classCount;
    this.#choosing = choosing;
    this.#opinion = opinion;
  }

  /** How many pairs of endpoint and class are not chosen now. */
  get avoided(): number {
    return this.#avoided;
  }

  /** Whether something is to be taken back when the network is calm. */
  get acts(): boolean {
    return this.#avoided > 0 || this.#weighed;
  }

  /** What the registry says, which replaces what it said before. Of an endpoint that it does not name nothing is known. */
  registry(endpoints: readonly EndpointHealth[]): void {
    this.#unhealthy = new Set(
      endpoints.filter(({ healthy }) => !healthy).map(({ host, port }) => `${hostAddress(host)} ${port}`),
    );
  }

  update(nowMs: number): void {
    let avoided = 0;
    this.#weighed = false;
    for (const upstream of this.#upstreams) {
      const { endpoints } = upstream;
      if (endpoints.length < 2) {
        for (let classIndex = 0; classIndex < this.#classCount; classIndex += 1)
          upstream.prefer(classIndex, undefined);
        continue;
      }
      this.#weigh(endpoints, nowMs);
      const healthy =
        this.#unhealthy.size === 0 ? endpoints : endpoints.filter((one) => this.#isHealthy(one));
      const usable = healthy.length === 0 ? endpoints : healthy;
      for (let classIndex = 0; classIndex < this.#classCount; classIndex += 1) {
        const calm = this.#choosing.includes(classIndex)
          ? usable.filter(({ host }) => this.#opinion.prefers(hostAddress(host), classIndex, nowMs))
          : usable;
        const chosen = calm.length === 0 ? usable : calm;
        avoided += endpoints.length - chosen.length;
        upstream.prefer(classIndex, chosen.length === endpoints.length ? undefined : chosen);
      }
    }
    this.#avoided = avoided;
  }

  /** What is not avoided may still be worse than another. */
  #weigh(endpoints: readonly Endpoint[], nowMs: number): void {
    if (this.#opinion.level === undefined) return;
    for (const endpoint of endpoints) {
      const peer = hostAddress(endpoint.host);
      for (const classIndex of this.#choosing) {
        const level = this.#opinion.level(peer, classIndex, nowMs);
        endpoint.setCongestion(classIndex, level);
        if (level > 0) this.#weighed = true;
      }
    }
  }

  #isHealthy({ host, port }: Endpoint): boolean {
    return !this.#unhealthy.has(`${hostAddress(host)} ${port}`);
  }
}
