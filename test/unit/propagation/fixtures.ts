import type { Policy, RequestClass } from '../../../src/core/index.ts';
import {
  CARRIER_HEADER_NAMES,
  Carried,
  CarrierHeaders,
  createPropagation,
  type Propagation,
  type PropagationOptions,
} from '../../../src/propagation/index.ts';
import { QUIET_NETWORK } from '../../support/network-settings.ts';

function requestClass(name: string, rank: number): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: ['cubic'] },
    mark: { dscp: 0, dscpName: 'CS0' },
    kernel: { sharePercent: 10, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
  };
}

/** Classes interactive (0), standard (1, rank 3) and batch (2, rank 9). */
export const POLICY: Policy = {
  schema: 'priomesh/policy/v1',
  name: 'test',
  classes: [requestClass('interactive', 0), requestClass('standard', 3), requestClass('batch', 9)],
  queue: { mode: 'strict', concurrency: 8, capacity: 512, starvationMs: 5000 },
  broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
  network: QUIET_NETWORK,
  routes: [],
  ingress: { defaultClass: 'batch', rules: [], trustedNetworks: [] },
};

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const SPAN_ID = 'b7ad6b7169203331';
export const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

/** Random bytes that count upwards, so that a test can name what is drawn. */
function countingFill(): (into: Uint8Array) => void {
  let next = 0;
  return (into) => {
    for (let index = 0; index < into.length; index += 1) {
      next = (next + 1) & 0xff;
      into[index] = next;
    }
  };
}

export function propagation(options: PropagationOptions = {}): Propagation {
  return createPropagation(POLICY, { randomFill: countingFill(), startB3: 'none', ...options });
}

/** The carriers as members of an object, by the positions of CARRIER_HEADER_NAMES. */
export const MEMBERS = [
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'xB3TraceId',
  'xB3SpanId',
  'xB3ParentSpanId',
  'xB3Sampled',
  'xB3Flags',
  'xRequestId',
  'priority',
] as const;

/** Carrier headers as a test writes them. */
export type Texts = Partial<Record<(typeof MEMBERS)[number], string | undefined>>;

export function carriers(texts: Texts): CarrierHeaders {
  const headers = new CarrierHeaders();
  MEMBERS.forEach((member, carrier) => {
    headers.setText(carrier, texts[member]);
  });
  return headers;
}

export function extract(subject: Propagation, texts: Texts, believed = true): Carried {
  const carried = new Carried();
  subject.extract(carriers(texts), believed, carried);
  return carried;
}

/** Reads and rewrites headers as a sidecar would; the result is what the next hop sees. */
export function forward(subject: Propagation, headers: Texts, classIndex: number, believed = true): Texts {
  const carried = extract(subject, headers, believed);
  const { drop, bytes, length } = subject.inject(carriers(headers), carried, classIndex);
  const next: Texts = {};
  MEMBERS.forEach((member, index) => {
    const value = headers[member];
    if (value !== undefined && (drop & (1 << index)) === 0) next[member] = value;
  });
  for (const line of bytes.toString('latin1', 0, length).split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(': ');
    const index = CARRIER_HEADER_NAMES.map(String).indexOf(line.slice(0, colon));
    const member = MEMBERS[index];
    if (member === undefined || next[member] !== undefined) throw new RangeError(`unexpected line: ${line}`);
    next[member] = line.slice(colon + 2);
  }
  return next;
}
