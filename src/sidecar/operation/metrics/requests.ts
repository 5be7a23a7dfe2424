import type { Histogram } from '../../../core/index.ts';
import type { ClassCounters, ReportedSide } from '../../statistics/index.ts';
import { bounded } from './bounded.ts';
import type { Exposition, Family } from './open-metrics.ts';

/** From 256 microseconds to 33.6 s, doubling: the edges that the histograms have exactly. */
const EDGES_US = Array.from({ length: 18 }, (_, index) => 2 ** (index + 8));
const EDGES_SECONDS = EDGES_US.map((edge) => edge / 1e6);
const US_PER_SECOND = 1e6;
/** How many reasons, kinds and codes have series of their own. */
const MOST_NAMES = 100;

const nameOf = ({ name, live }: ReportedSide): string => name ?? live.current.name;

type Numbers = {
  [Name in keyof ClassCounters]: ClassCounters[Name] extends number ? Name : never;
}[keyof ClassCounters];

/** What became of requests, by the name of the counter. */
const OUTCOMES = {
  completed: 'completed',
  errors: 'answered',
  callerGone: 'caller-gone',
  upstreamBroken: 'upstream-broken',
} as const satisfies Partial<Record<Numbers, string>>;

/** What is counted of requests, by side and class. */
export function requestMetrics(
  exposition: Exposition,
  sides: readonly ReportedSide[],
  classNames: readonly string[],
): void {
  const each = (use: (labels: { side: string; class: string }, counters: ClassCounters) => void): void => {
    for (const side of sides) {
      for (const [index, name] of classNames.entries()) {
        const counters = side.live.current.counters.ofClass(index);
        if (counters !== undefined) use({ side: nameOf(side), class: name }, counters);
      }
    }
  };
  const requests = exposition.family({
    name: 'priomesh_requests',
    type: 'counter',
    help: 'Requests whose class is known.',
  });
  each((labels, counters) => requests.add(labels, counters.requests));
  const ended = exposition.family({
    name: 'priomesh_requests_ended',
    type: 'counter',
    help: 'What became of requests: completed (whole response), answered (by the sidecar), caller-gone, upstream-broken.',
  });
  each((labels, counters) => {
    for (const [member, outcome] of Object.entries(OUTCOMES)) {
      ended.add({ ...labels, outcome }, counters[member as keyof typeof OUTCOMES]);
    }
  });
  const duration = exposition.family({
    name: 'priomesh_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the whole head of a request to the end of its response, of responses that went out whole.',
  });
  each((labels, counters) => addHistogram(duration, labels, counters.durationUs));
  const wait = exposition.family({
    name: 'priomesh_queue_wait_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time in the request queue, of requests that were let through.',
  });
  each((labels, counters) => addHistogram(wait, labels, counters.queueWaitUs));
  const turnedAway = exposition.family({
    name: 'priomesh_queue_turned_away',
    type: 'counter',
    help: 'Requests that the queue did not let through: shed (no room, or overload), expired (waited too long).',
  });
  each((labels, { shed, expired }) => {
    turnedAway.add({ ...labels, reason: 'shed' }, shed);
    turnedAway.add({ ...labels, reason: 'expired' }, expired);
  });
  const retries = exposition.family({
    name: 'priomesh_retries',
    type: 'counter',
    help: 'Requests that were sent again.',
  });
  each((labels, counters) => retries.add(labels, counters.retries));
  const sent = exposition.family({
    name: 'priomesh_request_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes of requests, heads included, on their way to an upstream.',
  });
  each((labels, counters) => sent.add(labels, counters.requestBytes));
  const received = exposition.family({
    name: 'priomesh_response_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes of responses, heads included, on their way to a caller.',
  });
  each((labels, counters) => received.add(labels, counters.responseBytes));
  const calls = exposition.family({
    name: 'priomesh_grpc_calls',
    type: 'counter',
    help: 'Calls of gRPC, by the status that they ended with.',
  });
  each((labels, { grpcStatus }) => {
    for (const [status, count] of bounded(Object.entries(grpcStatus), MOST_NAMES)) {
      calls.add({ ...labels, status }, count);
    }
  });
  const inFlight = exposition.family({
    name: 'priomesh_requests_in_flight',
    type: 'gauge',
    help: 'Requests under way.',
  });
  each((labels, counters) => inFlight.add(labels, counters.inFlight));
  const queued = exposition.family({
    name: 'priomesh_requests_queued',
    type: 'gauge',
    help: 'Requests that wait in the request queue.',
  });
  each((labels, counters) => queued.add(labels, counters.queued));
}

function addHistogram(family: Family, labels: Readonly<Record<string, string>>, histogram: Histogram): void {
  const { count, sum } = histogram;
  family.addHistogram(labels, EDGES_SECONDS, histogram.countsBelow(EDGES_US), count, sum / US_PER_SECOND);
}

/** What is counted by side alone. */
export function sideMetrics(exposition: Exposition, sides: readonly ReportedSide[]): void {
  const named = (
    name: string,
    help: string,
    label: string,
    read: (side: ReportedSide) => Iterable<readonly [string, number]>,
  ): void => {
    const family = exposition.family({ name, type: 'counter', help });
    for (const side of sides) {
      for (const [value, count] of bounded(read(side), MOST_NAMES)) {
        family.add({ side: nameOf(side), [label]: value }, count);
      }
    }
  };
  named(
    'priomesh_class_reasons',
    'Why requests have their class: the name of a rule, default, or how provenance found it.',
    'reason',
    ({ live }) => live.current.counters.reasons,
  );
  named(
    'priomesh_refused_messages',
    'Heads and bodies that were refused, by the verdict on their framing.',
    'verdict',
    ({ live }) => live.current.counters.refusals,
  );
  named(
    'priomesh_own_answers',
    "Answers of the sidecar's own, by their code.",
    'code',
    ({ live }) => live.current.counters.answers,
  );
  named('priomesh_limits_hit', 'How often a limit was hit.', 'limit', ({ live }) =>
    Object.entries(live.current.counters.limits),
  );
  const open = exposition.family({
    name: 'priomesh_connections',
    type: 'gauge',
    help: 'Accepted connections that are open.',
  });
  const accepted = exposition.family({
    name: 'priomesh_connections_accepted',
    type: 'counter',
    help: 'Connections that were accepted.',
  });
  const limit = exposition.family({
    name: 'priomesh_queue_concurrency_limit',
    type: 'gauge',
    help: 'How many requests the application is given at once.',
  });
  const running = exposition.family({
    name: 'priomesh_queue_running',
    type: 'gauge',
    help: 'Requests that the queue has let through and that have not ended.',
  });
  for (const side of sides) {
    const { counters } = side.live.current;
    open.add({ side: nameOf(side) }, counters.connections);
    accepted.add({ side: nameOf(side) }, counters.connectionsAccepted);
    const queue = side.queue?.statistics();
    if (queue === undefined) continue;
    limit.add({ side: nameOf(side) }, queue.limit);
    running.add({ side: nameOf(side) }, queue.running);
  }
}
