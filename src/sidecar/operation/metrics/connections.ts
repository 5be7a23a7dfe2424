import { type ReportedSide, transportSample } from '../../statistics/index.ts';
import { OTHER } from './bounded.ts';
import type { Exposition, Family, Labels } from './open-metrics.ts';

/** How many endpoints of an upstream have series of their own. */
const MOST_ENDPOINTS = 64;
const US_PER_SECOND = 1e6;

/** Adds up what is told under the same labels. */
class Sums {
  readonly #family: Family;
  readonly #byLabels = new Map<string, { readonly labels: Labels; value: number }>();

  constructor(family: Family) {
    this.#family = family;
  }

  add(labels: Labels, value: number): void {
    const key = JSON.stringify(labels);
    const known = this.#byLabels.get(key);
    if (known === undefined) this.#byLabels.set(key, { labels, value });
    else known.value += value;
  }

  end(): void {
    for (const { labels, value } of this.#byLabels.values()) this.#family.add(labels, value);
  }
}

/** Connections to endpoints, and what stands in the way of those. */
export function poolMetrics(
  exposition: Exposition,
  sides: readonly ReportedSide[],
  classNames: readonly string[],
): void {
  const sums = (name: string, type: 'gauge' | 'counter', help: string): Sums =>
    new Sums(exposition.family({ name, type, help }));
  const connections = sums(
    'priomesh_pool_connections',
    'gauge',
    'Connections to an endpoint; classes that are sent alike share them.',
  );
  const idle = sums(
    'priomesh_pool_idle_connections',
    'gauge',
    'Connections to an endpoint that carry nothing.',
  );
  const waiting = sums(
    'priomesh_pool_waiting_requests',
    'gauge',
    'Requests that wait for a connection to an endpoint.',
  );
  const inFlight = sums(
    'priomesh_endpoint_requests_in_flight',
    'gauge',
    'Requests under way at an endpoint.',
  );
  const eligible = sums(
    'priomesh_endpoint_eligible',
    'gauge',
    'Whether an endpoint is sent requests while there are others.',
  );
  const ejections = sums(
    'priomesh_endpoint_ejections',
    'counter',
    'How often an endpoint was taken out of rotation.',
  );
  for (const upstream of sides.flatMap(({ upstreams }) => upstreams)) {
    for (const [index, endpoint] of upstream.endpoints.entries()) {
      const labels = {
        upstream: upstream.name,
        endpoint: index < MOST_ENDPOINTS ? endpoint.label : OTHER,
      };
      inFlight.add(labels, endpoint.inFlight);
      eligible.add(labels, endpoint.eligible ? 1 : 0);
      ejections.add(labels, endpoint.ejections);
      for (const pool of new Set(endpoint.pools)) {
        const served = classNames.filter((_, classIndex) => endpoint.pools[classIndex] === pool);
        const ofPool = { ...labels, classes: served.join(' ') };
        connections.add(ofPool, pool.size);
        idle.add(ofPool, pool.idle);
        waiting.add(ofPool, pool.waiting);
      }
    }
  }
  for (const one of [connections, idle, waiting, inFlight, eligible, ejections]) one.end();
}

/** What the kernel says about a few connections of each class: the mean over those. */
export function transportMetrics(
  exposition: Exposition,
  sides: readonly ReportedSide[],
  classNames: readonly string[],
): void {
  const gauge = (name: string, help: string, unit?: string): Family =>
    exposition.family({ name, type: 'gauge', help, ...(unit === undefined ? {} : { unit }) });
  const rtt = gauge(
    'priomesh_transport_rtt_seconds',
    'Smoothed round-trip time, mean over a few connections.',
    'seconds',
  );
  const window = gauge(
    'priomesh_transport_cwnd_segments',
    'Congestion window, mean over a few connections.',
    'segments',
  );
  const rate = gauge(
    'priomesh_transport_delivery_rate_bps',
    'Delivery rate in bits a second, mean over a few connections.',
    'bps',
  );
  const retransmits = gauge(
    'priomesh_transport_retransmitted_segments',
    'Segments sent again since a connection began, mean over a few connections.',
    'segments',
  );
  const sampled = gauge(
    'priomesh_transport_sampled_connections',
    'Over how many connections these means are.',
  );
  for (const { name, live, listener, upstreams } of sides) {
    const side = live.current;
    for (const [index, className] of classNames.entries()) {
      const { samples } = transportSample(side, listener.connections, upstreams, index);
      const labels = { side: name ?? side.name, class: className };
      sampled.add(labels, samples.length);
      if (samples.length === 0) continue;
      const mean = (of: (sample: (typeof samples)[number]) => number): number =>
        samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
      rtt.add(labels, mean(({ rttUs }) => rttUs) / US_PER_SECOND);
      window.add(
        labels,
        mean(({ cwndSegments }) => cwndSegments),
      );
      rate.add(
        labels,
        mean(({ deliveryRateBps }) => deliveryRateBps),
      );
      retransmits.add(
        labels,
        mean(({ totalRetransmits }) => totalRetransmits),
      );
    }
  }
}
